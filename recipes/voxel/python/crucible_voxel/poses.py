"""Posed frames: the JSON list of Pixeltovoxelprojector, with room for lenses and videos."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crucible_voxel.images import VIDEOS, frames_of, read_image
from crucible_voxel.volumes import VolumeError

FIELDS = {
    'camera_index', 'frame_index', 'camera_position', 'yaw', 'pitch', 'roll', 'rotation', 'fov_degrees', 'focal', 'centre', 'distortion',
    'image_file', 'video_file', 'background_file',
}  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """A frame and where its camera stood; positions are where the volume lies, angles are degrees, focal lengths and centres pixels.

    image: an image, or a video whose frames are all seen from here.
    """

    name: str
    camera: int
    frame: int
    image: Path
    background: Path | None
    position: np.ndarray
    rotation: np.ndarray
    view: float | None
    focal: float | None
    centre: tuple[float, float] | None
    distortion: tuple[float, ...]

    def seen_by(self, width: int, height: int, corner: np.ndarray, spacing: np.ndarray) -> Any:
        """The camera of an image of this size, for a grid whose corner and voxels lie there."""
        import crucible_native as native

        focal = self.focal if self.focal is not None else width / 2 / math.tan(math.radians(self.view or 60) / 2)
        centre = self.centre or (width / 2, height / 2)
        return native.Camera((self.position - corner) / spacing, self.rotation, focal, centre, self.distortion)


def read_poses(path: str | Path) -> list[Pose]:
    """The poses of a JSON file, in the order of cameras and frames; images are named beside the file. Refuses what cannot be a pose."""
    path = Path(path)
    if not path.is_file():
        raise VolumeError(f'{path}: expected a JSON file of poses, found none')
    try:
        entries = json.loads(path.read_text())
    except ValueError as error:
        raise VolumeError(f'{path}: expected JSON: {error}') from None
    entries = entries.get('frames') if isinstance(entries, dict) else entries
    if not isinstance(entries, list) or not entries:
        raise VolumeError(f'{path}: expected a list of poses, one or more')
    poses = [_pose(path, index, entry) for index, entry in enumerate(entries)]
    known: dict[tuple[int, int], str] = {}
    for pose in poses:
        other = known.setdefault((pose.camera, pose.frame), pose.name)
        if other is not pose.name:
            raise VolumeError(f'{pose.name}: camera {pose.camera} has frame {pose.frame} already, by {other}')
    return sorted(poses, key=lambda pose: (pose.camera, pose.frame))


@dataclass(frozen=True)
class Seen:
    """What a camera saw at one time. `first`: of this camera; `background`: the place without what is looked for, where that is known."""

    pose: Pose
    name: str
    image: np.ndarray
    background: np.ndarray | None
    first: bool


def seen_by_cameras(poses: list[Pose]) -> Iterator[Seen]:
    """Every frame, camera after camera. The frames of a camera must be of one size."""
    backgrounds: dict[Path, np.ndarray] = {}
    camera, size = None, None
    for pose in poses:
        if pose.background is not None and pose.background not in backgrounds:
            # Those of other cameras are not needed any more.
            backgrounds = {pose.background: read_image(pose.background)}
        background = None if pose.background is None else backgrounds[pose.background]
        frames = frames_of(pose.image) if pose.image.suffix.lower() in VIDEOS else [(str(pose.image), read_image(pose.image))]
        for name, image in frames:
            first = pose.camera != camera
            size = image.shape if first else size
            camera = pose.camera
            for what, other in ((name, image), (str(pose.background), background)):
                if other is not None and other.shape != size:
                    raise VolumeError(
                        f'{what}: expected {size[1]} × {size[0]} pixels as the other images of camera {camera} have, got {other.shape[1]} × {other.shape[0]}'
                    )
            yield Seen(pose, name, image, background, first)


def _pose(path: Path, index: int, entry: Any) -> Pose:
    name = f'{path}[{index}]'
    if not isinstance(entry, dict):
        raise VolumeError(f'{name}: expected an object, got {entry!r:.60}')
    unknown = sorted(set(entry) - FIELDS)
    if unknown:
        raise VolumeError(f'{name}: there is no field {unknown[0]}; the fields are {", ".join(sorted(FIELDS))}')
    numbers = {field: _numbers(name, entry, field, count) for field, count in (('camera_position', 3), ('centre', 2), ('distortion', 5))}
    view, focal = (_number(name, entry, field) for field in ('fov_degrees', 'focal'))
    if view is None and focal is None:
        raise VolumeError(f'{name}: expected fov_degrees, the width of its view, or focal, in pixels; it has neither')
    if view is not None and not 0 < view < 180:
        raise VolumeError(f'{name}: fov_degrees: expected a number between 0 and 180, got {view:g}')
    if focal is not None and focal <= 0:
        raise VolumeError(f'{name}: focal: expected pixels above 0, got {focal:g}')
    if numbers['camera_position'] is None:
        raise VolumeError(f'{name}: camera_position: expected three numbers, it is missing')
    return Pose(
        name,
        _index(name, entry, 'camera_index', 0),
        _index(name, entry, 'frame_index', index),
        _file(name, path, entry, 'video_file' if 'video_file' in entry else 'image_file'),
        _file(name, path, entry, 'background_file') if 'background_file' in entry else None,
        np.array(numbers['camera_position']),
        _rotation(name, entry),
        view,
        focal,
        numbers['centre'],
        numbers['distortion'] or (0.0,) * 5,
    )


def _number(name: str, entry: dict[str, Any], field: str) -> float | None:
    value = entry.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise VolumeError(f'{name}: {field}: expected a finite number, got {value!r}')
    return float(value)


def _numbers(name: str, entry: dict[str, Any], field: str, count: int) -> tuple[float, ...] | None:
    value = entry.get(field)
    if value is None:
        return None
    right = isinstance(value, list) and len(value) == count and all(
        isinstance(each, (int, float)) and not isinstance(each, bool) and math.isfinite(each) for each in value
    )
    if not right:
        raise VolumeError(f'{name}: {field}: expected {count} finite numbers, got {value!r:.80}')
    return tuple(map(float, value))


def _index(name: str, entry: dict[str, Any], field: str, otherwise: int) -> int:
    value = entry.get(field, otherwise)
    if isinstance(value, bool) or not isinstance(value, int):
        raise VolumeError(f'{name}: {field}: expected a whole number, got {value!r}')
    return value


def _file(name: str, path: Path, entry: dict[str, Any], field: str) -> Path:
    value = entry.get(field)
    if not isinstance(value, str) or not value:
        raise VolumeError(f'{name}: {field}: expected the name of an image, got {value!r}')
    file = path.parent / value
    if not file.is_file():
        raise VolumeError(f'{name}: {field}: there is no {value} beside {path.name}')
    return file


def _rotation(name: str, entry: dict[str, Any]) -> np.ndarray:
    """The rotation of a camera; its columns point right, down and ahead."""
    import crucible_native as native

    given = entry.get('rotation')
    if given is None:
        return native.rotation_of(*(_number(name, entry, field) or 0.0 for field in ('yaw', 'pitch', 'roll')))
    try:
        rotation = np.array(given, float)
    except (TypeError, ValueError):
        rotation = np.zeros(0)
    if rotation.shape != (3, 3) or not np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0:
        raise VolumeError(f'{name}: rotation: expected three rows of three, whose columns (right, down, ahead) are at right angles and of length 1')
    # As near as the file's digits are, made exact.
    left, _, right = np.linalg.svd(rotation)
    return left @ right
