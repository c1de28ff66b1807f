/**
 * One file of a program. `patch` is the hunks of a unified diff, null where the file is not shown, and `note`
 * says why.
 */
export interface FileChange {
  path: string;
  /** The path of the file it is compared with, where that is another. */
  was?: string;
  change: 'added' | 'removed' | 'changed' | 'whole';
  patch: string | null;
  note: string | null;
}
