import { executeChild, proxyActivities, workflowInfo } from '@temporalio/workflow';

export interface BareActivities {
  nothing(input: object): Promise<string>;
  /** Runs the cell's program in a sandbox of its own. */
  runs(key: string): Promise<string>;
}

/** Cells, how many at once, and of what each is made. */
export interface BareGrid {
  cells: number;
  window: number;
  activities: number;
  /** Whether one of the activities runs the program that a cell runs. */
  runs: boolean;
}

const { nothing, runs } = proxyActivities<BareActivities>({ startToCloseTimeout: '1m' });

/** As many children as there are cells, so many at once as the window says, each with as many activities as a cell has. */
export async function bareGrid({ cells, window, ...cell }: BareGrid): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < cells) {
      begun += 1;
      await executeChild(bareCell, {
        workflowId: `${workflowInfo().workflowId}/${begun}`,
        args: [cell],
      });
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
}

/** Activities one after the other that do nothing; the first of them runs a program where the grid says so. */
export async function bareCell(cell: Pick<BareGrid, 'activities' | 'runs'>): Promise<void> {
  if (cell.runs) await runs(workflowInfo().workflowId);
  for (let count = cell.runs ? 1 : 0; count < cell.activities; count += 1) await nothing({});
}
