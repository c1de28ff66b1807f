import { Client, Connection } from '@temporalio/client';
import { expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { nowIn } from '../../domain/session.ts';
import { readSession } from '../../record/session.ts';
import { readTree } from '../../store/documents.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { startModelServer } from '../support/model-servers.ts';

const patienceMs = 1_700_000;
const turns = Number(process.env.CRUCIBLE_TEST_TURNS ?? 300);

/** Adds a line to a file that the turns before wrote, too, and a file of its own. */
const program = `import os
lines = open('log.txt').read().splitlines() if os.path.exists('log.txt') else []
lines.append(f'turn {len(lines) + 1}')
open('log.txt', 'w').write('\\n'.join(lines) + '\\n')
open(f'turn-{len(lines)}.txt', 'w').write(lines[-1])
`;

it(
  'a chat of 300 turns over a killed worker, a restarted server and histories that go on as new loses no turn and no file',
  async () => {
    const models = await startModelServer('chat');
    const environment = { OPENAI_BASE_URL: models.baseUrl, OPENAI_API_KEY: models.key };
    const reply = { idea: 'one more line', edits: [], removed: [], entry: 'main.py', build: 'none' };
    models.answers = [
      { kind: 'text', text: JSON.stringify({ ...reply, files: [{ path: 'main.py', content: program }] }) },
    ];
    const crucible = await startCrucible(environment);
    try {
      const { store, client, server } = crucible;
      await crucible.startWorker();
      const file = await checkedJob(
        {
          kind: 'chat',
          name: 'long',
          models: { draft: ['openai/gpt-4o'], cache: false },
          budget: { trials: 1 },
        },
        await temporaryFolder(),
      );
      const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: false });
      if (submitted.kind === 'finished') throw new Error('expected a new conversation');
      const id = submitted.jobId;
      const record = await until('the conversation to be opened', patienceMs, () => store.ledger.job(id));
      const session = () => readSession(store, record);
      const killedAt = { worker: Math.floor(turns / 3), server: Math.floor((2 * turns) / 3) };
      for (let turn = 1; turn <= turns; turn += 1) {
        const told = { id: `t-${turn}`, message: { kind: 'turn', text: `say turn ${turn}` } } as const;
        expect(await client.tell(id, told)).toBeNull();
        if (turn === killedAt.worker) {
          await crucible.killWorker();
          await crucible.startWorker();
        }
        if (turn === killedAt.server) {
          await server.kill();
          await server.restart();
        }
        // Told again, as somebody does who saw no answer: it counts once.
        if (turn % 50 === 0) expect(await client.tell(id, told)).toBeNull();
        await until(`turn ${turn}`, patienceMs, async () => (await session()).said.length === turn);
      }

      const { said, ...now } = await session();
      expect(said.map(({ turn, end }) => [turn, end?.kind])).toEqual(
        Array.from({ length: turns }, (_, index) => [index + 1, 'done']),
      );
      const tree = await readTree(store.blobs, nowIn(now).files);
      expect(Object.keys(tree)).toHaveLength(turns + 1);
      expect((await store.blobs.text(tree['log.txt'] ?? '')).trim().split('\n')).toEqual(
        Array.from({ length: turns }, (_, index) => `turn ${index + 1}`),
      );

      const connection = await Connection.connect({ address: server.address });
      const { workflow } = new Client({ connection });
      const sizes: { events: number; bytes: number }[] = [];
      for await (const { runId } of workflow.list({ query: `WorkflowId = '${id}'` })) {
        const { historyLength: events, historySize: bytes = 0 } = await workflow
          .getHandle(id, runId)
          .describe();
        sizes.push({ events, bytes });
      }
      await connection.close();
      expect(sizes.length).toBeGreaterThan(turns / 150);
      expect(Math.max(...sizes.map(({ events }) => events))).toBeLessThan(4_000);
      expect(Math.max(...sizes.map(({ bytes }) => bytes))).toBeLessThan(2_000_000);
      await client.cancel(id);
    } finally {
      await crucible.stop();
      await models.close();
    }
  },
  patienceMs,
);
