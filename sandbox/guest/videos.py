"""Checks of videos that a hostile program wrote: MP4 and its like by av, which is FFmpeg; animations in GIF, PNG or WebP by Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from comparing_files import Unreadable
from pictures import PictureError, can_read_pictures, frames_of
from texts import check_count
from verdict import PlanError

# Only these are decoded, whatever a file says it is.
_CONTAINERS = {'.mp4': 'mp4', '.m4v': 'mp4', '.mov': 'mov', '.webm': 'webm', '.mkv': 'matroska', '.avi': 'avi'}
_CODECS = {'h264', 'hevc', 'mpeg4', 'av1', 'libdav1d', 'libaom-av1', 'vp8', 'vp9', 'libvpx', 'libvpx-vp9', 'mjpeg'}
_MOST_PIXELS = 8_000_000_000
_MOST_FRAMES = 100_000


def check_video(path: Path, check: dict[str, Any]) -> int:
    """How many pictures a video has, where all decode, one shows something, and it is as `check` says (README.md). Raises `Unreadable`."""
    suffix = Path(check['path']).suffix.lower()
    if suffix in ('.gif', '.png', '.webp'):
        if not can_read_pictures():
            raise PlanError('animations cannot be checked: Pillow is not installed beside this Python')
        frames = frames_of(path, suffix)
    elif suffix in _CONTAINERS:
        frames = _decoded(path, _CONTAINERS[suffix])
    else:
        raise Unreadable(f'expected a video ({", ".join([*_CONTAINERS, ".gif", ".png", ".webp"])}) by the ending of its name')
    count, seconds, size, shows, first, moves = 0, 0.0, (0, 0), False, None, False
    try:
        for pixels, lasts in frames:
            count, seconds, size = count + 1, seconds + lasts, pixels.shape[1::-1]
            shows = shows or not (pixels == pixels[:1, :1]).all()
            first = pixels.copy() if first is None else first
            moves = moves or pixels.shape != first.shape or not np.array_equal(pixels, first)
    except PictureError as error:
        raise Unreadable(str(error)) from None
    if count == 0:
        raise Unreadable('the video has no picture')
    _check(check, count, seconds, size)
    if not shows:
        raise Unreadable(f'the video is blank: every pixel of each of its {count:,} pictures is the same')
    if check.get('moves') and not moves:
        raise Unreadable(f'nothing moves: all {count:,} pictures are the same')
    return count


def _check(check: dict[str, Any], count: int, seconds: float, size: tuple[int, int]) -> None:
    width, height = size
    wanted = (check.get('width', width), check.get('height', height))
    if wanted != (width, height):
        raise Unreadable(f'expected {wanted[0]} × {wanted[1]} pixels, got {width} × {height}')
    check_count(width, check, 'minWidth', 'maxWidth', 'pixels of width')
    check_count(height, check, 'minHeight', 'maxHeight', 'pixels of height')
    if check.get('frames') is not None and count != check['frames']:
        raise Unreadable(f'expected {check["frames"]:,} pictures, got {count:,}')
    check_count(count, check, 'minFrames', 'maxFrames', 'pictures')
    check_count(round(seconds, 3), check, 'minSeconds', 'maxSeconds', 'seconds')


def _decoded(path: Path, container: str) -> Iterator[tuple[np.ndarray, float]]:
    """The pictures of the first video in the file, each with how long it stands, seconds."""
    try:
        import av
    except ImportError:
        raise PlanError('videos cannot be checked: av is not installed beside this Python') from None
    av.logging.set_level(av.logging.PANIC)
    pixels = count = 0
    try:
        with av.open(str(path), format=container, options={'protocol_whitelist': 'file'}) as opened:
            if not opened.streams.video:
                raise Unreadable('there is no video in it')
            stream = opened.streams.video[0]
            if stream.codec_context.codec.name not in _CODECS:
                raise Unreadable(f'expected a video in one of {", ".join(sorted(_CODECS))}, got {stream.codec_context.codec.name}')
            stream.codec_context.thread_count = 1
            rate = float(stream.average_rate or stream.guessed_rate or 25)
            for frame in opened.decode(stream):
                count, pixels = count + 1, pixels + frame.width * frame.height
                if count > _MOST_FRAMES or pixels > _MOST_PIXELS:
                    raise Unreadable(f'{count:,} pictures, {pixels:,} pixels: more than are read')
                if frame.is_corrupt:
                    raise Unreadable(f'picture {count:,} is damaged')
                yield frame.to_ndarray(format='rgb24'), 1 / rate
            declared = stream.frames
    except (Unreadable, PlanError):
        raise
    except Exception as error:  # FFmpeg fails at whatever the bytes lead it to.
        raise Unreadable(f'not a readable video: {type(error).__name__}: {error!s:.120}') from None
    if declared and count < declared:
        raise Unreadable(f'{count:,} of its {declared:,} pictures decode')
