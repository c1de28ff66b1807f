import numpy as np


def escape_time(x, y, limit):
    a, b = 0.0, 0.0
    count = 0
    while count < limit:
        if a * a + b * b > 4:
            break
        a, b = a * a - b * b + x, 2 * a * b + y
        count += 1
    return count


def mandelbrot(width, height, limit=30):
    counts = np.zeros((height, width), dtype=np.int64)
    for row in range(height):
        for column in range(width):
            counts[row, column] = escape_time(3 * column / width - 2, 2.4 * row / height - 1.2, limit)
    return counts


def make_case(random):
    return int(random.integers(1, 20)), int(random.integers(1, 20))
