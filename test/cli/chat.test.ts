import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { get } from '../../cli/chat/get.ts';
import { picturesOf, pictureText } from '../../cli/chat/pictures.ts';
import { spoken } from '../../cli/chat/spoken.ts';
import { layOutTree } from '../../cli/lay-out.ts';
import { JobInput } from '../../domain/job-input.schema.ts';
import { fileFacts } from '../../record/file-facts.ts';
import { writeJson } from '../../store/documents.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { storedInput } from '../workflows/stored-job.ts';

/** A store with a conversation whose files are these. */
async function conversation(files: Record<string, string>) {
  const store = await temporaryStore();
  const tree: Record<string, string> = {};
  for (const [path, text] of Object.entries(files)) tree[path] = await store.blobs.put(text);
  const input = storedInput(
    store,
    { kind: 'chat', name: 'talk' },
    { files: await writeJson(store.blobs, tree) },
  );
  await store.ledger.openJob({
    ...{ id: input.jobId, series: input.series, run: 1, name: 'talk', kind: 'chat', role: 'job' },
    ...{ input: await writeJson(store.blobs, JobInput.parse(input)), budget: {}, startedAt: 1 },
  });
  const lines: string[] = [];
  const out = (line: string): void => void lines.push(line);
  return { store, tree, lines, context: { store, json: false, terminal: false, columns: 80, out } };
}

describe('a file of a conversation', () => {
  it('is taken out by its path, and a folder with all that is in it; nothing is replaced', async () => {
    const { context } = await conversation({ 'a/one.txt': '1', 'a/b/two.txt': '2', 'c.txt': '3' });
    const folder = await temporaryFolder();
    await get(context, 'talk', 'c.txt', join(folder, 'c.txt'));
    expect(await readFile(join(folder, 'c.txt'), 'utf8')).toBe('3');
    await get(context, 'talk', 'a/', join(folder, 'all'));
    expect((await readdir(join(folder, 'all'), { recursive: true })).sort()).toEqual([
      'b',
      'b/two.txt',
      'one.txt',
    ]);
    await writeFile(join(folder, 'mine'), 'mine');
    await expect(get(context, 'talk', 'c.txt', join(folder, 'mine'))).rejects.toThrow('it is there already');
    expect(await readFile(join(folder, 'mine'), 'utf8')).toBe('mine');
    expect((await readdir(folder)).sort()).toEqual(['all', 'c.txt', 'mine']);
  });

  it.each(['../c.txt', '/etc/passwd', 'a/../../c.txt', ''])('is not looked for at %j', async (path) => {
    const { context } = await conversation({ 'c.txt': '3' });
    await expect(get(context, 'talk', path, undefined)).rejects.toThrow(
      'expected a path as in the workspace',
    );
  });

  it('that is not there is answered with the name that was probably meant', async () => {
    const { context } = await conversation({ 'letter.png': '3' });
    await expect(get(context, 'talk', 'lettr.png', undefined)).rejects.toThrow('did you mean letter.png?');
  });

  it('is never laid out outside of its folder, whatever its path says', async () => {
    const { store } = await conversation({});
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'in'));
    const file = await store.blobs.put('x');
    await expect(layOutTree(store.blobs, { '../out.txt': file }, join(folder, 'in'))).rejects.toThrow(
      'inside the workspace',
    );
    expect(await readdir(folder)).not.toContain('out.txt');
  });
});

describe('a reply that comes in', () => {
  const reply = JSON.stringify({
    ...{ idea: 'bigger', files: [{ path: 'a.py', content: 'x = "1"\nprint(x)' }] },
    ...{ edits: [], removed: [], entry: 'a.py', build: 'none' },
  });

  it('is shown as text, not as JSON', () => {
    expect(spoken(reply)).toBe('bigger\n── a.py\nx = "1"\nprint(x)\n');
  });

  it('only ever grows, wherever it is cut', () => {
    let before = '';
    for (let length = 0; length <= reply.length; length += 1) {
      const now = spoken(reply.slice(0, length));
      expect(now.startsWith(before), `${JSON.stringify(before)} then ${JSON.stringify(now)}`).toBe(true);
      before = now;
    }
  });
});

describe('a picture', () => {
  const png = Buffer.from('\u0089PNG\r\n\u001a\nrest', 'latin1');

  it('is shown as the terminal takes it, and not where nobody looks', () => {
    expect(picturesOf({ TERM: 'xterm-kitty' }, true)).toBe('kitty');
    expect(picturesOf({ TERM_PROGRAM: 'iTerm.app' }, true)).toBe('iterm');
    expect(picturesOf({ TERM: 'xterm-256color' }, true)).toBeNull();
    expect(picturesOf({ TERM: 'xterm-kitty' }, false)).toBeNull();
    expect(picturesOf({ TERM: 'xterm-kitty', TMUX: '/tmp/1' }, true)).toBeNull();
    expect(pictureText('kitty', 'a.png', png)).toBe(
      `\u001b_Ga=T,f=100,m=0;${png.toString('base64')}\u001b\\\n`,
    );
    expect(pictureText('kitty', 'a.jpg', Buffer.from('jpeg'))).toBeNull();
    expect(pictureText(null, 'a.png', png)).toBeNull();
  });
});

describe('what is known of a file', () => {
  it.each([
    [
      'grid.bin',
      Buffer.from(new Float32Array(27).fill(1, 0, 5).buffer),
      '3³ voxels of four bytes, 5 of them not zero',
    ],
    ['grid.raw', Buffer.from(new Uint8Array(27).fill(1, 0, 5)), '3³ voxels of one byte, 5 of them not zero'],
    ['t.csv', Buffer.from('x,y\n1,2\n3,4\n'), '2 rows below a header of 2 columns'],
    ['a.json', Buffer.from('{"a": 1}'), 'an object of 1 field'],
    ['a.json', Buffer.from('{'), null],
    ['a.png', Buffer.from('no picture'), null],
    ['a.gif', Buffer.from('GIF89a\u0003\u0000\u0002\u0000'), '3 × 2 pixels'],
    ['a.jpg', Buffer.alloc(40, 0xff), null],
  ])('is told of %s', async (path, bytes, facts) => {
    const { blobs } = await temporaryStore();
    expect(await fileFacts(blobs, path, await blobs.put(bytes))).toBe(facts);
  });
});
