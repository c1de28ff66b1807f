"""Writes the slices of a magnetic resonance scan of a head, which the package nibabel ships, as 16-bit images."""

from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

scan = nibabel.load(Path(nibabel.__file__).parent / 'tests/data/anatomical.nii')
values = np.asarray(scan.dataobj, np.float64)
levels = ((values - values.min()) / np.ptp(values) * 65535).astype(np.uint16)
Path('slices').mkdir()
for number in range(levels.shape[2]):
    # A row is y, a column x.
    Image.fromarray(levels[:, :, number].T.copy()).save(f'slices/{number}.png')
print(f'{levels.shape[2]} slices of {levels.shape[0]} × {levels.shape[1]} pixels')
