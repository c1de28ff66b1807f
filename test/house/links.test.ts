import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** A folder or file of the house in backticks, as `llm/model.ts`; words in capitals stand for a name. */
const named =
  /`((?:activities|cli|docker|docs|domain|examples|llm|native|recipes|record|sandbox|setup|store|strategies|test|web|workers|workflows)\/[\w./-]+)`/g;

/** Where links and names of files in a page lead to nothing, as `page: target`. */
async function leadsNowhere(page: string): Promise<string[]> {
  const text = (await readFile(join(project, page), 'utf8')).replace(/^```[\s\S]*?^```$/gm, '');
  const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => join(dirname(page), target));
  const names = [...text.matchAll(named)]
    .map(([, path = '']) => path)
    .filter((path) => !/\b(NAME|KIND|SUBJECT)\b/.test(path));
  return [...links, ...names]
    .filter((path) => !existsSync(join(project, path)))
    .map((path) => `${page}: ${path}`);
}

it('links and names of files in the documents lead somewhere', async () => {
  const pages = (await readdir(join(project, 'docs'))).filter((name) => name.endsWith('.md'));
  const all = ['README.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)];
  expect((await Promise.all(all.map(leadsNowhere))).flat()).toEqual([]);
});

it('every page stands in the table of pages', async () => {
  const table = await readFile(join(project, 'docs/README.md'), 'utf8');
  const pages = (await readdir(join(project, 'docs'))).filter(
    (name) => name.endsWith('.md') && name !== 'README.md',
  );
  expect(pages.filter((name) => !table.includes(`](${name})`))).toEqual([]);
});
