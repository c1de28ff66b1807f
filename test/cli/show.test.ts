import { describe, expect, it } from 'vitest';
import type { KeptRequest } from '../../activities/ask/ask.ts';
import { show } from '../../cli/follow/show.ts';
import type { JobResult } from '../../domain/job-input.schema.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { closeJob, openJob, recorded } from './kept-jobs.ts';
import { pipelineId, searchedJob, stageId } from './searched-job.ts';

const nothing = { diff: false, program: false, log: false, prompt: false };

/** What `show` prints of the pipeline under way. */
async function shown(
  options: Partial<Parameters<typeof show>[1]>,
  how: Parameters<typeof recorded>[1] = {},
): Promise<string[]> {
  const store = await temporaryStore();
  await searchedJob(store);
  const { context, lines } = recorded(store, how);
  await show(context, { job: 'start', ...nothing, ...options });
  return lines;
}

describe('show', () => {
  it('has the stages, every trial with its reason, and what to do next', async () => {
    const text = (await shown({})).join('\n');
    expect(text).toMatch(/^pipeline\/start\/4f2a90c1d7\.1 {2}running\n/);
    expect(text).toMatch(/\nfaster +optimize +running/);
    expect(text).toMatch(/\npicture +solve +waiting/);
    expect(text).toMatch(/c-0 +as it is +baseline +512 ms ±2\.1 %/);
    // What was found last counts; the best stands first, the baseline behind it, then what failed.
    expect(text).toMatch(/c-1 +vectorize_loops +c-0 +best, verified +100× \[97×, 104×\] +━{16}\nc-0/);
    expect(text).toMatch(
      /c-2 +reduce_precision +c-0 +wrong answer\n +case 2, answer\[12, 40\]: expected 0\.8312/,
    );
    expect(text).toMatch(/c-3 +a table ␛\[31mof sines +c-1 +crashed\n +IndexError: index 48/);
    expect(text).toContain('crucible show start/faster c-1 --diff');
    expect(text).toContain(
      'Strategies not used of faster\nuse_pythran: blur.py:1: blur has keyword-only parameters',
    );
    expect(text).toContain('crucible watch start');
  });

  it('fits into 80 columns', async () => {
    for (const line of await shown({}, { columns: 80 })) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('of a candidate has all of it: reason, measurement, seeds, artifacts', async () => {
    const best = (await shown({ candidate: 'c-1' })).join('\n');
    expect(best).toMatch(/^c-1 vectorize_loops {2}best\n/);
    expect(best).toMatch(/trial\noutcome +scored 102×[\s\S]*verification\noutcome +scored 100×/);
    expect(best).toMatch(/baseline +512 ms \[502 ms, 522 ms\] a call\ncandidate +5\.02 ms/);
    expect(best).toMatch(/host +bench-1, noise ±2\.1 %/);
    expect(best).toMatch(/seeds +181783497276652/);
    expect(best).toMatch(/build log +[0-9a-f]{64}/);
    const crashed = (await shown({ candidate: 'c-3' })).join('\n');
    expect(crashed).toMatch(/made by +improve of c-1/);
    expect(crashed).toMatch(/reason +IndexError: index 48\n +Traceback/);
    expect(crashed).toMatch(
      /diagnosis +indexOutOfRange: an index beyond the end, at slow\.py:7 in blur\n +See how long it is\./,
    );
  });

  it('shows what a candidate changed, its source and its log', async () => {
    expect((await shown({ candidate: 'c-1', diff: true })).join('\n')).toContain(
      '--- a/blur.py\n+++ b/blur.py\n@@ -1,2 +1,6 @@\n+import numba\n+\n+\n+@numba.njit\n def blur(image):',
    );
    expect((await shown({ candidate: 'c-0', diff: true })).join('\n')).toMatch(/same as the baseline/);
    expect((await shown({ candidate: 'c-1', program: true })).join('\n')).toMatch(
      /── blur\.py\nimport numba\n/,
    );
    expect((await shown({ candidate: 'c-1', log: true })).join('\n')).toBe(
      '── trial: build log\nwarning: slow',
    );
    expect((await shown({ candidate: 'c-2', log: true })).join('\n')).toMatch(/wrote nothing/);
  });

  it('gives one JSON document of a job and of a candidate', async () => {
    const job = await shown({}, { json: true });
    expect(job).toHaveLength(1);
    expect(JSON.parse(job[0] ?? '')).toMatchObject({
      record: { id: pipelineId },
      stages: [{ record: { stage: 'faster' }, trials: [{ purpose: 'baseline' }, {}, {}, {}, {}] }],
    });
    const candidate = await shown({ candidate: 'c-1', diff: true }, { json: true });
    expect(JSON.parse(candidate[0] ?? '')).toMatchObject({
      job: stageId,
      candidate: { id: 'c-1' },
      trials: [{ purpose: 'trial' }, { purpose: 'verification' }],
      diff: expect.stringContaining('+import numba'),
    });
  });

  it('shows a stage that was done before by an earlier job', async () => {
    const store = await temporaryStore();
    const stages = [{ kind: 'solve' as const, name: 'picture', script: 'a.py' }];
    const id = 'pipeline/again/1234567890.1';
    await openJob(store, { kind: 'pipeline', name: 'again', stages }, { id });
    const known: JobResult = {
      ...{ jobId: 'pipeline/start/x.1/picture', status: 'finished', summary: 'picture.py ran', best: null },
      ...{ refused: 0, product: null, report: null },
    };
    await store.ledger.once(`${id}#picture/files`, { jobId: id, kind: 'files' }, async () => ({
      files: '',
      known,
    }));
    const { context, lines } = recorded(store);
    await show(context, { job: 'again', ...nothing });
    expect(lines.join('\n')).toMatch(/picture +solve +done before +picture\.py ran/);
  });

  it('has later verifications of a job below it, apart from stages', async () => {
    const store = await temporaryStore();
    const { stage } = await searchedJob(store);
    await closeJob(store, stage, { summary: 'vectorize_loops is 100× faster' });
    const parent = { jobId: stageId, stage: 'verify' };
    const again = await openJob(store, stage.job, { id: `${stageId}/verify-1`, parent });
    await closeJob(store, again, { summary: 'vectorize_loops holds: 99× faster' });
    const { context, lines } = recorded(store);
    await show(context, { job: stageId, ...nothing });
    expect(lines.join('\n')).toMatch(
      /Verified again\nwhen +status +result\n.* finished +vectorize_loops holds: 99× faster/,
    );
    expect(lines.join('\n')).not.toContain('Stages');
  });

  it('refuses a candidate that is not there, and parts of a candidate without one', async () => {
    await expect(shown({ candidate: 'c-9' })).rejects.toThrow(
      /no finished trial of c-9; there are: c-0, c-1, c-2, c-3/,
    );
    await expect(shown({ diff: true })).rejects.toThrow(
      /--diff: expected a candidate.*crucible show start c-1 --diff/,
    );
  });
});

/** Two requests for `c-3`, the first of which had to be repaired, and one for `c-7` that failed before any reply. */
async function askedFor(store: Store): Promise<void> {
  const { ledger, blobs } = store;
  const asked = {
    system: 'You make functions faster.',
    messages: [{ role: 'user' as const, text: 'Make `blur` faster.\u202e' }],
    ...{ model: 'gpt-6-sol', maxTokens: 16_000, temperature: null, schema: 'program' },
  };
  const keep = (text: string, problem: string | null, request: KeptRequest['request'] = asked) =>
    blobs.put(
      JSON.stringify({
        prompt: 'improve-function@2',
        request,
        reply: { text, usage: null, requestId: null, model: 'gpt-6-sol', finish: null },
        problem,
      } satisfies KeptRequest),
    );
  const usage = { input: 12_345, cached: 100, written: 0, output: 678, reasoning: 50 };
  const begin = async (step: string, prompt: string): Promise<[key: string, request: number]> => {
    const key = `${stageId}#${step}`;
    const begun = await ledger.startCall({ key, jobId: stageId, route: 'openai/gpt-6-sol', prompt });
    if (begun.kind !== 'started') throw new Error(`expected ${step} to start, got ${begun.kind}`);
    return [key, begun.request];
  };

  const first = await begin('c-3/propose-0', 'improve-function@2');
  await ledger.failCall(...first, {
    error: 'ModelReplyUnusable',
    problem: 'build: expected nanobind',
    usage,
    microUsd: 4_200,
    reply: await keep('{"idea": "In C++."', 'build: expected nanobind'),
  });
  const repaired = [...asked.messages, { role: 'assistant' as const, text: '{"idea": "In C++."' }];
  await ledger.finishCall(...(await begin('c-3/propose-0/repair-1', 'improve-function@2 + repair@1')), {
    usage,
    microUsd: null,
    firstTokenMs: 1_200,
    reply: await keep(
      JSON.stringify({ idea: 'Tiles.', files: [{ path: 'a.py', content: 'x = 1\ny = 2\n' }] }),
      null,
      {
        ...asked,
        messages: [...repaired, { role: 'user', text: 'Your reply could not be used.' }],
      },
    ),
  });
  await ledger.failCall(...(await begin('c-7/propose-0', 'improve-function@2')), {
    error: 'ModelUnavailable',
  });
}

describe('show --prompt', () => {
  const withRequests = async (
    candidate: string,
    how: Parameters<typeof recorded>[1] = {},
    options: Partial<Parameters<typeof show>[1]> = {},
  ): Promise<string> => {
    const store = await temporaryStore();
    await searchedJob(store);
    await askedFor(store);
    const { context, lines } = recorded(store, how);
    await show(context, { job: 'start', ...nothing, prompt: true, candidate, ...options });
    return lines.join('\n');
  };

  it('has each request in order: what was asked, what came, what it took, what was wrong', async () => {
    const text = await withRequests('c-3');
    expect(text).toMatch(
      /^── c-3\/propose-0: openai\/gpt-6-sol\nimprove-function@2\nfailed \(ModelReplyUnusable\), 12,345 tokens in \(100 cached\), 678 out \(50 for reasoning\), \$0\.0042, \d+ ms, \d{4}-.*\nbuild: expected nanobind\n/,
    );
    expect(text).toMatch(
      /\nsystem\nYou make functions faster\.\n\nuser\nMake `blur` faster\.␛?.*\n\nreply\n\{"idea": "In C\+\+\."\n/,
    );
    expect(text).toMatch(
      /── c-3\/propose-0\/repair-1: .*\nimprove-function@2 \+ repair@1\ndone, .*cost unknown, .*first text after 1 s/,
    );
    expect(text).toMatch(/assistant\n\{"idea": "In C\+\+\."\n\nuser\nYour reply could not be used\./);
    expect(text).toMatch(
      /reply\nidea: Tiles\.\nfiles:\n {2}- path: a\.py\n {4}content: \|\n {6}x = 1\n {6}y = 2$/,
    );
    expect(text).not.toContain('\u202e');
  });

  it('has requests that came to no candidate', async () => {
    expect(await withRequests('c-7')).toMatch(/failed \(ModelUnavailable\), tokens unknown.*\nNo reply came/);
  });

  it('gives one JSON document', async () => {
    expect(JSON.parse(await withRequests('c-3', { json: true }))).toMatchObject({
      job: stageId,
      candidate: 'c-3',
      requests: [
        { status: 'failed', kept: { request: { schema: 'program' }, problem: 'build: expected nanobind' } },
        { status: 'done', prompt: 'improve-function@2 + repair@1', kept: { reply: { model: 'gpt-6-sol' } } },
      ],
    });
  });

  it('is refused for a candidate no model was asked for, with those that were', async () => {
    await expect(withRequests('c-1')).rejects.toThrow(
      /no model was asked for c-1; models were asked for: c-3, c-7/,
    );
    await expect(withRequests('c-3', {}, { diff: true })).rejects.toThrow(
      '--diff --prompt: expected --prompt alone',
    );
  });

  it('is pointed to by the candidate, with what each request took', async () => {
    const text = await withRequests('c-3', { columns: 200 }, { prompt: false });
    expect(text).toMatch(/model +openai\/gpt-6-sol: failed \(ModelReplyUnusable\), 12,345 tokens in/);
    expect(text).toMatch(/--diff \| --program \| --log \| --prompt$/);
  });

  it('has the turns of a conversation, with what came of each', async () => {
    const store = await temporaryStore();
    const id = 'chat/talk/1.1';
    const input = await openJob(store, { kind: 'chat', name: 'talk' }, { id });
    for (const [index, text] of ['draw an A', 'make it bigger'].entries())
      await store.ledger.takeMessage(id, { id: `m-${index}`, message: { kind: 'turn', text }, at: index });
    await store.ledger.once(`${id}#said/m-0`, { jobId: id, kind: 'turn' }, async () => ({
      ...{ kind: 'done', told: 'm-0', files: input.files, program: null, written: input.files },
      note: 'an A of 64³',
    }));
    const { context, lines } = recorded(store);
    await show(context, { job: 'talk', ...nothing });
    const text = lines.join('\n');
    expect(text).toMatch(
      /\nTurns\nturn +state +said +came of it\n +1 +done +draw an A +an A of 64³\n +2 +running +make it bigger/,
    );
  });
});
