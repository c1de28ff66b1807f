import { checkNamed } from '../../domain/judging.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { toleranceWords } from '../../domain/kinds/optimize.ts';
import type { Build, Entry } from '../../domain/program.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { anew, figuresNote, intervalText, remarksOn } from '../../domain/trial.ts';
import { clean, msText, oneLine, percentText, timeText } from '../terminal.ts';
import { inShell, machine, sandboxPython } from './export-build.ts';

/** What a README tells of an exported program. */
export interface ExportedProgram {
  jobId: string;
  job: OptimizeJob;
  entry: Entry;
  /** The verification that it stands by. */
  best: Trial;
  /** That a person chose it, and what was best; null where it is the best. */
  choice: string | null;
  build: Build | null;
  /** When the job was started, milliseconds since 1970. */
  startedAt: number;
  /** Whether it reads the number of its threads from CRUCIBLE_CORES. */
  threads: boolean;
  /** Whether it sends what it was not compiled for to the original. */
  takesWhatTheOriginalTook: boolean;
  /** Modules it imports that no package index has. */
  missing: string[];
}

/** Text of a model as an indented block: shown as it is, whatever markup it holds. */
const block = (text: string): string =>
  clean(text)
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

/** What of the original's answers was kept. */
function keptWords(job: OptimizeJob): string {
  const check = checkNamed(job);
  return check === null
    ? `floating-point numbers may differ by ${toleranceWords(job.tolerance)}, everything else not at all`
    : `its answers need not be the original's, but those that \`${check}\` accepts`;
}

/** The README of a faster program. */
export function programReadme(exported: ExportedProgram): string {
  const { job, entry, best, jobId, startedAt, missing } = exported;
  const { measurement, outcome } = best;
  const what =
    entry.kind === 'function'
      ? `\`${entry.name}\` in \`program/${entry.module}\``
      : `\`program/${entry.path}\``;
  const speedup = outcome.kind === 'scored' ? `${intervalText(outcome.metric)} as fast` : 'faster';
  return [
    `# ${job.name}: a faster ${entry.kind === 'function' ? entry.name : entry.path}`,
    `${what} does what the original in \`original/\` does, ${speedup}. The brackets are a 95 % confidence interval. It was judged and measured more than once, the last time ${anew(best)}: ${keptWords(job)}.`,
    ...(exported.choice === null ? [] : [`${oneLine(exported.choice)}.`]),
    ...(measurement === null
      ? []
      : [
          [
            '| | |',
            '| --- | --- |',
            `| original | ${msText(measurement.baselineMs.value)} a ${entry.kind === 'function' ? 'call' : 'run'} |`,
            `| this program | ${msText(measurement.candidateMs.value)} |`,
            `| measured on | ${oneLine(measurement.host)}, noise ±${percentText(measurement.noiseFloor)}${exported.threads ? `, at most ${job.cores} threads` : ''} |`,
            `| job | ${jobId}, ${timeText(startedAt)}, candidate ${best.candidate.id} |`,
          ].join('\n'),
          [figuresNote(measurement), ...remarksOn(measurement).map((remark) => `Note: ${remark}.`)].join(' '),
        ]),
    `What was changed:`,
    block(`${best.candidate.title}\n${best.candidate.note}`),
    ...keptText(exported),
    '## Use',
    useText(exported),
    ...(missing.length === 0
      ? []
      : [`It also imports ${missing.join(', ')}, which comes with Crucible and is in no package index.`]),
    '## Test and measure',
    fenced(
      'sh',
      `python test_same.py     # ${job.accepts === undefined ? 'the same answers as the original' : 'answers that its check accepts'}, given in other ways too?\npython benchmark.py     # how many times faster is it on this machine?`,
    ),
    entry.kind === 'function'
      ? `The test takes its inputs from the generator \`original/${job.cases?.split(':')[0]}\`, with a seed that was secret until the program was judged by it. To give them in another way, change \`make_cases\` in \`check/programs.py\`.`
      : 'Both run the scripts in temporary folders with the files of `original/` as input.',
    ...buildText(exported.build),
  ]
    .join('\n\n')
    .concat('\n');
}

/** What a program that was compiled does not keep of the original, as far as it is known. */
function keptText({ entry, build, takesWhatTheOriginalTook }: ExportedProgram): string[] {
  if (entry.kind !== 'function' || build === null) return [];
  return [
    '## What is kept, and what is not',
    takesWhatTheOriginalTook
      ? `It was compiled for the types of arguments it was judged with. All others (lists, other types of numbers, arrays that are not contiguous, None) go to the original, which is beside it in \`program/\`, and take as long as there.`
      : 'It was judged with arguments of the types that the generator makes, arrays in C order. It may refuse others that the original takes.',
    'Not kept: an index beyond the end is not noticed where the original raises; integers have 64 bits; a division of floats by zero may give an infinity where the original raises.',
  ];
}

function useText({ entry, job, threads }: ExportedProgram): string {
  const cores = threads
    ? `\n\nIt uses as many threads as the environment variable \`CRUCIBLE_CORES\` says, one where it is not set; it was measured with ${job.cores}.`
    : '';
  if (entry.kind === 'script') {
    const command = ['python', entry.path, ...entry.args].map(inShell).join(' ');
    return `${fenced('sh', `pip install -r requirements.txt\ncd program && ${command}`)}${cores}`;
  }
  const module = entry.module.replace(/\.py$/, '').split('/');
  const folder = ['program', ...module.slice(0, -1)].join('/');
  const python = `import sys\nsys.path.insert(0, '${folder}')\n\nfrom ${module.at(-1)} import ${entry.name}`;
  return `${fenced('sh', 'pip install -r requirements.txt')}\n\n${fenced('python', python)}${cores}`;
}

function buildText(build: Build | null): string[] {
  if (build === null) return [];
  return [
    '## Build',
    `The extension is here as source (${build.sources.map((source) => `\`program/${source}\``).join(', ')}) and built for CPython ${sandboxPython} on Linux, ${machine}. For another Python or another machine build it anew:`,
    fenced('sh', 'sh build.sh'),
  ];
}

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``;

/** The README of a script's outputs. */
export const solveReadme = ({
  jobId,
  script,
  outputs,
  program,
  failure,
  isLocked,
}: {
  jobId: string;
  script: string;
  outputs: string[];
  /** The files of the program that wrote them; none where that is the user's own. */
  program: string[];
  /** How the job failed; null where it did not. */
  failure: string | null;
  /** Whether it ran with packages of its own. */
  isLocked: boolean;
}): string =>
  [
    `# What ${script} wrote`,
    failure === null
      ? `The files in \`outputs/\`, as they passed the checks of the job ${jobId}:`
      : `**The job ${jobId} failed**: these files are what it left, and did not pass its checks.\n\n${fenced('text', failure)}`,
    outputs.map((path) => `- \`outputs/${path}\``).join('\n') || 'none',
    ...(program.length === 0
      ? []
      : ['The program that wrote them:', program.map((path) => `- \`program/${path}\``).join('\n')]),
    ...(isLocked
      ? ['It ran with the packages of `requirements.lock`: pip install --require-hashes -r requirements.lock']
      : []),
  ]
    .join('\n\n')
    .concat('\n');

/** The README of a C++ module, which `files` hold beside its sources and tests. */
export function moduleReadme({
  jobId,
  files,
  build,
  trial: { candidate, measurement },
}: {
  jobId: string;
  files: string[];
  build: Build | null;
  trial: Trial;
}): string {
  const modules = files.flatMap((path) => /^(\w+)\.cpython-[^/]*\.so$/.exec(path)?.[1] ?? []);
  const bench = files.find((path) => /^bench_\w+\.py$/.test(path));
  const lines = [
    'pip install -r requirements.txt',
    'cd program',
    'python -m pytest',
    ...(bench === undefined ? [] : [`python ${bench}`]),
  ];
  return [
    `# The C++ module ${modules.join(', ')}`,
    `As it passed the tests of the job ${jobId} (candidate ${candidate.id}), also under AddressSanitizer.`,
    ...(measurement === null
      ? []
      : [
          `A call took ${msText(measurement.candidateMs.value)}, the reference ${msText(measurement.baselineMs.value)}: ${intervalText(measurement.speedup)}.`,
          remarksOn(measurement)
            .map((remark) => `Note: ${remark}.`)
            .join(' '),
        ]),
    files.map((path) => `- \`program/${path}\``).join('\n'),
    '## Use',
    fenced('python', `import sys\nsys.path.insert(0, 'program')\n\nimport ${modules[0] ?? ''}`),
    '## Test and measure',
    fenced('sh', lines.join('\n')),
    ...buildText(build),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

/** The README of a pipeline, one folder a stage. */
export const pipelineReadme = ({
  name,
  jobId,
  stages,
}: {
  name: string;
  jobId: string;
  stages: { name: string; kind: string; summary: string }[];
}): string =>
  [
    `# ${name}`,
    `What the stages of the job ${jobId} gave, one folder each:`,
    stages.map((stage) => `- \`${stage.name}/\` (${stage.kind}): ${oneLine(stage.summary)}`).join('\n'),
  ]
    .join('\n\n')
    .concat('\n');
