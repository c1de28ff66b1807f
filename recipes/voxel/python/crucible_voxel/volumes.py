"""Reads and writes volumes: `.bin` with a JSON file beside it, `.npy`, TIFF stacks, NRRD and VTI."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

# N as int32 and the size of a voxel as float32: the header of Pixeltovoxelprojector's files.
KNOWN_HEADER = 8
DTYPES = ('float32', 'float64', 'float16', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32')
ENDINGS = ('.bin', '.npy', '.tif', '.tiff', '.nrrd', '.vti')
AXES = ('xyz', 'xzy', 'yxz', 'yzx', 'zxy', 'zyx')


class VolumeError(ValueError):
    """What was asked for, or what a file holds, does not fit. The message says what was expected, what came, and where."""


@dataclass(frozen=True)
class Volume:
    """values: float32[x, y, z] in C order, all finite. spacing: the edges of a voxel. origin: where the middle of voxel 0, 0, 0 lies."""

    values: np.ndarray
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    units: str = 'voxel'
    told: str = ''

    def of(self, values: np.ndarray) -> Volume:
        """Other values in the same place."""
        return replace(self, values=values)


def threads() -> int:
    """How many threads the job may use."""
    return max(1, int(os.environ.get('OMP_NUM_THREADS', '1')))


def run(main: Callable[[], None]) -> None:
    """Runs a program whose mistakes of use end it in one sentence."""
    try:
        main()
    except VolumeError as error:
        raise SystemExit(str(error)) from None


def read_volume(path: str | Path, axes: str = '') -> Volume:
    """The volume of a file, by the ending of its name. `axes` says the order of the file's axes, the slowest first, where the file does not."""
    path = Path(path)
    readers = {
        '.bin': _read_bin, '.npy': _read_npy, '.tif': _read_tiff, '.tiff': _read_tiff, '.nrrd': _read_nrrd, '.vti': _read_vti,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise VolumeError(f'{path}: expected a volume by the ending of its name ({", ".join(ENDINGS)})')
    if not path.is_file():
        raise VolumeError(f'{path}: expected a file, found none')
    if axes not in ('', *AXES):
        raise VolumeError(f'axes: expected one of {", ".join(AXES)}, got {axes!r}')
    raw, about = reader(path, axes)
    if raw.ndim != 3:
        raise VolumeError(f'{path}: expected three axes, got the shape {raw.shape}')
    if raw.size == 0:
        raise VolumeError(f'{path}: expected voxels, got the shape {raw.shape}')
    if raw.dtype.kind not in 'biuf':
        raise VolumeError(f'{path}: expected numbers, got {raw.dtype}')
    order, said = about.pop('axes'), about.pop('said')
    values = np.ascontiguousarray(np.transpose(raw, [order.index(axis) for axis in 'xyz']), np.float32)
    _expect_finite(path, values)
    told = f'{path}: {" × ".join(map(str, values.shape))} voxels along x, y and z; the file has {", ".join(order)} with {order[-1]} fastest ({said})'
    return Volume(values, **about, told=told)


def _expect_finite(path: Path, values: np.ndarray) -> None:
    # One pass without a mask: a sum is finite where all is, or where huge values overflow, which the mask then tells.
    if np.isfinite(values.sum(dtype=np.float64)):
        return
    wrong = ~np.isfinite(values)
    count = int(wrong.sum())
    first = tuple(int(at) for at in np.unravel_index(int(wrong.argmax()), values.shape))
    if count:
        raise VolumeError(f'{path}: {count:,} voxels are NaN or infinite, the first at x, y, z = {first}')


def _about(path: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Spacing, origin and units as they stand beside a volume; raises where they cannot be meant."""
    about: dict[str, Any] = {}
    for name in ('spacing', 'origin'):
        if found.get(name) is None:
            continue
        value = found[name]
        right = isinstance(value, (list, tuple)) and len(value) == 3 and all(
            isinstance(each, (int, float)) and not isinstance(each, bool) and math.isfinite(each) for each in value
        )
        if not right or (name == 'spacing' and min(value) <= 0):
            raise VolumeError(f'{path}: {name}: expected three numbers{" above 0" if name == "spacing" else ""}, got {value!r}')
        about[name] = tuple(float(each) for each in value)
    if found.get('units') is not None:
        about['units'] = str(found['units'])
    return about


def sidecar_of(path: Path) -> Path:
    """The JSON file beside a volume that says its shape, axes, spacing, origin and units."""
    return path.with_name(f'{path.name}.json')


def _sidecar(path: Path) -> tuple[Path, dict[str, Any]] | None:
    """What stands beside a volume; None where nothing does."""
    beside = sidecar_of(path)
    if not beside.is_file():
        return None
    try:
        found = json.loads(beside.read_text())
    except ValueError as error:
        raise VolumeError(f'{beside}: expected JSON: {error}') from None
    shape = found.get('shape') if isinstance(found, dict) else None
    if not isinstance(shape, list) or len(shape) != 3 or not all(isinstance(edge, int) and edge > 0 for edge in shape):
        raise VolumeError(f'{beside}: shape: expected three whole numbers above 0, got {shape}')
    return beside, found


def _order(beside: Path | None, found: dict[str, Any], axes: str) -> str:
    said = found.get('axes')
    if said is not None and said not in AXES:
        raise VolumeError(f'{beside}: axes: expected one of {", ".join(AXES)}, the slowest first, got {said!r}')
    if said and axes and said != axes:
        raise VolumeError(f'{beside}: the axes are {said} by this file, and {axes} was asked for')
    return said or axes or 'xyz'


def _read_bin(path: Path, axes: str) -> tuple[np.ndarray, dict[str, Any]]:
    beside, found = _sidecar(path) or (None, {})
    name = found.get('dtype', 'float32')
    if name not in DTYPES:
        raise VolumeError(f'{beside}: dtype: expected one of {", ".join(DTYPES)}, got {name!r}')
    dtype = np.dtype(name).newbyteorder('>' if found.get('byteOrder') == 'big' else '<')
    size = path.stat().st_size
    if beside is not None:
        shape = found['shape']
        wanted = math.prod(shape) * dtype.itemsize
        header = size - wanted
        if header not in (0, KNOWN_HEADER):
            raise VolumeError(
                f'{path}: {beside.name} says {" × ".join(map(str, shape))} voxels of {name}, which are {wanted:,} bytes; the file has {size:,}'
            )
        about = {**_about(beside, found), 'axes': _order(beside, found, axes), 'said': f'by {beside.name}'}
    else:
        edge, header, voxel = _cube(path, size)
        shape = [edge] * 3
        about = {'axes': axes or 'xyz', 'said': 'as asked' if axes else 'as .bin files are, where nothing beside them says another order'}
        if header:
            about['spacing'] = (voxel,) * 3
    return np.memmap(path, dtype, 'r', header, tuple(shape)), about


def _cube(path: Path, size: int) -> tuple[int, int, float]:
    """The edge of the float32 cube that a file holds, the bytes in front of it, and the size of a voxel."""
    with path.open('rb') as file:
        start = file.read(KNOWN_HEADER)
    if len(start) == KNOWN_HEADER:
        edge = int.from_bytes(start[:4], 'little', signed=True)
        if edge > 0 and size == KNOWN_HEADER + 4 * edge**3:
            voxel = float(np.frombuffer(start, '<f4', 1, 4)[0])
            if not (math.isfinite(voxel) and voxel > 0):
                raise VolumeError(f'{path}: its header says voxels of the size {voxel}; expected a number above 0')
            return edge, KNOWN_HEADER, voxel
    edge = round((size / 4) ** (1 / 3))
    if edge == 0 or 4 * edge**3 != size:
        raise VolumeError(
            f'{path}: expected N³ float32 voxels, got {size:,} bytes; {max(edge, 1)}³ would be {4 * max(edge, 1) ** 3:,}. '
            f'For another shape or dtype put {path.name}.json beside it: {{"shape": [NX, NY, NZ], "axes": "xyz", "dtype": "float32"}}'
        )
    return edge, 0, 1.0


def _read_npy(path: Path, axes: str) -> tuple[np.ndarray, dict[str, Any]]:
    beside, found = _sidecar(path) or (None, {})
    try:
        raw = np.load(path, mmap_mode='r', allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise VolumeError(f'{path}: expected a NumPy array: {str(error)[:120]}') from None
    if beside is not None and list(raw.shape) != found['shape']:
        raise VolumeError(f'{path}: {beside.name} says the shape {found["shape"]}, the array has {list(raw.shape)}')
    said = f'by {beside.name}' if beside is not None and 'axes' in found else 'as asked' if axes else 'as NumPy arrays are taken'
    return raw, {**_about(beside or path, found), 'axes': _order(beside, found, axes), 'said': said}


def _read_tiff(path: Path, axes: str) -> tuple[np.ndarray, dict[str, Any]]:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            raw = file.asarray()
            page = file.pages[0]
            metadata = (file.shaped_metadata or [{}])[0]
            is_colour = raw.ndim > 2 and page.samplesperpixel in (3, 4)
    except (tifffile.TiffFileError, ValueError, IndexError, OSError, EOFError) as error:
        raise VolumeError(f'{path}: not a readable TIFF: {str(error)[:120]}') from None
    if is_colour:
        from crucible_voxel.images import grey

        raw = grey(raw)
    if raw.ndim == 2:
        raw = raw[None]
    return raw, {**_about(path, metadata), 'axes': axes or 'zyx', 'said': 'as asked' if axes else 'pages are z, rows y, columns x'}


def _needs(package: str, path: Path) -> VolumeError:
    return VolumeError(f'{path}: reading and writing {path.suffix} takes {package}, which is not in this sandbox: the recipe voxel.convert has it, and writes .bin')


def _read_nrrd(path: Path, axes: str) -> tuple[np.ndarray, dict[str, Any]]:
    try:
        import nrrd
    except ImportError:
        raise _needs('pynrrd', path) from None
    try:
        raw, header = nrrd.read(str(path), index_order='F')
    except Exception as error:  # The reader raises whatever the bytes lead it to.
        raise VolumeError(f'{path}: not a readable NRRD: {str(error)[:120]}') from None
    found: dict[str, Any] = {}
    directions = header.get('space directions')
    if directions is not None and raw.ndim == 3:
        directions = np.asarray(directions, float)
        if directions.shape != (3, 3) or not np.allclose(directions, np.diag(np.diag(directions)), atol=1e-6 * np.abs(directions).max()):
            raise VolumeError(f'{path}: space directions: expected axes along x, y and z, got {directions.tolist()}; resample it first')
        if (np.diag(directions) < 0).any():
            raise VolumeError(f'{path}: space directions: expected axes that go up, got {directions.tolist()}; flip it first')
        found['spacing'] = np.diag(directions).tolist()
    elif 'spacings' in header:
        found['spacing'] = [float(each) for each in header['spacings']]
    if header.get('space origin') is not None:
        found['origin'] = [float(each) for each in header['space origin']]
    if header.get('space units'):
        found['units'] = header['space units'][0]
    # Its first axis is the fastest; the array read has it first.
    return raw, {**_about(path, found), 'axes': (axes or 'zyx')[::-1], 'said': 'as asked' if axes else 'as NRRD has it: the first axis is x'}


def _read_vti(path: Path, axes: str) -> tuple[np.ndarray, dict[str, Any]]:
    try:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkIOXML import vtkXMLImageDataReader
    except ImportError:
        raise _needs('vtk', path) from None
    if axes not in ('', 'zyx'):
        raise VolumeError(f'{path}: a VTI has z slowest and x fastest (axes zyx), {axes} was asked for')
    reader = vtkXMLImageDataReader()
    if not reader.CanReadFile(str(path)):
        raise VolumeError(f'{path}: not a readable VTI')
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    scalars = image.GetPointData().GetScalars() or image.GetPointData().GetArray(0)
    shape = image.GetDimensions()
    if scalars is None:
        raise VolumeError(f'{path}: expected values at points, found none')
    if scalars.GetNumberOfComponents() != 1:
        raise VolumeError(f'{path}: expected one value a point, got {scalars.GetNumberOfComponents()}')
    start = image.GetExtent()[::2]
    spacing = image.GetSpacing()
    origin = [at + first * step for at, first, step in zip(image.GetOrigin(), start, spacing)]
    raw = vtk_to_numpy(scalars).reshape(shape[::-1])
    return raw, {**_about(path, {'spacing': spacing, 'origin': origin}), 'axes': 'zyx', 'said': 'as VTK has it'}


def write_volume(path: str | Path, volume: Volume) -> None:
    """Writes a volume by the ending of its name; beside `.bin` and `.npy` a JSON file says the rest. Raises `VolumeError` for NaN."""
    path = Path(path)
    writers = {'.bin': _write_bin, '.npy': _write_npy, '.tif': _write_tiff, '.tiff': _write_tiff, '.nrrd': _write_nrrd, '.vti': _write_vti}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise VolumeError(f'{path}: expected a volume by the ending of its name ({", ".join(ENDINGS)})')
    values = np.ascontiguousarray(volume.values, np.float32)
    _expect_finite(path, values)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under another name at first: the volume may be that of the very file, which is mapped.
    draft = path.with_name(f'.part-{path.name}')
    writer(draft, replace(volume, values=values))
    os.replace(draft, path)
    if path.suffix.lower() in ('.bin', '.npy'):
        _write_sidecar(path, volume)


def _write_sidecar(path: Path, volume: Volume) -> None:
    said = {'shape': list(volume.values.shape), 'axes': 'xyz', 'dtype': 'float32'}
    said |= {'spacing': list(volume.spacing), 'origin': list(volume.origin), 'units': volume.units}
    sidecar_of(path).write_text(json.dumps(said))


def _write_bin(path: Path, volume: Volume) -> None:
    volume.values.astype('<f4', copy=False).tofile(path)


def _write_npy(path: Path, volume: Volume) -> None:
    np.save(path, volume.values)


def _write_tiff(path: Path, volume: Volume) -> None:
    import tifffile

    about = {'spacing': list(volume.spacing), 'origin': list(volume.origin), 'units': volume.units}
    tifffile.imwrite(path, volume.values.transpose(2, 1, 0), photometric='minisblack', metadata={'axes': 'ZYX', **about})


def _write_nrrd(path: Path, volume: Volume) -> None:
    try:
        import nrrd
    except ImportError:
        raise _needs('pynrrd', path) from None
    header = {'space dimension': 3, 'space directions': np.diag(volume.spacing), 'space origin': np.array(volume.origin)}
    nrrd.write(str(path), volume.values, {**header, 'space units': [volume.units] * 3}, index_order='F')


def _write_vti(path: Path, volume: Volume) -> None:
    try:
        from vtkmodules.util.numpy_support import numpy_to_vtk
        from vtkmodules.vtkCommonDataModel import vtkImageData
        from vtkmodules.vtkIOXML import vtkXMLImageDataWriter
    except ImportError:
        raise _needs('vtk', path) from None
    image = vtkImageData()
    image.SetDimensions(volume.values.shape)
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.origin)
    scalars = numpy_to_vtk(volume.values.ravel(order='F'), deep=True)
    scalars.SetName('values')
    image.GetPointData().SetScalars(scalars)
    writer = vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.Write()
