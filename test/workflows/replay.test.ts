import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';

/** Histories of finished jobs, as the store kept them. Never re-recorded: a changed workflow must replay them. */
const folder = fileURLToPath(new URL('../histories', import.meta.url));
const histories = await readdir(folder);

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const bundleOf = (path: string) =>
  bundleWorkflowCode({
    workflowsPath: at(path),
    workflowInterceptorModules: [at('../../workflows/job/refuse-forged.ts')],
  });

const readHistory = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(`${folder}/${name}`, 'utf8'));

describe('the workflows', () => {
  it.each(histories)('replay %s', async (name) => {
    const workflowBundle = await bundleOf('../../workflows/index.ts');
    await Worker.runReplayHistory({ workflowBundle }, await readHistory(name));
  });

  it('are a small bundle, without schemas: each cached workflow holds it in memory', async () => {
    const { code } = await bundleOf('../../workflows/index.ts');
    expect(code.length).toBeLessThan(2_750_000);
    expect(code).not.toContain('ZodObject');
  });

  it('that took another path than a kept history are caught', async () => {
    const [optimized] = histories.filter((name) => name.startsWith('optimize'));
    if (optimized === undefined) throw new Error('expected a kept history of an optimize job, found none');
    const workflowBundle = await bundleOf('./changed-workflows.ts');
    const replayed = Worker.runReplayHistory({ workflowBundle }, await readHistory(optimized));
    await expect(replayed).rejects.toThrow(DeterminismViolationError);
  });
});
