"""What each voxel recipe takes: prints {recipe: {edge: MiB}}, the resident memory of a process at its peak and the files that it wrote.

    measure_memory.py RECIPES EDGE…

A sandbox holds files in memory; what is read is mapped, so it counts once.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from check_voxels import PLACES, RECIPES, cv, made, scene

READ = ('transform', 'filter', 'threshold', 'label', 'mesh', 'stats', 'convert')


def run_one(recipe, edge):
    """In a process of its own: runs a recipe in this folder, whose volume.npy and scene are there."""
    before = {path.name for path in Path('.').iterdir()}
    read = {'transform': {'degrees': '10,20,30'}, 'filter': {'filter': 'median'}}
    values = {
        **dict.fromkeys(('shapes', 'text'), {'size': edge}),
        **dict.fromkeys(('frames', 'carve'), {'frames': 'scene', 'size': edge, 'voxel': 40 / edge}),
        'stack': {'images': 'slices', 'output': 'stacked.bin'},
        'combine': {'first': 'a.bin', 'second': 'a.bin'},
        **{name: {'volume': 'a.bin', **read.get(name, {})} for name in READ},
    }[recipe]
    got = made(recipe, **values)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    written = sum(path.stat().st_size for path in Path('.').iterdir() if path.name not in before and path.is_file()) / 2**20
    print(json.dumps([peak + written, got]))


def prepare(edge):
    """A volume smooth enough for a surface, and noisy enough to have parts; and a scene."""
    made('shapes', size=edge, shape='gyroid', output='a.bin')
    values = cv.read_volume('a.bin')
    noise = np.random.default_rng(0).random(values.values.shape, dtype=np.float32)
    cv.write_volume('a.bin', values.of(values.values + noise / 8))
    Path('slices').mkdir()
    for number, plane in enumerate(values.values):
        Image.fromarray((plane * 200).astype(np.uint8)).save(f'slices/{number}.png')
    scene(places=PLACES)


def child(what, edge):
    """In a process of its own, whose peak is no one else's: this one stays small, for a child begins with its parent's."""
    command = [sys.executable, '-B', __file__, str(RECIPES), '--one', what, str(edge)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    edges = list(map(int, sys.argv[2:]))
    found = {}
    for edge in edges:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            child('--prepare', edge)
            for recipe in ('shapes', 'text', 'frames', 'carve', 'stack', 'combine', *READ):
                peak, said = json.loads(child(recipe, edge).splitlines()[-1])
                found.setdefault(recipe, {})[edge] = [round(peak), said.strip().splitlines()[-1]]
    print(json.dumps(found))


if __name__ == '__main__':
    if sys.argv[2] == '--one':
        prepare(int(sys.argv[4])) if sys.argv[3] == '--prepare' else run_one(sys.argv[3], int(sys.argv[4]))
    else:
        main()
