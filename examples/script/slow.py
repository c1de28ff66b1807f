"""How much of the sky each spot of a hilly landscape sees: writes sky.npy and prints a summary.

    python slow.py [SIZE]
"""

import math
import sys

import numpy as np

DIRECTIONS = 16
REACH = 24


def height(x, y):
    """Metres above the sea, at a place in cells."""
    hills = 6.0 * math.sin(0.11 * x) * math.cos(0.07 * y)
    return hills + 2.5 * math.sin(0.23 * x + 0.31 * y) + 1.5 * math.cos(0.41 * y)


def sky_view(size):
    """The share of the sky above the horizon, for each cell of a square landscape."""
    sky = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            ground = height(column, row)
            seen = 0.0
            for direction in range(DIRECTIONS):
                angle = 2.0 * math.pi * direction / DIRECTIONS
                steepest = 0.0
                for step in range(1, REACH + 1):
                    there = height(column + step * math.cos(angle), row + step * math.sin(angle))
                    steepest = max(steepest, (there - ground) / step)
                seen += 1.0 - math.sin(math.atan(steepest))
            sky[row, column] = seen / DIRECTIONS
    return sky


def main():
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 160
    sky = sky_view(size)
    np.save('sky.npy', sky)
    row, column = np.unravel_index(np.argmin(sky), sky.shape)
    print(f'{size} x {size} cells see {100 * sky.mean():.3f} % of the sky on average')
    print(f'the darkest, in row {row} and column {column}, sees {100 * sky.min():.3f} %')


if __name__ == '__main__':
    main()
