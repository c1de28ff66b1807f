import { execFile } from 'node:child_process';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));
const fixture = join(project, 'test/fixtures/new-kind');
const notCopied = ['.git', '.crucible', 'node_modules', 'test', 'docs', 'examples'];

/** The lines that make a kind known, and what they stand before: its schema, its row, its workflow and its question. */
const lines = {
  schema: [
    [
      'domain/job.schema.ts',
      'import { OptimizeJob }',
      "import { CountJob } from './kinds/count.schema.ts';\n",
    ],
    ['domain/job.schema.ts', '  SolveJob,\n', '  CountJob,\n'],
  ],
  row: [
    ['domain/kinds/kinds.ts', 'import { optimize }', "import { count } from './count.ts';\n"],
    ['domain/kinds/kinds.ts', 'optimize, solve, pipeline', 'count, '],
  ],
  workflow: [['workflows/index.ts', 'export { optimize }', "export { count } from './count.ts';\n"]],
  question: [
    [
      'activities/propose/questions/questions.ts',
      'import { optimizeQuestion }',
      "import type { CountJob } from '../../../domain/kinds/count.schema.ts';\nimport { countQuestion } from './count.ts';\n",
    ],
    ['activities/propose/questions/questions.ts', 'OptimizeJob | SolveJob', 'CountJob | '],
    ['activities/propose/questions/questions.ts', 'optimize: optimizeQuestion', 'count: countQuestion,\n  '],
  ],
} as const;

/** Copies the house into `folder`, where another kind of job can move in. */
export async function copyHouse(folder: string): Promise<void> {
  await cp(project, folder, {
    recursive: true,
    filter: (path) => !notCopied.includes(path.slice(project.length)),
  });
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
}

/** Gives the kind `count` its files, and makes `parts` of it known in the house. */
export async function moveIn(house: string, parts: readonly (keyof typeof lines)[]): Promise<void> {
  await cp(fixture, house, { recursive: true });
  for (const [file, before, line] of parts.flatMap((part) => [...lines[part]])) {
    const text = await readFile(join(house, file), 'utf8');
    if (!text.includes(before)) throw new Error(`${file}: expected ${before}, to put a line before it`);
    await writeFile(join(house, file), text.replace(before, `${line}${before}`));
  }
}

/** What the compiler says of the house, by file; the files of a kind that is not known yet may say more. */
export const mistakesIn = (house: string): Promise<string[]> =>
  new Promise((resolve) => {
    const compiler = join(project, 'node_modules/typescript/bin/tsc');
    const asked = [compiler, '--noEmit', '-p', house, '--pretty', 'false'];
    execFile(process.execPath, asked, { cwd: house }, (_, said) =>
      resolve(said.split('\n').filter((line) => /^\S+\(\d+,\d+\)/.test(line))),
    );
  });
