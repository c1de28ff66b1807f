"""Runs the voxel recipes on small data and looks at what they write; prints {check: "right" or what was wrong}.

    check_voxels.py RECIPES          the folder recipes/voxel

A recipe is run in this process, in an empty folder, with the values of its recipe.json where none are given.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np

RECIPES = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(RECIPES / 'python'))

import crucible_native as native  # noqa: E402
import crucible_voxel as cv  # noqa: E402


def made(name, **given):
    """Runs a recipe in the working directory; what it printed, or what it ended with."""
    about = json.loads((RECIPES / name / 'recipe.json').read_text())
    values = {key: given.get(key, of.get('default')) for key, of in about['parameters'].items()}
    assert not set(given) - set(values), f'{name}: no parameter {set(given) - set(values)}'

    def as_python(match):
        value = values[match[1]]
        return repr(tuple(map(float, value.split(',')))) if about['parameters'][match[1]]['type'] == 'numbers' else repr(value)

    script = RECIPES / name / about['entry']
    text = re.sub(r'\{\{(\w+)\}\}', as_python, script.read_text())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(text, str(script), 'exec'), {'__name__': '__main__', '__file__': str(script)})
        except SystemExit as ended:
            return str(ended.code)
    return printed.getvalue()


def refused(got, *words):
    for word in words:
        assert word in got, f'expected {word!r} in {got!r}'
    assert '\n' not in got.strip(), f'expected one sentence, got {got!r}'


def volume(path='volume.bin'):
    got = cv.read_volume(path)
    # The file may be written anew.
    return got.of(got.values.copy())


def blob(shape=(7, 5, 3)):
    return np.random.default_rng(4).random(shape, dtype=np.float32) + np.float32(0.1)


def about_equal(got, wanted, within):
    assert abs(got - wanted) <= within * abs(wanted), f'expected about {wanted}, got {got}'


# Formats


def round_trips():
    given = cv.Volume(blob(), (0.5, 1.0, 2.0), (1.0, -2.0, 3.0), 'mm')
    for ending in ENDINGS:
        cv.write_volume(f'a{ending}', given)
        got = cv.read_volume(f'a{ending}')
        assert np.array_equal(got.values, given.values), ending
        assert got.values.dtype == np.float32 and got.values.flags.c_contiguous, ending
        assert np.allclose([*got.spacing, *got.origin], [*given.spacing, *given.origin]), (ending, got.spacing, got.origin)
        assert 'x, y and z' in got.told, got.told
        if ending != '.vti':
            assert got.units == 'mm', (ending, got.units)


def known_header():
    values = blob((4, 4, 4))
    Path('a.bin').write_bytes(np.int32(4).tobytes() + np.float32(6).tobytes() + values.tobytes())
    got = volume('a.bin')
    assert np.array_equal(got.values, values) and got.spacing == (6, 6, 6)
    Path('a.bin').write_bytes(np.int32(4).tobytes() + np.float32('nan').tobytes() + values.tobytes())
    refused(made('stats', volume='a.bin'), 'its header says voxels of the size nan')


def other_axes():
    values = blob()
    values.transpose(2, 1, 0).astype('>u2').tofile('a.bin')
    Path('a.bin.json').write_text(json.dumps({'shape': [3, 5, 7], 'axes': 'zyx', 'dtype': 'uint16', 'byteOrder': 'big'}))
    got = volume('a.bin')
    assert got.values.shape == (7, 5, 3) and np.array_equal(got.values, values.astype(np.uint16))
    assert 'z, y, x with x fastest (by a.bin.json)' in got.told, got.told
    refused(made('stats', volume='a.bin', axes='xyz'), 'the axes are zyx by this file, and xyz was asked for')
    np.save('b.npy', np.asfortranarray(values))
    assert np.array_equal(volume('b.npy').values, values)
    assert cv.read_volume('b.npy', 'zyx').values.shape == (3, 5, 7)


def wrong_files():
    blob((4, 4, 4)).tofile('a.bin')
    Path('a.bin.json').write_text('{"shape": [4, 4, 5]}')
    refused(made('stats', volume='a.bin'), '4 × 4 × 5 voxels of float32, which are 320 bytes; the file has 256')
    for said, words in (
        ('{', 'expected JSON'), ('{}', 'three whole numbers'), ('{"shape": [4, 4, -4]}', 'three whole numbers'),
        ('{"shape": [4, 4, 4], "axes": "abc"}', 'axes: expected one of xyz'), ('{"shape": [4, 4, 4], "dtype": "object"}', 'dtype: expected one of'),
        ('{"shape": [4, 4, 4], "spacing": [1, 0, 1]}', 'spacing: expected three numbers above 0'),
    ):  # fmt: skip
        Path('a.bin.json').write_text(said)
        refused(made('stats', volume='a.bin'), 'a.bin.json', words)
    Path('b.bin').write_bytes(bytes(100))
    refused(made('stats', volume='b.bin'), 'expected N³ float32 voxels, got 100 bytes', 'put b.bin.json beside it')
    Path('b.bin').write_bytes(b'')
    refused(made('stats', volume='b.bin'), 'got 0 bytes')
    values = blob((4, 4, 4))
    values[1, 2, 3] = np.nan
    values.tofile('c.bin')
    refused(made('stats', volume='c.bin'), '1 voxels are NaN or infinite, the first at x, y, z = (1, 2, 3)')
    np.save('d.npy', np.zeros((3, 3)))
    refused(made('stats', volume='d.npy'), 'expected three axes, got the shape (3, 3)')
    np.save('e.npy', np.array([{}], dtype=object), allow_pickle=True)
    refused(made('stats', volume='e.npy'), 'expected a NumPy array')
    np.save('f.npy', np.zeros((2, 2, 2), complex))
    refused(made('stats', volume='f.npy'), 'expected numbers, got complex128')
    Path('g.tif').write_bytes(b'II*\0nothing')
    refused(made('stats', volume='g.tif'), 'not a readable TIFF')
    refused(made('stats', volume='none.bin'), 'expected a file, found none')
    refused(made('stats', volume='a.raw'), 'expected a volume by the ending of its name')


# Making


def shapes():
    for shape, share in (
        ('sphere', np.pi / 6 * 0.75**3), ('box', 0.75**3), ('cylinder', np.pi / 4 * 0.75**3), ('octahedron', 0.75**3 / 6),
        ('cone', np.pi / 12 * 0.75**3), ('torus', 2 * np.pi**2 * (0.375 * 0.7) * (0.375 * 0.3) ** 2),
    ):  # fmt: skip
        made('shapes', shape=shape, size=64)
        about_equal(volume('shape.bin').values.mean(dtype=float), share, 0.02)
    made('shapes', shape='gyroid', size=64, wall=3)
    # Its surface is about 3.09 per period squared, of a wall three voxels thick.
    about_equal(volume('shape.bin').values.sum(dtype=float) / 64**3, 3.09 * 3 * 0.75**2 * 3 / 64, 0.1)
    made('shapes', fill='distance', size=32)
    depth = volume('shape.bin').values
    about_equal(depth.max(), 12, 0.1)
    assert depth.min() < 0
    refused(made('shapes', size=8, extent=0.05), 'make size or extent larger')


def text():
    made('text', text='L', size=48)
    values = volume('text.bin').values
    x, y, z = np.nonzero(values)
    assert set(np.unique(values)) == {0, 1}
    assert z.min() == 18 and z.max() == 29, (z.min(), z.max())
    # Its bar is to the left, its foot below.
    middle = values[:, :, 24]
    assert middle[x.min() + 1, y.min() : y.max()].all() and not middle[x.max() - 1, y.max() - 2]
    assert middle[x.max() - 1, y.min() + 1]
    assert max(np.ptp(x), np.ptp(y)) + 1 >= 0.75 * 48
    made('text', text='Ünï Ωя 5€\nzwei', size=64)
    assert volume('text.bin').values.any()
    refused(made('text', text='A漢'), "no letter for '漢' (U+6F22", 'give another font')
    refused(made('text', text='A\x07'), 'U+0007')
    refused(made('text', text=' '), 'expected something that can be seen')
    Path('font.ttf').write_bytes(b'no font')
    refused(made('text', font='font.ttf'), 'font.ttf: expected a font')
    refused(made('text', text='x' * 200, size=8), 'too many for 8 voxels')


# Images


def save(name, pixels, **more):
    from PIL import Image

    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(name, **more)


def images():
    from PIL import Image

    grey = np.arange(20, dtype=np.uint8).reshape(4, 5) * 10
    Path('s').mkdir()
    save('s/1.png', grey)
    save('s/2.png', grey.astype(np.uint16) * 257)
    save('s/10.png', np.dstack([grey] * 3))
    save('s/20.png', np.dstack([grey] * 3 + [np.full_like(grey, 51)]))
    palette = Image.fromarray(grey).convert('P')
    save('s/30.png', palette)
    turned = Image.fromarray(np.rot90(grey).copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    save('s/40.png', turned, exif=exif)
    got = made('stack', images='s', spacing='1,2,3', units='mm')
    values = volume().values
    assert values.shape == (5, 4, 6), (values.shape, got)
    assert volume().spacing == (1, 2, 3) and volume().units == 'mm'
    for plane, factor in enumerate((1, 1, 1, 0.2, 1, 1)):
        assert np.allclose(values[:, :, plane].T, grey * factor, atol=0.01), (plane, values[:, :, plane].T)
    made('stack', images='s', levels='unit', depth=11)
    assert volume().values.shape == (5, 4, 11) and volume().values.max() <= 1
    save('s/50.png', grey[:2])
    refused(made('stack', images='s'), 's/50.png: expected 5 × 4 pixels as s/1.png has, got 5 × 2')
    Path('s/50.png').write_bytes(b'\x89PNG\r\n broken')
    refused(made('stack', images='s'), 's/50.png: not a readable image')
    Path('empty').mkdir()
    refused(made('stack', images='empty'), 'expected images', 'found none')
    refused(made('stack', images='nowhere'), 'found nothing')


def deep_images():
    import tifffile

    deep = (np.arange(12, dtype=np.uint16).reshape(3, 4) * 5001).astype(np.uint16)
    Path('s').mkdir()
    tifffile.imwrite('s/1.tif', deep)
    tifffile.imwrite('s/2.tif', np.dstack([deep] * 3), photometric='rgb')
    made('stack', images='s', levels='raw')
    values = volume().values
    assert np.allclose(values[:, :, 0].T, deep) and np.allclose(values[:, :, 1].T, deep, rtol=1e-5), values
    made('stack', images='s')
    assert np.allclose(volume().values[:, :, 1].T, deep / 257, rtol=1e-5)
    tifffile.imwrite('c.tif', np.stack([deep, deep + 1, deep + 2]), photometric='minisblack')
    assert np.array_equal(volume('c.tif').values[:, :, 2].T, deep + 2)


# Cameras


def looking(position, target=(0, 0, 0), up=(0, 1, 0)):
    ahead = np.array(target, float) - position
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead], axis=1).tolist()


PLACES = [((0.0, 0.0, -40.0), (0, 1, 0)), ((40.0, 0.0, 0.0), (0, 1, 0)), ((0.0, -40.0, 0.0), (0, 0, 1))]
SPOT = (3.5, -2.5, 5.5)


def scene(folder='scene', places=PLACES, frames=2, noise=0, **more):
    """Cameras that see one bright spot appear at SPOT; the poses, to be spoilt."""
    Path(folder).mkdir(exist_ok=True)
    poses = []
    for camera, (position, up) in enumerate(places):
        rotation = np.array(looking(position, up=up))
        seen = rotation.T @ (np.array(SPOT) - position)
        column, row = (int(40 + 80 * axis / seen[2]) for axis in seen[:2])
        for frame in range(frames):
            image = np.full((80, 80), 20, np.uint8)
            if frame == 1:
                image[row, column] = 220
            save(f'{folder}/{camera}-{frame}.png', image)
            poses.append({'camera_index': camera, 'frame_index': frame, 'camera_position': list(position), 'rotation': rotation.tolist(),
                          'focal': 80, 'image_file': f'{camera}-{frame}.png', **more})  # fmt: skip
    return written(poses, folder)


def written(poses, folder='scene'):
    Path(f'{folder}/poses.json').write_text(json.dumps(poses))
    return poses


def every_face():
    """Rays that enter through a face at the far end of an axis count as all others."""
    lit = []
    for place in PLACES:
        scene(places=[place])
        made('frames', frames='scene', size=16)
        lit.append(int(np.count_nonzero(volume('motion.bin').values)))
    assert min(lit) > 8 and max(lit) < 4 * min(lit), lit


def where_it_is():
    """What is written lies where the cameras saw it, for whoever reads the file."""
    for centre in ((0, 0, 0), (2, -4, 1)):
        scene()
        made('frames', frames='scene', size=32, weight='one', centre=','.join(map(str, centre)))
        got = volume('motion.bin')
        at = np.unravel_index(int(got.values.argmax()), got.values.shape)
        world = np.array(got.origin) + np.array(got.spacing) * at
        assert np.abs(world - SPOT).max() <= 0.75, (centre, world)


def same_again():
    scene()
    files = []
    for threads in ('1', '2', '2'):
        os.environ['OMP_NUM_THREADS'] = threads
        made('frames', frames='scene', size=24)
        files.append(Path('motion.bin').read_bytes())
    assert files[0] == files[1] == files[2]


def fades():
    scene(places=PLACES[:1])
    made('frames', frames='scene', size=16, weight='one')
    plain = volume('motion.bin').values
    made('frames', frames='scene', size=16, weight='one', fade=40)
    faded = volume('motion.bin').values
    x, y, z = (axis[0] for axis in np.nonzero(plain))
    distance = np.linalg.norm(np.array([x, y, z]) - 7.5 - PLACES[0][0])
    about_equal(faded[x, y, z] / plain[x, y, z], 1 / (1 + (distance / 40) ** 2), 0.02)
    assert (faded[plain > 0] < 0.8 * plain[plain > 0]).all()


def middles_of_pixels():
    """A pixel's ray goes through its middle: a spot in one of the two middle columns is half a pixel off the axis."""
    scene(places=[((0.0, 0.0, -40.0), (0, 1, 0))])
    image = np.full((80, 80), 20, np.uint8)
    save('scene/0-0.png', image)
    image[39:41, 39:41] = 220
    save('scene/0-1.png', image)
    made('frames', frames='scene', size=16, voxel=0.25)
    values = volume('motion.bin').values
    assert np.allclose(values, values[::-1], atol=1e-3) and np.allclose(values, values[:, ::-1], atol=1e-3)


def one_grid():
    """A grid is added to where it is; one of another type is refused, not copied."""
    grid = np.zeros((8, 8, 8), np.float32)
    image = np.ones((4, 4), np.float32)
    for _ in range(200):
        # Nothing of a camera outlives the call: its arrays are gone before the next.
        camera = native.Camera(np.array([4.0, 4.0, -9.0]), np.eye(3), np.array([4.0, 4.0]), np.array([2.0, 2.0]))
        assert native.add_image(image.copy(), camera, out=grid) is grid
        del camera
    assert grid.sum() > 1000
    try:
        native.add_image(image, native.Camera((4, 4, -9), np.eye(3), 4, (2, 2)), out=np.zeros((8, 8, 8)))
        raise AssertionError('a float64 grid was taken')
    except TypeError as error:
        assert 'float32' in str(error)


def beyond_int():
    """A grid of more voxels than an int counts; only the pages that a ray meets are ever there."""
    n = 1300
    grid = np.zeros((n, n, n), np.float32)
    native.add_rays(np.array([n - 0.5, n - 0.5, -1.0]), np.array([[0.0, 0.0, 1.0]]), np.ones(1, np.float32), out=grid)
    assert grid[n - 1, n - 1, n - 1] == 1 and grid[n - 1, n - 1].sum() == n


def wrong_scenes():
    poses = scene()
    for field, value, words in (
        ('focal', None, 'expected fov_degrees, the width of its view, or focal'),
        ('camera_position', [0, float('nan'), 1], 'camera_position: expected 3 finite numbers'),
        ('camera_position', None, 'camera_position: expected three numbers, it is missing'),
        ('image_file', 'none.png', 'there is no none.png beside poses.json'),
        ('fov_degrees', 180, 'fov_degrees: expected a number between 0 and 180'),
        ('rotation', [[1, 0, 0], [0, 1, 0], [0, 0, 2]], 'rotation: expected three rows of three'),
        ('frame_index', 0, 'has frame 0 already'),
        ('fov', 60, 'there is no field fov'),
        ('distortion', [1], 'distortion: expected 5 finite numbers'),
    ):
        written([*poses[:1], {**poses[1], field: value}, *poses[2:]])
        refused(made('frames', frames='scene', size=16), 'poses.json[', words)
    written(poses)
    save('scene/0-1.png', np.zeros((9, 9), np.uint8))
    refused(made('frames', frames='scene', size=16), '0-1.png: expected 80 × 80 pixels', 'got 9 × 9')
    Path('scene/0-1.png').write_bytes(b'no image')
    refused(made('frames', frames='scene', size=16), '0-1.png: not a readable image')
    save('scene/0-1.png', np.full((80, 80), 20, np.uint8))
    scene(frames=1)
    refused(made('frames', frames='scene', size=16), 'nothing moved in 0 masks')
    scene()
    refused(made('frames', frames='scene', size=16, centre='0,0,9000'), 'no ray of', 'meets the grid')
    refused(made('frames', frames='scene', size=16, against='background'), 'background_file')
    refused(made('frames', frames='none', size=16), 'expected a JSON file of poses, found none')
    for said, words in (('[', 'expected JSON'), ('[]', 'expected a list of poses'), ('[1]', 'expected an object')):
        Path('scene/poses.json').write_text(said)
        refused(made('frames', frames='scene', size=16), words)


def known_angles():
    """The list of Pixeltovoxelprojector is read as it is: angles, a field of view, no more."""
    Path('scene').mkdir()
    poses = []
    for frame in range(2):
        image = np.zeros((40, 40), np.uint8)
        image[18:22, 18:22] = 200 * frame
        save(f'scene/{frame}.png', image)
        poses.append({'camera_index': 0, 'frame_index': frame, 'camera_position': [0, 0, 50], 'yaw': 0.0, 'pitch': 0.0, 'roll': 0.0,
                      'fov_degrees': 60, 'image_file': f'{frame}.png'})  # fmt: skip
    written(poses)
    made('frames', frames='scene', size=16)
    # It looks down from above.
    x, y, _ = np.nonzero(volume('motion.bin').values)
    assert x.min() >= 4 and x.max() <= 11 and y.min() >= 4 and y.max() <= 11


def carving():
    """A ball seen from many sides is left as a ball, by noisy images too."""
    places = [((40 * np.cos(a) * np.cos(e), 40 * np.sin(e), 40 * np.sin(a) * np.cos(e)), (0, 1, 0))
              for e in (-0.6, 0.2, 0.9) for a in np.arange(6) * 1.05]  # fmt: skip
    scene(places=places, frames=1, background_file='empty.png')
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:80, :80] + 0.5
    # The rim of a ball of radius 6, 40 away, by a focal length of 80.
    ball = (rows - 40) ** 2 + (columns - 40) ** 2 <= (80 * np.tan(np.arcsin(6 / 40))) ** 2
    save('scene/empty.png', np.full((80, 80), 20, np.uint8))
    for noise, more in ((0, {}), (6, {'smooth': 1, 'misses': 1, 'threshold': 30})):
        for camera in range(len(places)):
            image = np.where(ball, 120, 20) + rng.normal(0, noise, ball.shape)
            save(f'scene/{camera}-0.png', image.clip(0, 255).astype(np.uint8))
        made('carve', frames='scene', size=32, voxel=0.5, **more)
        solid = volume('solid.bin').values
        about_equal(solid.sum() / 8, 4 / 3 * np.pi * 6**3, 0.2)
    save('scene/3-0.png', np.full((80, 80), 20, np.uint8))
    refused(made('carve', frames='scene', size=32), '3-0.png: the silhouette is empty')
    for camera in range(len(places)):
        image = np.full((80, 80), 20, np.uint8)
        image[camera * 4 : camera * 4 + 2, :3] = 200
        save(f'scene/{camera}-0.png', image)
    refused(made('carve', frames='scene', size=32), 'nothing is left after 18 views')


def videos():
    import av

    Path('scene').mkdir()
    with av.open('scene/moves.mp4', 'w') as file:
        stream = file.add_stream('mpeg4', rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, 'yuv420p'
        for step in range(5):
            image = np.full((64, 64, 3), 20, np.uint8)
            image[24:40, 8 * step : 8 * step + 16] = 220
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, 'rgb24')):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    written([{'camera_position': [0, 0, -40], 'rotation': looking((0, 0, -40.0)), 'fov_degrees': 50, 'video_file': 'moves.mp4'}])
    got = made('frames', frames='scene', size=16, threshold=30)
    assert '4 masks' in got, got
    made('stack', images='scene/moves.mp4')
    assert volume().values.shape == (64, 64, 5)
    Path('scene/moves.mp4').write_bytes(b'no video')
    refused(made('stack', images='scene/moves.mp4'), 'not a readable video')


# Changing


def transform():
    given = cv.Volume(blob((6, 6, 4)), (0.5, 0.5, 2.0), (1.0, 2.0, 3.0), 'mm')
    cv.write_volume('a.bin', given)
    made('transform', volume='a.bin', degrees='0,0,90')
    # x turns to y.
    assert np.allclose(volume().values, np.rot90(given.values, axes=(0, 1)), atol=1e-6)
    Path('b.bin').write_bytes(Path('a.bin').read_bytes())
    Path('b.bin.json').write_bytes(Path('a.bin.json').read_bytes())
    for _ in range(4):
        made('transform', volume='b.bin', degrees='0,0,90', output='c.bin')
        os.replace('c.bin', 'b.bin')
    assert np.array_equal(volume('b.bin').values, given.values)
    made('transform', volume='a.bin', degrees='90,0,0', grow=True)
    assert volume().values.shape == (6, 13, 2), volume().values.shape
    made('transform', volume='a.bin', crop='1:3,:,2:')
    assert np.array_equal(volume().values, given.values[1:3, :, 2:]) and volume().origin == (1.5, 2.0, 7.0)
    made('transform', volume='a.bin', scale='2,1,1')
    assert volume().values.shape == (12, 6, 4) and np.allclose(volume().spacing[0] * 11, 0.5 * 5)
    cv.write_volume('wide.bin', given.of(np.pad(given.values, ((3, 3), (3, 3), (0, 0)))))
    made('transform', volume='wide.bin', degrees='0,0,45', grow=True, output='wide.bin')
    assert volume('wide.bin').values.shape == (17, 17, 4), volume('wide.bin').values.shape
    about_equal(volume('wide.bin').values.sum(dtype=float), given.values.sum(dtype=float), 0.05)
    refused(made('transform', volume='a.bin', crop='0:9,:,:'), 'expected FIRST:LAST within 0:6 along x')
    refused(made('transform', volume='a.bin', crop='1,2'), 'expected three ranges')


def filters():
    values = np.zeros((9, 9, 9), np.float32)
    values[3:6, 3:6, 3:6] = 1
    values[0, 0, 0] = 1
    cv.write_volume('a.bin', cv.Volume(values))
    for kind, total in (('open', 27), ('erode', 1 + 1), ('dilate', 125 + 8), ('median', None), ('box', 28 + 26 * 8 / 27), ('gaussian', None)):
        made('filter', volume='a.bin', filter=kind, width=1)
        got = volume().values
        if kind in ('open', 'dilate'):
            assert got.sum() == total, (kind, got.sum())
        assert got.shape == values.shape and got.max() <= 1.0001, kind
    made('filter', volume='a.bin', filter='distance')
    assert volume().values[4, 4, 4] == 2
    refused(made('filter', volume='a.bin', filter='erode', width=3), 'every voxel is zero after erode')


def combine():
    first, second = np.zeros((4, 4, 4), np.float32), np.zeros((4, 4, 4), np.float32)
    first[:3], second[2:] = 1, 1
    cv.write_volume('a.bin', cv.Volume(first))
    cv.write_volume('b.bin', cv.Volume(second))
    for operation, planes in (('union', 4), ('intersection', 1), ('difference', 2), ('exclusive', 3), ('sum', 5), ('mean', 2.5)):
        made('combine', first='a.bin', second='b.bin', operation=operation)
        assert volume().values.sum() == 16 * planes, operation
    cv.write_volume('b.bin', cv.Volume(second, (2.0, 2.0, 2.0)))
    refused(made('combine', first='a.bin', second='b.bin'), 'expected the spacing of a.bin')
    cv.write_volume('b.bin', cv.Volume(second[:, :, :2]))
    refused(made('combine', first='a.bin', second='b.bin'), 'expected the shape of a.bin, (4, 4, 4)')


def levels_and_parts():
    values = np.random.default_rng(2).normal(10, 1, (20, 20, 20)).astype(np.float32)
    values[2:6, 2:6, 2:6] += 40
    values[10:18, 10:12, 10:12] += 40
    cv.write_volume('a.bin', cv.Volume(values, (1.0, 1.0, 2.0)))
    made('threshold', volume='a.bin')
    assert volume().values.sum() == 64 + 32
    made('threshold', volume='a.bin', by='percentile', level=50, keep='values')
    assert 3900 < np.count_nonzero(volume().values) < 4100
    refused(made('threshold', volume='a.bin', by='level', level=99), 'no voxel is above 99')
    made('label', volume='a.bin', level=30)
    rows = Path('parts.csv').read_text().splitlines()
    assert rows[1] == '1,64,128,3.5,3.5,7,1.5,5.5,1.5,5.5,3,11', rows
    assert len(rows) == 3 and (volume('parts.bin').values == 2).sum() == 32
    refused(made('label', volume='a.bin', level=30, smallest=65), '2 parts, the largest of 64 voxels')
    made('stats', volume='a.bin', level=30)
    said = json.loads(Path('stats.json').read_text())
    assert said['above']['voxels'] == 96 and said['spacing'] == [1, 1, 2] and said['shape'] == [20, 20, 20]
    about_equal(said['percentiles']['50'], np.percentile(values, 50), 1e-3)
    assert sum(int(row.split(',')[2]) for row in Path('histogram.csv').read_text().splitlines()[1:]) == 8000


def meshes():
    import trimesh

    made('shapes', size=40)
    for ending in ('.stl', '.ply', '.glb', '.obj'):
        made('mesh', volume='shape.bin', smooth=1, output=f'a{ending}')
        mesh = trimesh.Trimesh(*cv.read_mesh(f'a{ending}'), process=False)
        mesh.merge_vertices(merge_tex=True, merge_norm=True)
        assert mesh.is_watertight, ending
        about_equal(mesh.volume, 4 / 3 * np.pi * 0.375**3, 0.03)
        assert np.abs(mesh.vertices.mean(axis=0)).max() < 0.01, ending
    Path('a.stl').write_bytes(b'no mesh')
    try:
        cv.read_mesh('a.stl')
        raise AssertionError('it was read')
    except cv.VolumeError as error:
        refused(str(error), 'a.stl: not a readable mesh')
    # A solid that touches the border is closed there.
    cv.write_volume('full.bin', cv.Volume(np.r_[np.ones((2, 4, 4)), np.zeros((2, 4, 4))].astype(np.float32)))
    made('mesh', volume='full.bin', output='a.stl')
    assert trimesh.load_mesh('a.stl').is_watertight
    cv.write_volume('flat.bin', cv.Volume(np.ones((4, 4, 4), np.float32)))
    refused(made('mesh', volume='flat.bin'), 'every voxel is 1: there is no surface')
    refused(made('mesh', volume='full.bin', level=2), 'level: expected one above the least value')


ENDINGS = ['.bin', '.npy', '.tif']
CHECKS = [
    round_trips, known_header, other_axes, wrong_files, shapes, text, images, deep_images, every_face, where_it_is, same_again, fades,
    middles_of_pixels, one_grid, beyond_int, wrong_scenes, known_angles, carving, videos, transform, filters, combine, levels_and_parts, meshes,
]  # fmt: skip


def main():
    # In the sandbox's layer of voxels there are readers for these, too.
    with contextlib.suppress(ImportError):
        import nrrd
        import vtkmodules

        assert nrrd and vtkmodules
        ENDINGS.extend(['.nrrd', '.vti'])
    verdicts = {}
    for check in CHECKS:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            os.environ['OMP_NUM_THREADS'] = '2'
            try:
                check()
                verdicts[check.__name__] = 'right'
            except Exception:
                verdicts[check.__name__] = traceback.format_exc(limit=-3)
    print(json.dumps({**verdicts, 'formats': ENDINGS}))


if __name__ == '__main__':
    main()
