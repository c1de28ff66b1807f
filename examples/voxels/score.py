"""Scores a reconstruction by the volume it has in common with the truth, over that of both: score.py SOLID TRUTH."""

import json
import sys

import numpy as np

solid, truth = (np.fromfile(path, '<f4') > 0.5 for path in sys.argv[1:])
if solid.shape != truth.shape:
    raise SystemExit(f'expected {truth.size:,} voxels, got {solid.size:,}')
iou = float((solid & truth).sum() / (solid | truth).sum())
with open('score.json', 'w') as file:
    json.dump({'iou': iou}, file)
print(f'intersection over union: {iou:.4f}')
