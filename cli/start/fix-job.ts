import { checkedJob, type JobFile } from './job-file.ts';
import { outputFrom } from './solve-job.ts';
import { type Allowances, allowances, folderOf, given, nameFrom, optionOf } from './typed-job.ts';

/** The options of `crucible fix`, as typed. */
export interface FixOptions extends Allowances {
  inputs?: string[];
  output?: string[];
  check?: string;
  hidden?: string[];
  name?: string;
}

/**
 * Makes the job that `crucible fix` asks for. It is the script with its arguments, run as it is and mended
 * where it fails. Paths are as typed. Throws `UserMistake` in the words of the command line.
 */
export async function jobFromScript(
  script: string,
  args: readonly string[],
  options: FixOptions,
): Promise<JobFile> {
  const { inputs = [], hidden = [] } = options;
  const [checkFile, ...checkName] = options.check?.split(':') ?? [];
  const { folder, pathOf } = await folderOf([
    { option: 'the script', typed: script },
    ...inputs.map((path) => ({ option: '--inputs', typed: path })),
    ...(checkFile === undefined ? [] : [{ option: '--check', typed: checkFile }]),
    ...hidden.map((path) => ({ option: '--hidden', typed: path })),
  ]);
  const job = {
    ...{ kind: 'solve', fix: true, name: options.name ?? nameFrom(['fix', script.replace(/\.py$/, '')]) },
    ...{ script: pathOf(script), args: [...args], inputs: inputs.map(pathOf) },
    outputs: (options.output ?? []).map(outputFrom),
    check: checkFile === undefined ? undefined : [pathOf(checkFile), ...checkName].join(':'),
    hidden: hidden.length === 0 ? undefined : hidden.map(pathOf),
    ...allowances(options),
  };
  return checkedJob(given(job), folder, (path) =>
    path[0] === 'script'
      ? 'the script'
      : path[0] === 'outputs'
        ? ['--output', ...path.slice(2)].join(' ')
        : optionOf(path),
  );
}
