import type { Artifact } from '../domain/artifact.schema.ts';
import type { Place } from '../domain/step.ts';
import type { Store } from '../store/store.ts';
import { renderReport } from '../web/report.ts';
import { takeStep } from './context.ts';
import { collectReport } from './report-facts.ts';

export type ReportActivities = ReturnType<typeof createReportActivities>;

export const createReportActivities = ({ store }: { store: Store }) => ({
  /** Writes the closed job's report, one HTML file, from what the ledger holds of it; safe to repeat. */
  async writeReport(place: Place): Promise<Artifact> {
    const { jobId } = place;
    return takeStep(store, place, 'report', async () => {
      const report = await store.blobs.put(renderReport(await collectReport(store, jobId)));
      await store.ledger.keepReport(jobId, report);
      return report;
    });
  },
});
