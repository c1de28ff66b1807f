import { proxyActivities } from '@temporalio/workflow';
import type { ModelActivities, ProposeInput } from '../../activities/propose/by-model.ts';
import { modelQueue, queues } from '../../domain/queues.ts';

const options = {
  startToCloseTimeout: '5m',
  heartbeatTimeout: '10s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
} as const;
const { proposeByModel } = proxyActivities<ModelActivities>({ ...options, taskQueue: modelQueue('openai') });
const { nothing } = proxyActivities<{ nothing(input: object): Promise<string> }>({
  ...options,
  taskQueue: queues.orchestrate,
});

/** Milliseconds of each of some calls of a model, one after another. */
export async function calls(inputs: ProposeInput[]): Promise<number[]> {
  const times: number[] = [];
  for (const input of inputs) {
    const from = Date.now();
    await proposeByModel(input);
    times.push(Date.now() - from);
  }
  return times;
}

/** The same of activities that do nothing with the same input. */
export async function activities(inputs: ProposeInput[]): Promise<number[]> {
  const times: number[] = [];
  for (const input of inputs) {
    const from = Date.now();
    await nothing(input);
    times.push(Date.now() - from);
  }
  return times;
}
