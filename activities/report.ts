import type { Artifact } from '../domain/artifact.schema.ts';
import type { Place } from '../domain/step.ts';
import { collectReport } from '../record/report-facts.ts';
import type { Store } from '../store/store.ts';
import { renderReport } from '../web/report.ts';
import { takeStep } from './context.ts';

export type ReportActivities = ReturnType<typeof createReportActivities>;

export const createReportActivities = ({ store }: { store: Store }) => ({
  /**
   * Writes the closed job's report, one HTML file, from what the ledger holds of it; safe to repeat. What a
   * verification found is in the report of its job, and of the pipeline that has it as a stage.
   */
  async writeReport(place: Place): Promise<Artifact> {
    const { jobId } = place;
    const written = await takeStep(store, place, 'report', async () => {
      const report = await store.blobs.put(renderReport(await collectReport(store, jobId)));
      const record = await store.ledger.job(jobId);
      if (record?.role === 'verification') await rewriteReports(store, record.parent);
      return report;
    });
    // A job that is opened again has none, even where this go at it had written one.
    await store.ledger.keepReport(jobId, written);
    return written;
  },
});

/**
 * Writes the report of a job that has ended anew, for something became known of it. It does so for those above
 * it that have ended.
 */
export async function rewriteReports(store: Store, jobId: string | null): Promise<void> {
  for (let id = jobId; id !== null; ) {
    const job = await store.ledger.job(id);
    if (job === undefined || job.status === 'running') return;
    const report = renderReport(await collectReport(store, id));
    await store.ledger.keepReport(id, await store.blobs.put(report));
    id = job.parent;
  }
}
