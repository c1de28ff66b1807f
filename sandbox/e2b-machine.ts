import { absentSyscalls, allowedSyscalls, argumentRules } from './seccomp.ts';
import { type JobField, places, staged } from './supervisor-job.ts';

/** What a run brings into its machine besides its job, so that it is of this version. */
export const brought = { supervisor: '/crucible/supervisor', guest: '/crucible/guest' } as const;

/** What the machine's template must have (docker/e2b/Dockerfile). */
const parts = {
  bwrap: '/usr/bin/bwrap',
  compiler: '/usr/bin/g++',
  python: '/opt/crucible/python',
  nanobind: '/opt/crucible/nanobind',
} as const;

/** The supervisor that the template was made with: for hosts that can compile none. */
export const ownSupervisor = '/opt/crucible/supervisor';

/** Locks on the users that programs get, one for each sandbox. */
const slots = '/crucible/slots';

export type MachineJob = {
  /** Where the job lies in the machine. */
  folder: string;
  /** The supervisor's place there. */
  supervisor: string;
  /** Whether there is a folder `base` to show. */
  hasBase?: boolean | undefined;
};

/** Exit code of `startScript` where the template lacks a part, named on standard error. */
export const LACKS_PART = 71;

/**
 * What a job of the machine says of it. It has all that its programs are shown, and the rules on system calls.
 */
export function machineFields({ folder, supervisor, hasBase }: MachineJob): JobField[] {
  const shown: [from: string, to: string][] = [
    ['/usr', '/usr'],
    ['/etc/ld.so.cache', '/etc/ld.so.cache'],
    ['/etc/alternatives', '/etc/alternatives'],
    [parts.python, places.python],
    [parts.nanobind, places.nanobind],
    [brought.guest, places.guest],
    [supervisor, places.supervisor],
    [`${folder}/${staged.in}`, places.in],
    ...(hasBase ? [[`${folder}/${staged.base}`, places.base] as [string, string]] : []),
  ];
  return [
    ['bwrap', parts.bwrap],
    ['slots', slots],
    ...shown.flatMap(([from, to]): JobField[] => [
      ['bindFrom', from],
      ['bindTo', to],
    ]),
    // Debian's layout, which the template has.
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name): JobField[] => [
      ['linkFrom', `usr/${name}`],
      ['linkTo', `/${name}`],
    ]),
    ...allowedSyscalls.map((name): JobField => ['allow', name]),
    ...absentSyscalls.map((name): JobField => ['absent', name]),
    ...argumentRules.map((rule): JobField => {
      const subject = `${rule.syscall} ${rule.argument}`;
      return 'equals' in rule
        ? ['allowEqual', `${subject} ${rule.equals.join(' ')}`]
        : ['allowWithout', `${subject} ${rule.without}`];
    }),
  ];
}

/**
 * The shell script that carries out the job, as root. Files came there without their modes, and without the folders that have
 * none: `empty`, by their paths from the job's.
 */
export function startScript({ folder, supervisor, hasBase }: MachineJob, empty: readonly string[]): string {
  const job = quoted(folder);
  const { in: inside, given, result } = staged;
  const shown = [inside, given, ...(hasBase ? [staged.base] : []), brought.guest].join(' ');
  return [
    `for part in ${Object.values(parts).join(' ')} ${supervisor}; do [ -e $part ] || { echo $part >&2; exit ${LACKS_PART}; }; done`,
    `cd ${job}`,
    `mkdir -p ${[slots, ...empty.map(quoted)].join(' ')}`,
    `chmod 700 ${job} ${slots} && chmod -R a+rX ${shown} && chmod 777 ${result}`,
    `chmod 755 ${supervisor}`,
    `exec env -i ${supervisor} job ${job}/${staged.job}`,
  ].join('\n');
}

/** One word for the shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
