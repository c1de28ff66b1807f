"""Draws volumes and meshes without a display: stills, turntables, and several views side by side.

VTK draws what is in space, by Mesa's software renderer; texts, scale bar and colour bar are drawn over it here, so that none is ever cut off. The
projection is parallel: a length is as long on the picture wherever it lies, which a scale bar needs.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from crucible_voxel.meshes import MESHES, surface
from crucible_voxel.volumes import Volume, VolumeError, read_volume, threads

KINDS = ('volume', 'surface', 'points', 'slices')
VIEWS = ('one', 'kinds', 'directions', 'x', 'y', 'z')
STILLS, FILMS = ('.png',), ('.mp4', '.gif')
# More is shown coarser, or as a part, which is told: drawing in software takes time by the voxel and by the point.
MOST_EDGE = 256
MOST_POINTS = 200_000
# What parts of a picture are left for texts.
MARGIN, BAR = 0.12, 0.17
PAPER = {'light': ((255, 255, 255), (40, 38, 35), (150, 146, 140)), 'dark': ((20, 19, 18), (233, 229, 223), (120, 116, 110))}
PLAIN = '#d98a4f'


@dataclass(frozen=True)
class Look:
    """How something is drawn."""

    kind: str = 'volume'
    # Of a surface and of points: what is at least this much; None: half way.
    level: float | None = None
    azimuth: float = -60.0
    elevation: float = 30.0
    zoom: float = 1.0
    colours: str = 'viridis'
    # Percentiles that the first and the last colour stand for.
    clip: tuple[float, float] = (1.0, 99.5)
    width: int = 1280
    height: int = 960
    paper: str = 'light'
    axes: bool = True
    scale_bar: bool = True
    title: str = ''


@dataclass(frozen=True)
class Thing:
    """What is drawn: a volume, or a mesh as its vertices and faces. `notes` say what of it is not shown as it is."""

    name: str
    volume: Volume | None
    mesh: tuple[np.ndarray, np.ndarray] | None
    low: np.ndarray
    high: np.ndarray
    units: str
    notes: tuple[str, ...] = ()


def read_thing(path: str | Path, axes: str = '') -> Thing:
    """The volume or the mesh of a file. Raises `VolumeError` where there is nothing to be seen in it."""
    path = Path(path)
    if path.suffix.lower() in MESHES:
        return _mesh_thing(path)
    return thing_of(read_volume(path, axes), path.name)


def thing_of(volume: Volume, name: str) -> Thing:
    """A volume as it is drawn. Raises `VolumeError` where it is the same everywhere."""
    least, most = float(volume.values.min()), float(volume.values.max())
    if least == most:
        raise VolumeError(f'{name}: nothing to draw: all {volume.values.size:,} voxels are {least:g}')
    spacing, origin = np.asarray(volume.spacing), np.asarray(volume.origin)
    low = origin - spacing / 2
    return Thing(name, volume, None, low, low + spacing * volume.values.shape, volume.units)


def _mesh_thing(path: Path) -> Thing:
    import trimesh

    if not path.is_file():
        raise VolumeError(f'{path}: expected a file, found none')
    try:
        mesh = trimesh.load(path, force='mesh')
        vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    except Exception as error:
        raise VolumeError(f'{path}: expected a mesh: {error}') from None
    if len(faces) == 0:
        raise VolumeError(f'{path}: nothing to draw: the mesh has no face')
    if not np.isfinite(vertices).all():
        raise VolumeError(f'{path}: a vertex is NaN or infinite')
    return Thing(path.name, None, (vertices, faces), vertices.min(0), vertices.max(0), 'units')


def still(thing: Thing, look: Look, path: str | Path) -> tuple[str, ...]:
    """Writes one view as PNG. Returns what is to be known of it."""
    _expect(path, STILLS)
    with Scene(thing, look, [look.azimuth]) as scene:
        _save(Image.fromarray(scene.frame(look.azimuth)), path)
        return scene.notes


def turntable(thing: Thing, look: Look, path: str | Path, frames: int = 60, seconds: float = 5.0) -> tuple[str, ...]:
    """Writes one turn as MP4 or GIF. Returns what is to be known of it."""
    ending = _expect(path, FILMS)
    # H.264 takes even edges alone.
    even = replace(look, width=look.width // 2 * 2, height=look.height // 2 * 2)
    azimuths = [look.azimuth + 360 * at / frames for at in range(frames)]
    with Scene(thing, even, azimuths) as scene:
        (_write_mp4 if ending == '.mp4' else _write_gif)(map(scene.frame, azimuths), path, frames / seconds)
        return scene.notes


def multiples(thing: Thing, look: Look, views: str, path: str | Path) -> tuple[str, ...]:
    """Writes several views side by side as PNG: the kinds, the directions, or slices across x, y or z. Returns what is to be known of them."""
    _expect(path, STILLS)
    if views in ('x', 'y', 'z'):
        return _slices_across(thing, look, views, path)
    if views not in VIEWS[1:3]:
        raise VolumeError(f'views: expected one of {", ".join(VIEWS)}, got {views!r}')
    one = replace(look, width=look.width // 2, height=look.height // 2)
    if views == 'kinds':
        if thing.volume is None:
            raise VolumeError(f'{thing.name}: a mesh is drawn as a surface alone: expected views of `directions`')
        looks = [replace(one, kind=kind, title=kind) for kind in KINDS]
    else:
        named = [('from x', 0, 0), ('from y', 90, 0), ('from z', 0, 89.9), ('from the corner', look.azimuth, look.elevation)]
        looks = [replace(one, azimuth=azimuth, elevation=elevation, title=title) for title, azimuth, elevation in named]
    sheet = Image.new('RGB', (one.width * 2, one.height * 2), PAPER[look.paper][0])
    notes: dict[str, None] = {}
    for index, each in enumerate(looks):
        with Scene(thing, each, [each.azimuth]) as scene:
            sheet.paste(Image.fromarray(scene.frame(each.azimuth)), (index % 2 * one.width, index // 2 * one.height))
            notes.update(dict.fromkeys(scene.notes))
    _save(sheet, path)
    return tuple(notes)


class Scene:
    """Something in space, of which frames are taken from `azimuths`. Closed at the end of its `with`."""

    def __init__(self, thing: Thing, look: Look, azimuths: Sequence[float]) -> None:
        _expect_look(thing, look)
        self.thing, self.look, self._notes = thing, look, list(thing.notes)
        self.limits = _limits(thing.volume, look.clip) if thing.volume is not None else None
        kind = look.kind if thing.volume is not None else 'surface'
        # Twice as fine, then halved: edges without steps. VTK's own way of that leaves volumes out.
        self.fine = 1 if kind == 'volume' else 2
        self.plotter = _plotter(look, self.fine)
        self.coloured = kind != 'surface'
        self._fit(azimuths)
        getattr(self, f'_add_{kind}')()
        pv = _pyvista()
        self.plotter.add_mesh(pv.Box(np.ravel([thing.low, thing.high], 'F')), style='wireframe', color=_hex(PAPER[look.paper][2]), line_width=self.fine, lighting=False)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self.plotter.close()

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def _fit(self, azimuths: Sequence[float]) -> None:
        """The scale at which the box fits beside the texts, from wherever it is seen."""
        look, thing = self.look, self.thing
        self.radius = float(np.linalg.norm(thing.high - thing.low)) / 2
        bar = BAR if self.coloured else 0.0
        self.middle = (look.width * (1 - bar) / 2, look.height * (0.48 + (0.02 if look.title else 0)))
        # How far the box reaches to the right and upwards.
        reach = np.max([np.abs(self._turned(azimuth)[1:]) @ (thing.high - thing.low) for azimuth in azimuths], axis=0)
        size = np.array([look.width * (1 - bar), look.height * 0.92])
        texts = np.array([5.5, 3.0]) * _text_height(look.width, look.height) if look.axes else 0
        free = np.maximum(size - 2 * np.maximum(size * MARGIN, texts), size / 4)
        self.pixels = float(np.min(free / np.maximum(reach, self.radius * 1e-3))) * look.zoom

    def _turned(self, azimuth: float) -> np.ndarray:
        """Three unit vectors: towards the viewer, to the right, and upwards."""
        turn, tilt = math.radians(azimuth), math.radians(min(89.9, max(-89.9, self.look.elevation)))
        towards = np.array([math.cos(tilt) * math.cos(turn), math.cos(tilt) * math.sin(turn), math.sin(tilt)])
        right = np.array([-math.sin(turn), math.cos(turn), 0.0])
        return np.array([towards, right, np.cross(towards, right)])

    def _grid(self, volume: Volume) -> Any:
        """The volume with a border of its least value, so that flat ones can be drawn and surfaces are closed."""
        factor = math.ceil(max(volume.values.shape) / MOST_EDGE)
        if factor > 1:
            self._notes.append(f'drawn from means of {factor}³ voxels: an edge has more than {MOST_EDGE}')
            volume = coarser(volume, factor)
        values = np.pad(volume.values, 1, constant_values=float(volume.values.min()))
        spacing = np.asarray(volume.spacing)
        grid = _pyvista().ImageData(dimensions=values.shape, spacing=spacing, origin=np.asarray(volume.origin) - spacing)
        grid['value'] = values.ravel(order='F')
        return grid

    def _add_volume(self) -> None:
        assert self.thing.volume is not None and self.limits is not None
        grid = self._grid(self.thing.volume)
        ramp = np.linspace(0, 1, 256) ** 1.6
        self.plotter.add_volume(
            grid, scalars='value', cmap=_colours(self.look.colours), clim=self.limits, opacity=np.rint(ramp * 255).astype(np.uint8),
            opacity_unit_distance=self.radius / 12, show_scalar_bar=False, mapper='gpu', shade=False,
        )  # fmt: skip

    def _add_surface(self) -> None:
        pv = _pyvista()
        if self.thing.mesh is not None:
            vertices, faces = self.thing.mesh
        else:
            volume = self.thing.volume
            assert volume is not None
            factor = math.ceil(max(volume.values.shape) / MOST_EDGE)
            if factor > 1:
                self._notes.append(f'the surface is of every {factor}th voxel: an edge has more than {MOST_EDGE}')
            vertices, faces = surface(volume, self._level(), factor)
            if len(faces) == 0:
                raise VolumeError(f'{self.thing.name}: nothing to draw: there is no surface at the level {self._level():g}')
            self._notes.append(f'the surface is at {self._level():g}')
        mesh = pv.PolyData(vertices, np.column_stack([np.full(len(faces), 3), faces]).ravel())
        self.plotter.add_mesh(mesh, color=PLAIN, smooth_shading=True, split_sharp_edges=self.thing.mesh is not None, specular=0.25, specular_power=20, ambient=0.15)

    def _add_points(self) -> None:
        volume = self.thing.volume
        assert volume is not None and self.limits is not None
        level = self._level()
        at = np.argwhere(volume.values >= level)
        if len(at) > MOST_POINTS:
            self._notes.append(f'{MOST_POINTS:,} of {len(at):,} voxels of at least {level:g} are drawn')
            at = at[np.random.default_rng(0).choice(len(at), MOST_POINTS, replace=False)]
        else:
            self._notes.append(f'the {len(at):,} voxels of at least {level:g} are drawn')
        points = _pyvista().PolyData((at * volume.spacing + volume.origin).astype(np.float32))
        points['value'] = volume.values[tuple(at.T)]
        size = max(2.0, 0.9 * float(min(volume.spacing)) * self.pixels) * self.fine
        self.plotter.add_mesh(
            points, scalars='value', cmap=_colours(self.look.colours), clim=self.limits, point_size=size, render_points_as_spheres=True,
            show_scalar_bar=False, ambient=0.45, diffuse=0.6,
        )  # fmt: skip

    def _add_slices(self) -> None:
        assert self.thing.volume is not None
        x, y, z = (self.thing.low + self.thing.high) / 2
        planes = self._grid(self.thing.volume).slice_orthogonal(x=x, y=y, z=z)
        self.plotter.add_mesh(
            planes, scalars='value', cmap=_colours(self.look.colours), clim=self.limits, lighting=False, show_scalar_bar=False,
        )  # fmt: skip

    def _level(self) -> float:
        assert self.thing.volume is not None
        least, most = float(self.thing.volume.values.min()), float(self.thing.volume.values.max())
        level = (least + most) / 2 if self.look.level is None else self.look.level
        if not least < level <= most:
            raise VolumeError(f'{self.thing.name}: level: expected one above {least:g} and at most {most:g}, which its values span, got {level:g}')
        return level

    def frame(self, azimuth: float) -> np.ndarray:
        """The view from `azimuth`, with its texts: uint8[height, width, 3]."""
        look, thing = self.look, self.thing
        towards, right, up = self._turned(azimuth)
        centre = (thing.low + thing.high) / 2
        # The middle of the picture is beside the middle of what is drawn, for the texts.
        shift = right * (look.width / 2 - self.middle[0]) / self.pixels + up * (self.middle[1] - look.height / 2) / self.pixels
        camera = self.plotter.camera
        camera.focal_point, camera.position, camera.up = centre + shift, centre + shift + towards * self.radius * 4, up
        camera.parallel_projection, camera.parallel_scale = True, look.height / 2 / self.pixels
        camera.clipping_range = (self.radius, self.radius * 7)
        self.plotter.render()
        drawn = Image.fromarray(np.asarray(self.plotter.screenshot(return_img=True))[..., :3].copy()).reduce(self.fine)
        self._write_on(drawn, right, up, centre)
        return np.asarray(drawn)

    def _write_on(self, picture: Image.Image, right: np.ndarray, up: np.ndarray, centre: np.ndarray) -> None:
        look = self.look
        pen = _Pen(picture, look.paper)
        if look.title:
            pen.text((look.width * 0.03, look.height * 0.025), look.title, large=True)
        if look.axes:
            self._write_axes(pen, right, up, centre)
        if look.scale_bar:
            pen.scale_bar(look, self.pixels, self.thing.units)
        if self.coloured and self.limits is not None:
            pen.colour_bar(look, self.limits, _colours(look.colours))

    def _write_axes(self, pen: _Pen, right: np.ndarray, up: np.ndarray, centre: np.ndarray) -> None:
        """Names each axis along the edge of the box that lies outermost, with where it begins and ends."""
        low, high = self.thing.low, self.thing.high
        turned = np.array([right, up])
        on = lambda at: np.array([self.middle[0], self.middle[1]]) + (turned @ (at - centre)) * self.pixels * [1, -1]
        middle = on(centre)
        for axis, name in enumerate('xyz'):
            if np.linalg.norm(turned[:, axis]) * (high - low)[axis] * self.pixels < 30:
                continue
            first, second = (other for other in range(3) if other != axis)
            edges = []
            for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
                begin, end = low.copy(), low.copy()
                for other, far in zip((first, second), corner, strict=True):
                    begin[other] = end[other] = (high if far else low)[other]
                end[axis] = high[axis]
                edges.append((on(begin), on(end)))
            # The lowest edge for what lies, the one furthest left for what stands.
            stands = abs(turned[0, axis]) < 0.3 * abs(turned[1, axis])
            begin, end = max(edges, key=lambda edge: -(edge[0] + edge[1])[0] if stands else (edge[0] + edge[1])[1])
            along = (end - begin) / np.linalg.norm(end - begin)
            out = np.array([-along[1], along[0]])
            out = out if out @ ((begin + end) / 2 - middle) > 0 else -out
            pen.outside((begin + end) / 2, out, f'{name} / {self.thing.units}')
            long = float(np.linalg.norm(end - begin))
            if long < pen.height * 11:
                continue
            # As far from the corners as two of these numbers need to stand beside each other there.
            inwards = along * min(pen.height * 2.2, long * 0.15)
            for at, value in ((begin + inwards, low[axis]), (end - inwards, high[axis])):
                pen.outside(at, out, _number(value), faint=True)


class _Pen:
    """Writes on a picture, never beyond its edges."""

    def __init__(self, picture: Image.Image, paper: str) -> None:
        self.draw, self.size = ImageDraw.Draw(picture), picture.size
        _, self.ink, self.faint = PAPER[paper]
        self.height = _text_height(*picture.size)
        self.font, self.large = _font(self.height), _font(round(self.height * 1.35))

    def text(self, at: tuple[float, float], text: str, large: bool = False, faint: bool = False) -> None:
        font = self.large if large else self.font
        # One line, cut where it would leave the picture.
        text = ' '.join(text.split())
        width, height = self.size
        while len(text) > 1 and font.getlength(text) > width - 8:
            text = f'{text[: max(1, len(text) * 9 // 10 - 1)]}…'
        left, top, right, bottom = font.getbbox(text)
        x = min(max(2.0, at[0]), max(2.0, width - (right - left) - 3))
        y = min(max(2.0, at[1]), max(2.0, height - (bottom - top) - 5))
        self.draw.text((x - left, y - top), text, self.faint if faint else self.ink, font)

    def outside(self, at: np.ndarray, out: np.ndarray, text: str, faint: bool = False) -> None:
        """Writes in the direction `out` of a point on a line, as near to it as does not touch it."""
        left, top, right, bottom = self.font.getbbox(text)
        wide, tall = right - left, bottom - top
        away = (abs(out[0]) * wide + abs(out[1]) * tall) / 2 + self.height * 0.6
        x, y = at + out * away
        self.text((x - wide / 2, y - tall / 2), text, faint=faint)

    def scale_bar(self, look: Look, pixels: float, units: str) -> None:
        length = nice_length(look.width * 0.18 / pixels)
        x, y, wide = look.width * 0.03, look.height * 0.965, length * pixels
        self.draw.rectangle((x, y, x + wide, y + max(2, self.height // 5)), self.ink)
        self.text((x, y - self.height * 1.4), f'{_number(length)} {units}')

    def colour_bar(self, look: Look, limits: tuple[float, float], colours: Any) -> None:
        x, wide = look.width * (1 - BAR * 0.68), max(8, round(look.width * 0.018))
        top, bottom = look.height * 0.2, look.height * 0.8
        tall = round(bottom - top)
        ramp = (np.asarray(colours(np.linspace(1, 0, tall)))[:, None, :3] * 255).round().astype(np.uint8)
        self.draw._image.paste(Image.fromarray(np.repeat(ramp, wide, axis=1)), (round(x), round(top)))
        self.draw.rectangle((round(x), round(top), round(x) + wide, round(top) + tall), outline=self.faint)
        for share in (0, 0.25, 0.5, 0.75, 1):
            value = limits[0] + (limits[1] - limits[0]) * share
            self.text((x + wide * 1.5, bottom - tall * share - self.height / 2), _number(value))
        self.text((x, top - self.height * 1.8), 'value')


def _text_height(width: int, height: int) -> int:
    return max(12, round(min(width, height) / 42))


def nice_length(most: float) -> float:
    """The longest of 1, 2 or 5 times a power of ten that is at most `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(times * power for times in (5, 2, 1) if times * power <= most * (1 + 1e-9))


def coarser(volume: Volume, factor: int) -> Volume:
    """The means of factor³ voxels each; at the far borders, of those that there are."""
    values = volume.values.astype(np.float64)
    for axis in range(3):
        starts = np.arange(0, values.shape[axis], factor)
        counts = np.diff(np.append(starts, values.shape[axis]))
        shape = [-1 if each == axis else 1 for each in range(3)]
        values = np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape)
    spacing = tuple(each * factor for each in volume.spacing)
    origin = tuple(at + each * (factor - 1) / 2 for at, each in zip(volume.origin, volume.spacing, strict=True))
    return replace(volume, values=values.astype(np.float32), spacing=spacing, origin=origin)


def _slices_across(thing: Thing, look: Look, axis_name: str, path: str | Path) -> tuple[str, ...]:
    if thing.volume is None:
        raise VolumeError(f'{thing.name}: a mesh has no slices: expected a volume')
    _expect_look(thing, look)
    volume, axis = thing.volume, 'xyz'.index(axis_name)
    limits, colours = _limits(volume, look.clip), _colours(look.colours)
    count = min(9, volume.values.shape[axis])
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    across, along = (name for name in 'xyz' if name != axis_name)
    sheet = Image.new('RGB', (look.width, look.height), PAPER[look.paper][0])
    pen = _Pen(sheet, look.paper)
    top = pen.height * (3.4 if look.title else 0.8)
    room = ((look.width * (1 - BAR)) / columns, (look.height - top - pen.height * 3.2) / rows)
    extent = thing.high - thing.low
    pixels = min((room[0] - 16) / extent['xyz'.index(across)], (room[1] - pen.height * 2 - 10) / extent['xyz'.index(along)])
    wide, tall = (max(1, round(extent['xyz'.index(name)] * pixels)) for name in (across, along))
    for index in range(count):
        at = round((index + 0.5) / count * volume.values.shape[axis] - 0.5)
        plane = np.take(volume.values, at, axis)
        share = np.clip((plane.T[::-1] - limits[0]) / (limits[1] - limits[0]), 0, 1)
        drawn = Image.fromarray((np.asarray(colours(share))[..., :3] * 255).round().astype(np.uint8))
        x, y = (index % columns + 0.5) * room[0] - wide / 2, top + index // columns * room[1] + pen.height * 1.6
        sheet.paste(drawn.resize((wide, tall), Image.Resampling.NEAREST), (round(x), round(y)))
        place = volume.origin[axis] + at * volume.spacing[axis]
        pen.text((x, y - pen.height * 1.5), f'{axis_name} = {_number(place)} {volume.units}')
    if look.title:
        pen.text((look.width * 0.03, look.height * 0.025), look.title, large=True)
    pen.text((look.width * (1 - BAR * 0.8), look.height * 0.9), f'{across} →, {along} ↑')
    if look.scale_bar:
        pen.scale_bar(look, pixels, volume.units)
    pen.colour_bar(look, limits, colours)
    _save(sheet, path)
    return thing.notes


def _limits(volume: Volume, clip: tuple[float, float]) -> tuple[float, float]:
    """The values that the colours span: percentiles of all; where these are one value, of what is above the least."""
    values = volume.values
    step = max(1, round((values.size / 4e6) ** (1 / 3)))
    sample = values[::step, ::step, ::step]
    low, high = (float(each) for each in np.percentile(sample, clip))
    least, most = float(values.min()), float(values.max())
    if low == high:
        above = values[values > least]
        low, high = least, float(np.percentile(above, clip[1]))
    return (low, high) if low < high else (least, most)


def _expect_look(thing: Thing, look: Look) -> None:
    first, last = look.clip
    wrong = [
        (look.kind not in KINDS, f'kind: expected one of {", ".join(KINDS)}, got {look.kind!r}'),
        (look.paper not in PAPER, f'paper: expected one of {", ".join(PAPER)}, got {look.paper!r}'),
        (not 0 <= first < last <= 100, f'clip: expected two percentiles from 0 to 100, the lower one first, got {first:g} and {last:g}'),
        (not (160 <= look.width <= 8192 and 120 <= look.height <= 8192), f'expected 160 × 120 to 8192 × 8192 pixels, got {look.width} × {look.height}'),
        (not 0.1 <= look.zoom <= 50, f'zoom: expected a number from 0.1 to 50, got {look.zoom:g}'),
    ]
    for is_wrong, message in wrong:
        if is_wrong:
            raise VolumeError(f'{thing.name}: {message}')


def _expect(path: str | Path, endings: tuple[str, ...]) -> str:
    ending = Path(path).suffix.lower()
    if ending not in endings:
        raise VolumeError(f'{path}: expected a name that ends in {" or ".join(endings)}')
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return ending


def _pyvista() -> Any:
    # Before VTK is imported: it draws in software whatever the machine has, so that pictures are the same everywhere.
    os.environ.setdefault('VTK_DEFAULT_OPENGL_WINDOW', 'vtkOSOpenGLRenderWindow')
    os.environ.setdefault('LP_NUM_THREADS', str(threads()))
    if not Path('/etc/fonts/fonts.conf').exists():
        # VTK brings its own fonts, and complains where the system says nothing of any.
        none = Path(tempfile.gettempdir()) / 'no-fonts.conf'
        none.write_text('<fontconfig></fontconfig>')
        os.environ.setdefault('FONTCONFIG_FILE', str(none))
    import pyvista

    return pyvista


def _plotter(look: Look, fine: int) -> Any:
    plotter = _pyvista().Plotter(off_screen=True, window_size=(look.width * fine, look.height * fine), lighting='light kit')
    plotter.set_background(_hex(PAPER[look.paper][0]))
    plotter.disable_anti_aliasing()
    return plotter


def _colours(name: str) -> Any:
    import matplotlib

    if name not in matplotlib.colormaps:
        raise VolumeError(f'colours: there is no colour map {name!r}; some are viridis, magma, cividis, gray, turbo, coolwarm')
    return matplotlib.colormaps[name]


def _font(height: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / 'fonts/ttf/DejaVuSans.ttf'), height)


def _hex(colour: tuple[int, int, int]) -> str:
    return '#{:02x}{:02x}{:02x}'.format(*colour)


def _number(value: float) -> str:
    return f'{value:.4g}' if abs(value) > 1e-12 else '0'


def _save(picture: Image.Image, path: str | Path) -> None:
    picture.convert('RGB').save(path, optimize=True)


def _write_mp4(frames: Iterable[np.ndarray], path: str | Path, fps: float) -> None:
    import imageio

    how = {'codec': 'libx264', 'quality': 8, 'macro_block_size': 2, 'ffmpeg_log_level': 'error', 'pixelformat': 'yuv420p'}
    with imageio.get_writer(str(path), fps=fps, **how) as film:
        for frame in frames:
            film.append_data(frame)


def _write_gif(frames: Iterable[np.ndarray], path: str | Path, fps: float) -> None:
    pictures = [Image.fromarray(frame) for frame in frames]
    # One palette, of a frame from each quarter of the turn: colours do not flicker, and what stays the same takes no room.
    sample = Image.new('RGB', (pictures[0].width * 2, pictures[0].height * 2))
    for at in range(4):
        sample.paste(pictures[at * len(pictures) // 4], (at % 2 * pictures[0].width, at // 2 * pictures[0].height))
    palette = sample.quantize(256, Image.Quantize.MEDIANCUT)
    first, *others = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in pictures]
    first.save(path, save_all=True, append_images=others, duration=round(1000 / fps), loop=0, optimize=False)
