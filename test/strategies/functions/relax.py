"""Loops that look independent and are not."""

import numpy as np


def relax(grid, order):
    """A row is read through another name, and a row is chosen by an index array."""
    total = 0.0
    best = -1.0
    for i in range(len(order)):
        row = grid[order[i]]
        for j in range(grid.shape[1]):
            row[j] = 0.5 * row[j] + 0.1 * grid[i, j]
        if row[0] > best:
            best = row[0]
        total += best
    return total


def make_case(random):
    rows = int(random.integers(2, 8))
    return random.normal(size=(rows, 3)), random.integers(0, rows, rows)
