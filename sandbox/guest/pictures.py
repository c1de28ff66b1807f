"""Reads pictures that a hostile program wrote."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

try:
    from PIL import Image
except ImportError:  # Pillow belongs to the layer `core`; without it pictures are compared byte by byte.
    Image = None

MAX_PIXELS = 64_000_000
# Of an animation whose pictures are looked at one after the other.
MAX_PIXELS_OF_ALL = 4_000_000_000
# A file takes less than this a pixel, and this much besides: what is larger carries something else.
_BYTES_PER_PIXEL = 16
_BYTES_BESIDES = 1 << 20
FORMATS = {
    '.png': 'PNG',
    '.jpg': 'JPEG',
    '.jpeg': 'JPEG',
    '.gif': 'GIF',
    '.bmp': 'BMP',
    '.tif': 'TIFF',
    '.tiff': 'TIFF',
    '.webp': 'WEBP',
    '.ppm': 'PPM',
    '.pgm': 'PPM',
}


class PictureError(ValueError):
    """The file is no picture of its format, or one too large."""


def can_read_pictures() -> bool:
    return Image is not None


def read_picture(path: Path, suffix: str) -> np.ndarray:
    """The first picture of `read_pictures`."""
    return read_pictures(path, suffix)[0]


def read_pictures(path: Path, suffix: str) -> list[np.ndarray]:
    """The pixels of every picture in the file at `path` (an animation has several), each uint8[height, width, 4] as RGBA
    (16-bit grey keeps its depth: int32[height, width]).

    Only the decoder of the format that `suffix` (`.png`) names is let near the bytes, and nothing may follow the end of the
    last picture. Raises `PictureError`.
    """
    return [pixels for pixels, _ in frames_of(path, suffix, MAX_PIXELS)]


def frames_of(path: Path, suffix: str, most: int = MAX_PIXELS_OF_ALL) -> Iterator[tuple[np.ndarray, float]]:
    """The same pictures one after the other, of at most `most` pixels together, each with how long it is shown, seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            with Image.open(path, formats=[FORMATS[suffix]]) as picture:
                left = most
                for index in range(getattr(picture, 'n_frames', 1)):
                    picture.seek(index)
                    # The size stands in the header: a bomb is refused before it is unpacked.
                    size = picture.width * picture.height
                    left -= size
                    if left < 0 or size > MAX_PIXELS:
                        raise PictureError(
                            f'{picture.width} × {picture.height} pixels, at most {min(most, MAX_PIXELS):,} are read'
                        )
                    deep = picture.mode in ('I', 'I;16', 'I;16B', 'F')
                    pixels = np.array(picture if deep else picture.convert('RGBA'))
                    yield pixels, float(picture.info.get('duration') or 0) / 1000
            _refuse_more(path, FORMATS[suffix], most - left)
        except PictureError:
            raise
        except Exception as error:  # Pillow's decoders raise whatever the bytes lead them to.
            raise PictureError(
                f'not a readable {FORMATS[suffix]}: {type(error).__name__}: {error!s:.120}'
            ) from None


def _refuse_more(path: Path, kind: str, pixels: int) -> None:
    """Raises `PictureError` where the file at `path` holds more than its pictures."""
    size = path.stat().st_size
    most = _BYTES_BESIDES + _BYTES_PER_PIXEL * pixels
    if size > most:
        raise PictureError(f'{size:,} bytes for {pixels:,} pixels, at most {most:,} are read')
    find_end = _ENDS.get(kind)
    end = size if find_end is None else find_end(path.read_bytes())
    if end < size:
        raise PictureError(f'{size - end:,} bytes follow the picture')


def _end_of_png(data: bytes) -> int:
    at = 8
    while at + 12 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], 'big'), data[at + 4 : at + 8]
        at += 12 + length
        if name == b'IEND':
            return at
    return len(data)


def _end_of_jpeg(data: bytes) -> int:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
        if marker == 0xDA:
            # Among the pixels a marker is an FF that neither a 00 nor a restart follows.
            while (at := data.find(b'\xff', at)) >= 0 and at + 1 < len(data):
                if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
                    break
                at += 2
            if at < 0:
                return len(data)
    return min(at + 2, len(data)) if data[at : at + 2] == b'\xff\xd9' else len(data)


def _end_of_gif(data: bytes) -> int:
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            at += 2
        else:
            at += 11 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
        while at < len(data) and data[at] != 0:
            at += 1 + data[at]
        at += 1
    return at + 1


def _end_of_webp(data: bytes) -> int:
    length = int.from_bytes(data[4:8], 'little')
    return 8 + length + length % 2


def _end_of_bmp(data: bytes) -> int:
    said = int.from_bytes(data[2:6], 'little')
    # Some programs leave the length out.
    return said if said > 54 else len(data)


# The others may hold their parts in any order; what they may hold at most holds for them too.
_ENDS = {
    'PNG': _end_of_png,
    'JPEG': _end_of_jpeg,
    'GIF': _end_of_gif,
    'WEBP': _end_of_webp,
    'BMP': _end_of_bmp,
}
