import numpy as np


def cooling(field, steps=3):
    """Gives its argument's name to a new array in every step, and leaves the argument alone."""
    rows, columns = field.shape
    for _ in range(steps):
        new = field.copy()
        for r in range(1, rows - 1):
            for c in range(1, columns - 1):
                new[r, c] = field[r, c] + 0.1 * (field[r - 1, c] + field[r + 1, c] - 2.0 * field[r, c])
        field = new
    return field


def make_case(random):
    rows, columns = random.integers(3, 20, size=2)
    return (random.normal(size=(int(rows), int(columns))),)
