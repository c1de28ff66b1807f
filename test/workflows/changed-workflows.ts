import { sleep } from '@temporalio/workflow';
import { optimize as kept } from '../../workflows/optimize.ts';

/** The optimize workflow after a careless change: it waits before its first step, which no kept history does. */
export async function optimize(...input: Parameters<typeof kept>): ReturnType<typeof kept> {
  await sleep('1s');
  return kept(...input);
}
