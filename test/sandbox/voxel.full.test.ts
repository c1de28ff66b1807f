import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mounted } from '../../domain/environment.schema.ts';
import { namedLayers } from '../../sandbox/packages.ts';
import { openTestSandbox, python, sandboxKinds, type TestSandbox } from '../support/sandbox.ts';

const { kinds } = await sandboxKinds();
const signal = AbortSignal.timeout(900_000);

describe.each(kinds)('the layer voxel (%s)', (kind) => {
  let box: TestSandbox;
  let environment: Mounted;
  let mb = 0;
  beforeAll(async () => {
    box = await openTestSandbox(kind);
    const { layers } = box.sandbox;
    if (layers === null) throw new Error('expected a sandbox that shows layers');
    const lock = await namedLayers.voxel.lock();
    mb = (await layers.layer(lock, signal)).mb;
    expect(await layers.has(lock)).toBe(true);
    environment = { kind: 'layer', lock: await box.blobs.put(lock) };
  }, 900_000);
  afterAll(() => box.close());

  test('takes what is said before it is installed', () => {
    expect(Math.abs(mb - namedLayers.voxel.mb)).toBeLessThan(namedLayers.voxel.mb / 20);
  });

  test('draws a volume and a surface without a display, encodes a film, and lacks nothing', async () => {
    const ran = await box.python(
      `
import importlib.metadata, os
assert 'DISPLAY' not in os.environ
os.environ['VTK_DEFAULT_OPENGL_WINDOW'] = 'vtkOSOpenGLRenderWindow'
import imageio, meshio, nrrd, numpy as np, pyvista as pv, skimage, tifffile, trimesh
grid = pv.ImageData(dimensions=(24, 24, 24))
x, y, z = np.meshgrid(*[np.linspace(-1, 1, 24)] * 3, indexing='ij')
grid['value'] = np.exp(-4 * (x**2 + y**2 + z**2)).ravel(order='F')
def picture(add):
    drawing = pv.Plotter(off_screen=True, window_size=(160, 120))
    add(drawing)
    seen = drawing.screenshot(return_img=True)
    print(drawing.render_window.GetClassName(), int(seen.std()) > 3)
    drawing.close()
    return seen
picture(lambda drawing: drawing.add_volume(grid))
frame = picture(lambda drawing: drawing.add_mesh(grid.contour([0.3])))
imageio.mimwrite('film.mp4', [frame] * 5, fps=5, macro_block_size=4)
print(len(imageio.mimread('film.mp4', memtest=False)))
from importlib.util import find_spec
print(find_spec('lavavu'))
`,
      { environment, limits: { wallMs: 120_000, memoryMb: 2_000, diskMb: 200 } },
    );
    // Where there are no fonts of the system, VTK has its own.
    expect(ran.stderr.tail.replace(/^Fontconfig error: Cannot load default config file.*\n/, '')).toBe('');
    expect(ran.stdout.tail).toBe('vtkOSOpenGLRenderWindow True\nvtkOSOpenGLRenderWindow True\n5\nNone\n');
  });

  test('comes with Mesa also where a job asks for VTK by name', async () => {
    const { layers } = box.sandbox;
    const lock = (await layers?.lock(['vtk'], signal)) ?? '';
    expect(lock).toMatch(/^lavavu-osmesa==1\.9\.10 \\$/m);
    const ran = await box.run(
      [python, '-c', "import ctypes; ctypes.CDLL('libOSMesa.so.8'); print('there')"],
      { environment: { kind: 'layer', lock: await box.blobs.put(lock) } },
    );
    expect(ran.stdout.tail).toBe('there\n');
  });

  test('has every package that its packages need', async () => {
    const ran = await box.run(
      [python, '-I', '-B', '/sandbox/guest/packages.py', '--out', 'list.json', '--import', 'pyvista'],
      { environment, outputs: ['list.json'], limits: { wallMs: 60_000, memoryMb: 1_000 } },
    );
    const { unmet, failing } = JSON.parse(await box.blobs.text(ran.outputs['list.json'] ?? ''));
    expect({ unmet, failing }).toEqual({ unmet: [], failing: [] });
  });
});
