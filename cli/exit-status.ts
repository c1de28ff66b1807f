/** How a command ends, for scripts; `docs/command-line.md` says the same. */
export const exitStatus = {
  /** What was asked for was done, or found. */
  found: 0,
  /** A job failed or was cancelled, or this machine lacks something. */
  failed: 1,
  /** What was asked for cannot be done as it was typed, or as it stands in the job file. */
  usage: 2,
  /** The job went through, and nothing better that is right was found. */
  nothingFound: 3,
  /** Interrupted by Ctrl-C; a job that was submitted goes on. */
  interrupted: 130,
} as const;
export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];

export const exitStatusHelp = `Exit status:
  0 found or done   1 failed or cancelled   2 wrong usage, or a job that is wrong
  3 nothing better was found   130 interrupted; a job under way goes on`;
