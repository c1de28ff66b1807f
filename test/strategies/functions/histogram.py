import numpy as np


def histogram(values, low, high, bins=10):
    """How many values fall into each bin, and how many into none."""
    counts = np.zeros(bins, dtype=int)
    outside = 0
    for i in range(len(values)):
        bin = int((values[i] - low) / (high - low) * bins // 1)
        if not 0 <= bin < bins:
            outside += 1
            continue
        counts[bin] += 1
    return counts, outside


def make_case(random):
    return random.normal(size=int(random.integers(0, 500))), -1.5, 1.5
