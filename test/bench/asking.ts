import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityContext } from '../../activities/context.ts';
import { createCaseActivities, type PreparedCases } from '../../activities/try/cases.ts';
import { idlePlayer } from '../../activities/try/player.ts';
import { answerMb } from '../../activities/try/run.ts';
import { CaseSet } from '../../domain/case-set.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { Limits } from '../../domain/limits.schema.ts';
import { median } from '../../domain/speedup.ts';
import { answersExam } from '../support/answers-exam.ts';

/** Arguments and answers of different kinds: how many are asked for in a sample, what makes the arguments, and the answer. */
const kinds: [title: string, batch: number, made: string, answer: string][] = [
  ['two numbers', 64, '(seed, 2.5)', '7.5'],
  ['2,000 doubles, both ways', 64, '(np.full(2_000, float(seed)),)', 'arguments[0]'],
  ['1,000,000 doubles, both ways', 1, '(np.full(1_000_000, float(seed)),)', 'arguments[0]'],
  ['a list of 1,000 floats', 64, '([seed / 7 + i for i in range(1_000)],)', '7.5'],
  ['a list of 100,000 pairs', 1, '([(seed / 7 + i, i) for i in range(100_000)],)', '7.5'],
  ['a dict of 50,000 texts', 1, '({f"{seed} {i}": i for i in range(50_000)},)', '7.5'],
];
const samples = 7;

/** What one exchange with a player costs that computes nothing, by what crosses: medians, in milliseconds. */
export async function measureAsking(context: ActivityContext): Promise<Record<string, number>> {
  const { store, sandbox } = context;
  const { prepareCases } = createCaseActivities(context);
  const limits = Limits.parse(defaults.limits);
  const found: Record<string, number> = {};
  for (const [index, [title, batch, made, answer]] of kinds.entries()) {
    const tree = {
      'work.py': await store.blobs.put(`def work(*arguments):\n    return ${answer}\n`),
      'cases.py': await store.blobs.put(`import numpy as np\n\n\ndef make_case(seed):\n    return ${made}\n`),
    };
    const job = OptimizeJob.parse({
      ...{
        kind: 'optimize',
        name: 'asking',
        program: 'work.py',
        function: 'work',
        cases: 'cases.py',
        limits,
      },
    });
    const files = await store.blobs.put(JSON.stringify(tree));
    const exam = answersExam(job, files, files);
    const cases: PreparedCases = await new MockActivityEnvironment().run(prepareCases, {
      ...{ storeId: store.id, jobId: 'asking', step: `${index}`, exam, checks: 1, timings: batch },
    });
    const made_ = CaseSet.parse(JSON.parse(await store.blobs.text(cases.caseSet)));
    const [expected] = made_.expected;
    if (expected === undefined) throw new Error('expected an answer to a case, found none');
    const all = Array.from({ length: batch }, (_, place) => place + 1);
    const asked = await sandbox.conduct(
      {
        key: randomUUID(),
        label: 'asking',
        players: [idlePlayer(expected.answer)],
        cases: made_.cases,
        samples: Array.from({ length: samples + 1 }, () => ({ player: 'idle', cases: all, timed: true })),
        answerMb: answerMb(cases),
        limits,
        sampleMs: limits.wallMs,
        exclusive: true,
      },
      new AbortController().signal,
    );
    // The first of them also pays for what is loaded once.
    const each = asked.samples.slice(1).map(({ ns }) => ns / batch / 1e6);
    found[title] = Number(median(each).toPrecision(3));
  }
  return found;
}
