import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import type { Message } from '../../domain/message.schema.ts';
import { nowIn } from '../../domain/session.ts';
import { fileFacts } from '../../record/file-facts.ts';
import { readSession } from '../../record/session.ts';
import { readProgram, readTree } from '../../store/documents.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, environment, patienceMs, server } from '../support/asked-crucible.ts';
import { until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';

const reply = (idea: string, change: object) => ({
  kind: 'text' as const,
  text: JSON.stringify({
    ...{ idea, files: [], edits: [], removed: [], entry: 'letter.py', build: 'none' },
    ...change,
  }),
});
const edit = (search: string, replace: string) => ({ path: 'letter.py', search, replace });

it(
  'a letter is made, then bigger and turned by edits of the same program; a turn that fails changes nothing, and one can be taken back',
  async () => {
    const { store, client } = crucible;
    const [first = '', second = ''] = (await readFile('examples/chat/letter.txt', 'utf8')).split('\n');
    const program = await readFile('test/fixtures/letter/letter.py', 'utf8');
    server.answers = [
      reply('an A of two legs and a bar', { files: [{ path: 'letter.py', content: program }] }),
      reply('128³, turned by 45 degrees', {
        edits: [
          edit('N = 64', 'N = 128'),
          edit('import numpy as np\n', 'import numpy as np\nfrom scipy.ndimage import rotate\n'),
          edit(
            'grid = letter(N)\n',
            'grid = np.ascontiguousarray(rotate(letter(N), 45, axes=(0, 1), reshape=False, order=0))\n',
          ),
        ],
      }),
      reply('a picture that is none', {
        edits: [edit("grid.tofile('letter.bin')", "open('other.png', 'w').write('no picture')")],
      }),
    ];
    const file = await checkedJob(
      {
        ...{ kind: 'chat', name: 'letter' },
        ...{ models: { draft: ['openai/gpt-4o'], cache: false }, budget: { trials: 1 } },
      },
      await temporaryFolder(),
    );
    const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: false });
    if (submitted.kind === 'finished') throw new Error('expected a new conversation');
    const id = submitted.jobId;
    const tell = (message: Message): Promise<string | null> => client.tell(id, { id: randomUUID(), message });
    const session = async () => {
      const opened = () => store.ledger.job(id);
      return readSession(store, await until('the conversation to be opened', patienceMs, opened));
    };
    const ended = (count: number) =>
      until(`${count} turns`, patienceMs, async () => {
        const now = await session();
        return now.said.length === count && now;
      });
    const facts = async (path: string): Promise<string | null> =>
      fileFacts(store.blobs, path, (await readTree(store.blobs, nowIn(await session()).files))[path] ?? '');

    expect(await tell({ kind: 'turn', text: first })).toBeNull();
    await ended(1);
    expect(await facts('letter.png')).toBe('64 × 64 pixels');
    expect(await facts('letter.bin')).toMatch(/^64³ voxels of four bytes, [\d,]+ of them not zero$/);

    expect(await tell({ kind: 'turn', text: second })).toBeNull();
    const bigger = await ended(2);
    expect(bigger.said[1]?.end).toMatchObject({ kind: 'done', note: '128³, turned by 45 degrees' });
    expect(await facts('letter.bin')).toMatch(/^128³ voxels/);
    const told = JSON.stringify(server.requests.at(-1)?.body.messages);
    expect(told).toContain('N = 64');
    expect(told).toContain(
      'Asked: create a 3D voxel representation of the letter A → an A of two legs and a bar',
    );
    const { files } = await readProgram(store.blobs, nowIn(bigger).program ?? '');
    expect(await store.blobs.text(files['letter.py'] ?? '')).toContain('rotate(letter(N), 45');

    expect(await tell({ kind: 'turn', text: 'and another picture' })).toBeNull();
    const third = await ended(3);
    expect(third.said[2]?.end).toMatchObject({ kind: 'failed', why: expect.stringContaining('other.png') });
    expect(nowIn(third)).toEqual(nowIn(bigger));

    expect(await tell({ kind: 'undo' })).toBeNull();
    await until('the undo', patienceMs, async () => (await session()).at === 1);
    expect(await facts('letter.bin')).toMatch(/^64³ voxels/);
    expect(await tell({ kind: 'stop' })).toBe('no turn is under way');
    expect(await tell({ kind: 'hint', text: 'thick legs' })).toBeNull();

    expect(await tell({ kind: 'end' })).toBeNull();
    const result = await client.result(id);
    expect(result).toMatchObject({ status: 'finished', product: nowIn(await session()).files });
  },
  patienceMs,
);
