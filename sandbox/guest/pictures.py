"""Reads pictures that a hostile program wrote."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

try:
    from PIL import Image
except ImportError:  # Pillow belongs to the layer `core`; without it pictures are compared byte by byte.
    Image = None

MAX_PIXELS = 64_000_000
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
    """The pixels of the file at `path`, uint8[height, width, 4] as RGBA (16-bit grey keeps its depth:
    int32[height, width]).

    Only the decoder of the format that `suffix` (`.png`) names is let near the bytes. Raises `PictureError`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            with Image.open(path, formats=[FORMATS[suffix]]) as picture:
                # The size stands in the header: a bomb is refused before it is unpacked.
                if picture.width * picture.height > MAX_PIXELS:
                    raise PictureError(
                        f'{picture.width} × {picture.height} pixels, at most {MAX_PIXELS:,} are read'
                    )
                if picture.mode in ('I', 'I;16', 'I;16B', 'F'):
                    return np.array(picture)
                return np.array(picture.convert('RGBA'))
        except PictureError:
            raise
        except Exception as error:  # Pillow's decoders raise whatever the bytes lead them to.
            raise PictureError(
                f'not a readable {FORMATS[suffix]}: {type(error).__name__}: {error!s:.120}'
            ) from None
