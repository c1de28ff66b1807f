import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesBelow, openSandbox, printed } from '../strategies/sandboxed-python.ts';
import type { TestSandbox } from '../support/sandbox.ts';

let sandbox: TestSandbox | undefined;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox?.close());

test('no kernel reads or writes beside an array, and none relies on undefined behaviour', async () => {
  const files = {
    ...(await filesBelow('native', 'native')),
    ...(await filesBelow('test/native', 'test')),
  };
  const program = `
import json, os, subprocess, sys
build = ['/in/native/build.py', '--python', sys.executable, '--nanobind', '/opt/crucible/nanobind', '--out', '/work/built', '--sanitize']
subprocess.run([sys.executable, '-I', '-B', *build], check=True)
found = [subprocess.run(['g++', f'-print-file-name={name}'], check=True, capture_output=True, text=True).stdout.strip()
         for name in ('libasan.so', 'libubsan.so', 'libstdc++.so')]
env = {**os.environ, 'LD_PRELOAD': ' '.join(found), 'ASAN_OPTIONS': 'detect_leaks=0', 'UBSAN_OPTIONS': 'print_stacktrace=1'}
verdicts = {}
for script in ('check_rays.py', 'check_kernels.py'):
    done = subprocess.run([sys.executable, '-B', '/in/test/' + script, '/work/built'], env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    verdicts.update(json.loads(done.stdout))
print(json.dumps(verdicts))
`;
  const verdicts: Record<string, string> = JSON.parse(
    await printed(sandbox, files, ['-c', program], {}, 900_000),
  );
  expect(Object.keys(verdicts).length).toBeGreaterThan(30);
  expect(Object.entries(verdicts).filter(([, verdict]) => verdict !== 'right')).toEqual([]);
});
