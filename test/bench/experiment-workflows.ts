import { executeChild, proxyActivities, workflowInfo } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(input: object): Promise<string> }>({
  startToCloseTimeout: '1m',
});

/** As many children as there are cells, so many at once as the window says, each with as many activities as a cell has. */
export async function bareGrid(cells: number, window: number, activities: number): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < cells) {
      begun += 1;
      await executeChild(bareCell, {
        workflowId: `${workflowInfo().workflowId}/${begun}`,
        args: [activities],
      });
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
}

/** Activities one after the other that do nothing. */
export async function bareCell(activities: number): Promise<void> {
  for (let count = 0; count < activities; count += 1) await nothing({});
}
