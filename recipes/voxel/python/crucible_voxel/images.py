"""Images and videos as grey values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from crucible_voxel.volumes import VolumeError

IMAGES = ('.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp', '.gif', '.webp', '.pgm', '.ppm')
VIDEOS = ('.mp4', '.mov', '.mkv', '.avi', '.webm', '.m4v')
LUMA = np.float32([0.299, 0.587, 0.114])


def grey(pixels: np.ndarray) -> np.ndarray:
    """The brightness (Rec. 601) of RGB pixels, float32; what can be seen through is darker by as much."""
    levels = np.float32(np.iinfo(pixels.dtype).max if pixels.dtype.kind in 'iu' else 1)
    brightness = pixels[..., :3].astype(np.float32) @ LUMA
    return brightness * (pixels[..., 3].astype(np.float32) / levels) if pixels.shape[-1] == 4 else brightness


def read_image(path: str | Path, raw: bool = False) -> np.ndarray:
    """The grey values of an image, float32[row, column], upright as its EXIF says.

    In levels of 8 bits, from 0 to 255: those of 16 bits are divided by 257, so both come alike, but where they are wanted `raw`. Float
    values stay as they are.
    """
    from PIL import Image, ImageOps

    path = Path(path)
    if not path.is_file():
        raise VolumeError(f'{path}: expected an image, found no file')
    try:
        with Image.open(path) as opened:
            if opened.format == 'TIFF' and len(opened.getbands()) > 1 and max(opened.tag_v2.get(258, (8,))) > 8:
                # Pillow would leave eight bits of each colour.
                raise ValueError('more than eight bits a colour')
            image = ImageOps.exif_transpose(opened)
            if image.mode in ('P', 'PA', 'LA', 'La', 'RGBa', 'CMYK', 'YCbCr', 'HSV', 'LAB', '1'):
                image = image.convert('L' if image.mode == '1' else 'RGBA' if image.has_transparency_data else 'RGB')
            pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        pixels = _by_tifffile(path, error)
    if pixels.ndim == 3:
        # Sixteen bits only where a TIFF had them.
        return grey(pixels) / np.float32(257 if pixels.dtype == np.uint16 and not raw else 1)
    # Pillow has 16-bit PNGs as int32.
    deep = pixels.dtype == np.uint16 or (pixels.dtype == np.int32 and path.suffix.lower() == '.png')
    values = np.ascontiguousarray(pixels, np.float32) / np.float32(257 if deep and not raw else 1)
    if not np.isfinite(values).all():
        raise VolumeError(f'{path}: expected finite values, some pixels are NaN or infinite')
    return values


def _by_tifffile(path: Path, error: Exception) -> np.ndarray:
    """Pixels that Pillow cannot read, such as 16-bit colours."""
    refused = VolumeError(f'{path}: not a readable image: {str(error)[:120]}')
    if path.suffix.lower() not in ('.tif', '.tiff'):
        raise refused from None
    import tifffile

    try:
        pixels = tifffile.imread(path, key=0)
    except Exception:  # Whatever the bytes lead it to.
        raise refused from None
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[-1] in (3, 4)):
        return pixels
    raise refused from None


def _natural(path: Path) -> list[object]:
    return [int(part) if part.isdigit() else part.lower() for part in re.split(r'(\d+)', path.name)]


def frames_of(path: str | Path, raw: bool = False) -> Iterator[tuple[str, np.ndarray]]:
    """Each image of a folder in the order of its numbers, or each frame of a video, with its name. All must be of one size."""
    path = Path(path)
    size, first = None, ''
    for name, image in _video(path) if path.suffix.lower() in VIDEOS else _folder(path, raw):
        if size is not None and image.shape != size:
            raise VolumeError(f'{name}: expected {size[1]} × {size[0]} pixels as {first} has, got {image.shape[1]} × {image.shape[0]}')
        if size is None:
            size, first = image.shape, name
        yield name, image


def _folder(path: Path, raw: bool) -> Iterator[tuple[str, np.ndarray]]:
    if not path.is_dir():
        raise VolumeError(f'{path}: expected a folder of images, or a video ({", ".join(VIDEOS)}), found {"a file" if path.exists() else "nothing"}')
    files = sorted((file for file in path.iterdir() if file.suffix.lower() in IMAGES), key=_natural)
    if not files:
        raise VolumeError(f'{path}: expected images ({", ".join(IMAGES)}), found none')
    for file in files:
        yield str(file), read_image(file, raw)


def _video(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    import av

    if not path.is_file():
        raise VolumeError(f'{path}: expected a video, found no file')
    count = 0
    try:
        with av.open(str(path)) as video:
            for frame in video.decode(video=0):
                yield f'{path}, frame {count}', np.ascontiguousarray(frame.to_ndarray(format='gray'), np.float32)
                count += 1
    except (av.FFmpegError, IndexError, ValueError) as error:
        if isinstance(error, VolumeError):
            raise
        raise VolumeError(f'{path}: not a readable video after frame {count}: {str(error)[:120]}') from None
    if count == 0:
        raise VolumeError(f'{path}: expected frames, found none')
