import { Limits } from '../../domain/limits.schema.ts';
import { filesBelow, openSandbox } from '../strategies/sandboxed-python.ts';
import { python } from '../support/sandbox.ts';

/** Measures the compiled kernels beside SciPy, Numba and plain C++, in the sandbox, by what it has; the last line is JSON. */
export async function run(): Promise<void> {
  const sandbox = await openSandbox();
  const limits = Limits.parse({ wallMs: 900_000, memoryMb: 8_000, processes: 64, fileMb: 512, diskMb: 512 });
  try {
    const sizes = process.argv[3] ?? '128,256';
    const argv = [python, '-I', '-B', '/in/native/bench.py', '--sizes', sizes];
    const { ending, stdout, stderr } = await sandbox.run(argv, {
      files: await filesBelow('native', 'native'),
      limits,
    });
    if (ending.kind !== 'exited' || ending.code !== 0)
      throw new Error(`the bench ended with ${JSON.stringify(ending)}: ${stderr.tail}`);
    process.stdout.write(stdout.tail);
  } finally {
    await sandbox.close();
  }
}
