import numpy as np


def add_at(grid, i, j, amount):
    grid[i, j] += amount


def in_place(grid, points, weights):
    """Adds weights into the grid, also below zero from the end; doubles the first row."""
    total = 0.0
    for p in range(points.shape[0]):
        add_at(grid, points[p, 0], points[p, 1], weights[p])
        total += weights[p]
    row = grid[0]
    for k in range(len(row)):
        row[k] *= 2
    return total


def make_case(random):
    n = int(random.integers(1, 40))
    return random.normal(size=(5, 6)), random.integers(-5, 5, (n, 2)), random.normal(size=n)
