import { type ExitStatus, exitStatus } from './exit-status.ts';

/** Errors that are answers, by name: their message is all there is to say. */
const statuses: Record<string, ExitStatus> = {
  UserMistake: exitStatus.usage,
  ConfigWrong: exitStatus.usage,
  JobRejected: exitStatus.usage,
  NoSandbox: exitStatus.failed,
  SandboxUnavailable: exitStatus.failed,
  StorageFull: exitStatus.failed,
};

/** Whether the message of what was thrown is all that people need of it. */
export const isForPeople = (error: unknown): error is Error =>
  error instanceof Error && Object.hasOwn(statuses, error.name);

/** The exit status of a command that ended with an error for people; a `UserMistake` may have one of its own. */
export const statusOfMistake = (error: Error): ExitStatus =>
  'status' in error ? (error.status as ExitStatus) : (statuses[error.name] ?? exitStatus.failed);
