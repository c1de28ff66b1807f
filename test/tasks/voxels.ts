import { empty, subtle, type Task } from './task.ts';

export const voxels: Task[] = [
  {
    name: 'sphere',
    task: 'Write a sphere of radius 10 voxels around the middle of a grid of 32³ voxels to sphere.bin, float32, 1 inside and 0 outside.',
    inputs: {},
    outputs: [{ kind: 'voxels', path: 'sphere.bin', n: 32, dtype: 'float32', minimum: 0, maximum: 1 }],
    check: String.raw`
import numpy as np
def check(inputs, outputs):
    grid = np.fromfile(outputs / 'sphere.bin', '<f4')[-32 ** 3:].reshape(32, 32, 32)
    if set(np.unique(grid)) != {0, 1}:
        return 'expected 0 and 1 and nothing else'
    axes = np.mgrid[:32, :32, :32] - 15.5
    radius = np.sqrt((axes ** 2).sum(axis=0))
    wrong = int((grid[radius < 9] != 1).sum() + (grid[radius > 11] != 0).sum())
    if wrong:
        return f'{wrong} voxels are on the wrong side'
`,
    right: [
      String.raw`
import numpy as np
axes = np.mgrid[:32, :32, :32] - 15.5
((axes ** 2).sum(axis=0) <= 100).astype('<f4').tofile('sphere.bin')
`,
      String.raw`
import numpy as np
grid = np.zeros((32, 32, 32), '<f4')
for x in range(32):
    for y in range(32):
        for z in range(32):
            if (x - 16) ** 2 + (y - 16) ** 2 + (z - 16) ** 2 <= 100:
                grid[x, y, z] = 1
grid.tofile('sphere.bin')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import numpy as np
x, y, z = np.mgrid[:32, :32, :32] - 15.5
(x ** 2 + y ** 2 <= 100).astype('<f4').tofile('sphere.bin')
`,
        String.raw`
import numpy as np
axes = np.abs(np.mgrid[:32, :32, :32] - 15.5)
(axes.max(axis=0) <= 10).astype('<f4').tofile('sphere.bin')
`,
        String.raw`
import numpy as np
axes = np.mgrid[:32, :32, :32] - 15.5
((axes ** 2).sum(axis=0) > 100).astype('<f4').tofile('sphere.bin')
`,
        String.raw`
import numpy as np
axes = np.mgrid[:32, :32, :32] - 15.5
((axes ** 2).sum(axis=0) <= 100).astype('>f4').tofile('sphere.bin')
`,
      ),
      ...empty(
        "import numpy as np\nnp.zeros((32, 32, 32), '<f4').tofile('sphere.bin')\n",
        "import numpy as np\nnp.random.default_rng(1).integers(0, 2, 32 ** 3).astype('<f4').tofile('sphere.bin')\n",
      ),
    ],
  },
  {
    name: 'shell',
    task: 'Write the hull, one voxel thick, of a cube from 4 to 11 in each axis of a grid of 16³ to shell.bin, uint8, 255 where there is one.',
    inputs: {},
    outputs: [{ kind: 'voxels', path: 'shell.bin', n: 16, dtype: 'uint8', maximum: 255 }],
    check: String.raw`
import numpy as np
def check(inputs, outputs):
    grid = np.fromfile(outputs / 'shell.bin', 'u1')[-16 ** 3:].reshape(16, 16, 16)
    wanted = np.zeros_like(grid)
    wanted[4:12, 4:12, 4:12] = 255
    wanted[5:11, 5:11, 5:11] = 0
    return bool((grid == wanted).all())
`,
    right: [
      String.raw`
import numpy as np
grid = np.zeros((16, 16, 16), 'u1')
grid[4:12, 4:12, 4:12] = 255
grid[5:11, 5:11, 5:11] = 0
grid.tofile('shell.bin')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import numpy as np
grid = np.zeros((16, 16, 16), 'u1')
grid[4:12, 4:12, 4:12] = 255
grid.tofile('shell.bin')
`,
        String.raw`
import numpy as np
grid = np.zeros((16, 16, 16), 'u1')
grid[4:11, 4:11, 4:11] = 255
grid[5:10, 5:10, 5:10] = 0
grid.tofile('shell.bin')
`,
        String.raw`
import numpy as np
grid = np.zeros((16, 16, 16), 'u1')
grid[4:12, 4:12, 4:12] = 1
grid[5:11, 5:11, 5:11] = 0
grid.tofile('shell.bin')
`,
      ),
    ],
  },
  {
    name: 'letter',
    task: 'Write the letter L in a grid of 24³ voxels to letter.bin, float32: seen from the front (the second axis down, the third to the right) a stem of 4 × 16 and a foot of 12 × 4 voxels, 6 deep.',
    inputs: {},
    outputs: [{ kind: 'voxels', path: 'letter.bin', n: 24, dtype: 'float32', minimum: 0, maximum: 1 }],
    check: String.raw`
import numpy as np
def check(inputs, outputs):
    grid = np.fromfile(outputs / 'letter.bin', '<f4')[-24 ** 3:].reshape(24, 24, 24) > 0.5
    front = grid.any(axis=0)
    rows, columns = np.nonzero(front)
    if not len(rows):
        return 'nothing is there'
    letter = front[rows.min():rows.max() + 1, columns.min():columns.max() + 1]
    wanted = np.zeros((16, 12), bool)
    wanted[:, :4] = True
    wanted[12:, :] = True
    if letter.shape != wanted.shape or (letter != wanted).any():
        return f'from the front it is no L of 16 by 12, but {letter.shape}'
    if set(grid.sum(axis=0)[front]) != {6}:
        return 'it is not 6 deep'
`,
    right: [
      String.raw`
import numpy as np
grid = np.zeros((24, 24, 24), '<f4')
grid[9:15, 4:20, 6:10] = 1
grid[9:15, 16:20, 6:18] = 1
grid.tofile('letter.bin')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import numpy as np
grid = np.zeros((24, 24, 24), '<f4')
grid[9:15, 4:20, 14:18] = 1
grid[9:15, 16:20, 6:18] = 1
grid.tofile('letter.bin')
`,
        String.raw`
import numpy as np
grid = np.zeros((24, 24, 24), '<f4')
grid[9:15, 4:20, 6:10] = 1
grid[9:15, 4:8, 6:18] = 1
grid.tofile('letter.bin')
`,
        String.raw`
import numpy as np
grid = np.zeros((24, 24, 24), '<f4')
grid[9:13, 4:20, 6:10] = 1
grid[9:15, 16:20, 6:18] = 1
grid.tofile('letter.bin')
`,
      ),
      ...empty("import numpy as np\nnp.ones((24, 24, 24), '<f4').tofile('letter.bin')\n"),
    ],
  },
];
