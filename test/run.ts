import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/**
 * The tests in three tiers: `--check` (types, lint, format, unit), by default those and the real parts, with `--full` also the
 * large counts, and what runs programs once more in the second sandbox. `--second-sandbox` is that last part alone. Other arguments
 * choose files. Ends with a line `N passed, N failed`; in CI a skipped test is a failed one.
 */
const project = fileURLToPath(new URL('..', import.meta.url));
const asked = process.argv.slice(2);
const chosen = asked.filter((each) => !each.startsWith('--'));

interface Pass {
  projects: string[];
  files: string[];
  environment: Record<string, string>;
}

const passes: Pass[] = [];
if (!asked.includes('--second-sandbox')) {
  const larger = asked.includes('--full')
    ? ['parts', 'jobs', 'whole', 'shared', 'full']
    : asked.includes('--check')
      ? []
      : ['parts', 'jobs', 'whole'];
  passes.push({ projects: ['unit', ...larger], files: chosen, environment: {} });
}
if (asked.includes('--full') || asked.includes('--second-sandbox')) {
  const files = ['test/sandbox/contained', 'test/sandbox/supervisor-conduct', 'test/jobs/honest'];
  passes.push({ projects: ['whole', 'full'], files, environment: { CRUCIBLE_SANDBOX: 'bubblewrap' } });
}

const run = (command: string, args: string[], environment: Record<string, string> = {}): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(project, 'node_modules', command), ...args], {
      cwd: project,
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });

const checks = [
  ['types', () => run('typescript/bin/tsc', ['-p', '.'])],
  ['lint and format', () => run('@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.'])],
] as const;

const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  success: z.boolean(),
});

let passed = 0;
let failed = 0;
for (const [name, check] of asked.includes('--second-sandbox') ? [] : checks) {
  if (await check()) passed += 1;
  else {
    failed += 1;
    console.error(`${name}: failed`);
  }
}

for (const { projects, files, environment } of passes) {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-test-'));
  try {
    const file = join(folder, 'report.json');
    await run(
      'vitest/vitest.mjs',
      [
        ...['run', ...projects.flatMap((name) => ['--project', name]), ...files],
        ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
      ],
      environment,
    );
    const report = Report.parse(JSON.parse(await readFile(file, 'utf8')));
    const skipped = report.numPendingTests + report.numTodoTests;
    const inCi = process.env.CI !== undefined;
    passed += report.numPassedTests;
    failed += report.numFailedTests + (inCi ? skipped : 0);
    // A file that could not be loaded has no tests to count.
    if (!report.success && report.numFailedTests === 0) failed += 1;
    if (skipped > 0)
      console.error(`${skipped} skipped: each says why above${inCi ? '; in CI that is a failure' : ''}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
