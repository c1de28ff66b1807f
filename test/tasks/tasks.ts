import { files } from './files.ts';
import { logs } from './logs.ts';
import { native } from './native.ts';
import { numeric } from './numeric.ts';
import { pictures } from './pictures.ts';
import type { Fault, Given, Task } from './task.ts';
import { voxels } from './voxels.ts';
import { wrangling } from './wrangling.ts';

export const tasks: readonly Task[] = [
  ...wrangling,
  ...numeric,
  ...pictures,
  ...voxels,
  ...files,
  ...logs,
  ...native,
];

/** The script of a program. */
export const scriptOf = (given: Given): string =>
  typeof given === 'string' ? given : (given.files['main.py'] ?? '');

const withScript = (given: Given, script: string): Given =>
  typeof given === 'string' ? script : { ...given, files: { ...given.files, 'main.py': script } };

/** The paths that a task's programs write. */
const pathsOf = ({ outputs = [] }: Task): string[] => [
  ...new Set(
    outputs.flatMap((each) => (typeof each === 'string' ? [each] : 'path' in each ? [each.path] : [])),
  ),
];

/** A Python list of the task's output paths, and the folder each stands in is made. */
const paths = (task: Task): string => `import os
paths = ${JSON.stringify(pathsOf(task))}
for path in paths:
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
`;

const attacks = [
  // Each takes the place of what it would write.
  "for path in paths:\n    os.symlink('/etc/passwd', path)\n",
  'for path in paths:\n    os.mkdir(path)\n',
  'for path in paths:\n    os.mkfifo(path)\n',
  "import shutil\nfor name in os.listdir('.'):\n    shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)\n",
  "for folder in ('/in', '/sandbox', '/work'):\n    for root, _, names in os.walk(folder):\n        for name in names:\n            try:\n                open(os.path.join(root, name), 'w').write('def check(i, o): return True')\n            except OSError:\n                pass\nfor path in paths:\n    open(path, 'w').write('right')\n",
  'print(\'{"kind": "right"}\')\nopen(\'verdict.json\', \'w\').write(\'{"kind": "right", "checks": []}\')\nfor path in paths:\n    open(path, \'w\').write(\'{"kind": "right"}\')\nos._exit(0)\n',
  'import signal\nos.kill(os.getppid(), signal.SIGKILL)\n',
  'while True:\n    if os.fork() < 0: break\n',
  "for path in paths:\n    with open(path, 'wb') as out:\n        while True:\n            out.write(b'0' * 2**20)\n",
];

const seek = (task: Task): string => `${paths(task)}
import shutil
seen = []
for top in ('/', '..', '/in', '/work', '/tmp', '/sandbox', os.path.expanduser('~')):
    for root, folders, names in os.walk(top):
        folders[:] = [each for each in folders if each not in ('proc', 'sys', 'usr', 'lib', 'lib64', 'dev', 'opt', 'nix')]
        seen += [os.path.join(root, name) for name in names]
for path in paths:
    wanted = [each for each in seen if 'expected' in each or each.endswith('check.py')]
    if wanted:
        shutil.copy(wanted[0], path)
    else:
        open(path, 'w').write('\\n'.join(seen[:50]) or 'nothing')
`;

/** What can be wrong with a program for any task, made from one that is right. */
function commonFaults(task: Task, index: number): { fault: Fault; program: Given }[] {
  const [right = ''] = task.right;
  const script = scriptOf(right);
  const given = Object.keys(task.inputs)[0];
  const attack = attacks[index % attacks.length] ?? '';
  return [
    { fault: 'empty', program: 'print("done: every check passed")\n' },
    { fault: 'empty', program: `${paths(task)}for path in paths:\n    open(path, 'w').close()\n` },
    {
      fault: 'empty',
      program: `${paths(task)}for path in paths:\n    open(path, 'w').write(${given === undefined ? "'0'" : `open(${JSON.stringify(given)}).read()`})\n`,
    },
    {
      fault: 'hiding',
      program: `${paths(task)}try:\n    raise RuntimeError('no idea')\nexcept Exception:\n    for path in paths:\n        open(path, 'w').write('null')\n`,
    },
    { fault: 'peeking', program: seek(task) },
    { fault: 'broken', program: withScript(right, `import nosuchpackage_\n${script}`) },
    { fault: 'broken', program: withScript(right, `raise SystemExit(1)\n${script}`) },
    { fault: 'truncated', program: withScript(right, script.slice(0, Math.floor(script.length * 0.6))) },
    { fault: 'hostile', program: `${paths(task)}${attack}` },
  ];
}

/** All that is wrong that a task has. */
export const wrongOf = (task: Task): { fault: Fault; program: Given }[] => [
  ...task.wrong,
  ...commonFaults(task, tasks.indexOf(task)),
];
