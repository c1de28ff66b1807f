import { empty, hostile, subtle, type Task } from './task.ts';

/** A 16 × 8 picture, red to the right and green downwards, as ASCII PPM, which Pillow reads. */
const photo = [
  'P3 16 8 255',
  ...Array.from({ length: 8 }, (_, y) =>
    Array.from({ length: 16 }, (_, x) => `${x * 17} ${y * 36} 40`).join(' '),
  ),
].join('\n');

export const pictures: Task[] = [
  {
    name: 'circle',
    task: 'Draw a filled red circle of radius 20 in the middle of a white picture of 64 × 64 pixels, circle.png.',
    inputs: {},
    outputs: [{ kind: 'image', path: 'circle.png', width: 64, height: 64 }],
    check: String.raw`
from PIL import Image
import numpy as np
def check(inputs, outputs):
    pixels = np.asarray(Image.open(outputs / 'circle.png').convert('RGB')).astype(int)
    y, x = np.mgrid[:64, :64] - 31.5
    radius = np.hypot(x, y)
    if (np.abs(pixels[radius < 18] - [255, 0, 0]) > 60).any():
        return 'something within 18 pixels of the middle is not red'
    if (pixels[radius > 22] < 200).any():
        return 'something further than 22 pixels from the middle is not white'
`,
    right: [
      String.raw`
from PIL import Image, ImageDraw
picture = Image.new('RGB', (64, 64), 'white')
ImageDraw.Draw(picture).ellipse((12, 12, 51, 51), fill='red')
picture.save('circle.png')
`,
      String.raw`
import numpy as np
from PIL import Image
y, x = np.mgrid[:64, :64] - 31.5
pixels = np.full((64, 64, 3), 255, 'uint8')
pixels[np.hypot(x, y) <= 20] = (255, 0, 0)
Image.fromarray(pixels).save('circle.png')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
from PIL import Image, ImageDraw
picture = Image.new('RGB', (64, 64), 'white')
ImageDraw.Draw(picture).ellipse((12, 12, 51, 51), outline='red')
picture.save('circle.png')
`,
        String.raw`
from PIL import Image, ImageDraw
picture = Image.new('RGB', (64, 64), 'white')
ImageDraw.Draw(picture).rectangle((12, 12, 51, 51), fill='red')
picture.save('circle.png')
`,
        String.raw`
from PIL import Image, ImageDraw
picture = Image.new('RGB', (64, 64), 'white')
ImageDraw.Draw(picture).ellipse((0, 0, 39, 39), fill='red')
picture.save('circle.png')
`,
      ),
      ...empty(
        "from PIL import Image\nImage.new('RGB', (64, 64), 'white').save('circle.png')\n",
        "from PIL import Image\nImage.new('RGB', (64, 64), 'red').save('circle.png')\n",
      ),
    ],
  },
  {
    name: 'gray',
    task: 'Make photo.ppm gray with the weights 0.299, 0.587 and 0.114 and write it to gray.png with one channel.',
    inputs: { 'photo.ppm': photo },
    outputs: [{ kind: 'image', path: 'gray.png', width: 16, height: 8 }],
    check: String.raw`
from PIL import Image
import numpy as np
def check(inputs, outputs):
    gray = Image.open(outputs / 'gray.png')
    if gray.mode != 'L':
        return f'expected one channel, found {gray.mode}'
    wanted = np.asarray(Image.open(inputs / 'photo.ppm')) @ [0.299, 0.587, 0.114]
    left = np.abs(np.asarray(gray) - wanted).max()
    if left > 1.5:
        return f'a pixel differs by {left:.0f}'
`,
    right: [
      String.raw`
from PIL import Image
Image.open('photo.ppm').convert('L').save('gray.png')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
from PIL import Image
import numpy as np
Image.fromarray(np.asarray(Image.open('photo.ppm')).mean(axis=2).astype('uint8')).save('gray.png')
`,
        String.raw`
from PIL import Image
Image.open('photo.ppm').convert('L').convert('RGB').save('gray.png')
`,
        String.raw`
from PIL import Image, ImageOps
ImageOps.flip(Image.open('photo.ppm').convert('L')).save('gray.png')
`,
      ),
    ],
  },
  {
    name: 'half',
    task: 'Write photo.ppm at half its width and height to half.png, each pixel the mean of four.',
    inputs: { 'photo.ppm': photo },
    outputs: [{ kind: 'image', path: 'half.png', width: 8, height: 4 }],
    check: String.raw`
from PIL import Image
import numpy as np
def check(inputs, outputs):
    whole = np.asarray(Image.open(inputs / 'photo.ppm')).astype(float)
    wanted = whole.reshape(4, 2, 8, 2, 3).mean(axis=(1, 3))
    left = np.abs(np.asarray(Image.open(outputs / 'half.png').convert('RGB')) - wanted).max()
    if left > 1.5:
        return f'a pixel differs by {left:.0f}'
`,
    right: [
      String.raw`
from PIL import Image
Image.open('photo.ppm').resize((8, 4), Image.BOX).save('half.png')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
from PIL import Image
Image.open('photo.ppm').resize((8, 4), Image.NEAREST).save('half.png')
`,
        String.raw`
from PIL import Image
Image.open('photo.ppm').crop((0, 0, 8, 4)).save('half.png')
`,
        String.raw`
from PIL import Image
picture = Image.open('photo.ppm')
picture.resize((picture.width, picture.height), Image.BOX).save('half.png')
`,
      ),
    ],
  },
  {
    name: 'badge',
    task: 'Draw a blue square of 20 × 20 pixels in the middle of badge.png, 40 × 40 pixels, transparent around it.',
    inputs: {},
    outputs: [{ kind: 'image', path: 'badge.png', width: 40, height: 40, alpha: true }],
    check: String.raw`
from PIL import Image
import numpy as np
def check(inputs, outputs):
    pixels = np.asarray(Image.open(outputs / 'badge.png').convert('RGBA')).astype(int)
    seen = np.zeros((40, 40), bool)
    seen[10:30, 10:30] = True
    if (pixels[~seen][:, 3] != 0).any():
        return 'something around the square is not transparent'
    if (np.abs(pixels[seen] - [0, 0, 255, 255]) > 40).any():
        return 'something of the square is not blue'
`,
    right: [
      String.raw`
from PIL import Image
badge = Image.new('RGBA', (40, 40), (0, 0, 0, 0))
badge.paste((0, 0, 255, 255), (10, 10, 30, 30))
badge.save('badge.png')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
from PIL import Image
badge = Image.new('RGB', (40, 40), 'white')
badge.paste((0, 0, 255), (10, 10, 30, 30))
badge.save('badge.png')
`,
        String.raw`
from PIL import Image
badge = Image.new('RGBA', (40, 40), (0, 0, 0, 0))
badge.paste((0, 0, 255, 128), (10, 10, 30, 30))
badge.save('badge.png')
`,
        String.raw`
from PIL import Image
badge = Image.new('RGBA', (40, 40), (0, 0, 0, 0))
badge.paste((0, 0, 255, 255), (10, 10, 29, 29))
badge.save('badge.png')
`,
      ),
      ...hostile(
        String.raw`
import struct, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
head = struct.pack('>IIBBBBB', 60000, 60000, 8, 6, 0, 0, 0)
data = zlib.compress(b'\0' * 50_000_000)
open('badge.png', 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', data) + chunk(b'IEND', b''))
`,
      ),
    ],
  },
  {
    name: 'gradient',
    task: 'Write gradient.png, 100 × 20 pixels in gray, from black at the left edge evenly to white at the right edge.',
    inputs: {},
    outputs: [{ kind: 'image', path: 'gradient.png', width: 100, height: 20 }],
    check: String.raw`
from PIL import Image
import numpy as np
def check(inputs, outputs):
    pixels = np.asarray(Image.open(outputs / 'gradient.png').convert('L')).astype(float)
    left = np.abs(pixels - np.linspace(0, 255, 100)).max()
    if left > 3:
        return f'a pixel differs by {left:.0f}'
`,
    right: [
      String.raw`
import numpy as np
from PIL import Image
row = np.linspace(0, 255, 100).round().astype('uint8')
Image.fromarray(np.tile(row, (20, 1))).save('gradient.png')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import numpy as np
from PIL import Image
row = np.linspace(0, 255, 20).round().astype('uint8')
Image.fromarray(np.tile(row[:, None], (1, 100))).save('gradient.png')
`,
        String.raw`
import numpy as np
from PIL import Image
row = np.linspace(255, 0, 100).round().astype('uint8')
Image.fromarray(np.tile(row, (20, 1))).save('gradient.png')
`,
        String.raw`
import numpy as np
from PIL import Image
row = (np.linspace(0, 1, 100) ** 2 * 255).round().astype('uint8')
Image.fromarray(np.tile(row, (20, 1))).save('gradient.png')
`,
      ),
    ],
  },
];
