import { type ExitStatus, exitStatus } from './exit-status.ts';

/** Errors that are answers, by name: their message is all there is to say. */
const statuses: Record<string, ExitStatus> = {
  UserMistake: exitStatus.usage,
  ConfigWrong: exitStatus.usage,
  JobRejected: exitStatus.usage,
  NoSandbox: exitStatus.failed,
  SandboxUnavailable: exitStatus.failed,
  StorageFull: exitStatus.failed,
  StoreRefused: exitStatus.failed,
  StoreUnavailable: exitStatus.failed,
};

/** Whether the message of what was thrown is all that people need of it. */
export const isForPeople = (error: unknown): error is Error =>
  error instanceof Error && Object.hasOwn(statuses, error.name);

/** The exit status of a command that ended with this error; a `UserMistake` may have one of its own. */
export function statusOf(error: unknown): ExitStatus {
  if (!isForPeople(error)) return exitStatus.failed;
  return 'status' in error ? (error.status as ExitStatus) : (statuses[error.name] ?? exitStatus.failed);
}

const reasons: Record<string, string> = {
  EROFS: 'its disk is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no room left on the disk; free some space',
  EDQUOT: 'no room left in your share of the disk; free some space',
  ENOTDIR: 'there is a file in the way',
  EISDIR: 'there is a folder in the way',
  ENOENT: 'there is no such file or folder',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ELOOP: 'its links lead nowhere',
  ENAMETOOLONG: 'its name is too long',
};

/** What the system refused, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}

/**
 * What is said of the error that ends a command. One line: where the system refused something, its path and
 * why. What nobody foresaw is called a fault of Crucible's, with its stack where `traced`.
 */
export function complaintOf(error: unknown, { traced }: { traced: boolean }): string {
  if (!(error instanceof Error)) return String(error);
  if (Object.hasOwn(statuses, error.name)) return error.message;
  if ('syscall' in error && 'code' in error) {
    const path = 'path' in error && typeof error.path === 'string' ? error.path : String(error.syscall);
    return `${path}: ${reasonOf(error)}`;
  }
  if (traced) return error.stack ?? String(error);
  const [line = ''] = error.message.split('\n');
  return `a fault of Crucible: ${error.name}: ${line} (CRUCIBLE_LOG=debug shows where)`;
}
