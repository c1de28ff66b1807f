"""Two functions that loop, a helper, and one that no compiler takes; the results are printed and written."""

import json
import math

import numpy as np

TURNS = 40


def weight(distance):
    return math.exp(-distance * distance)


def blurred(values):
    """Every value with its neighbours, by their distance."""
    out = np.zeros(values.shape[0], dtype=float)
    for i in range(values.shape[0]):
        total, sum_of_weights = 0.0, 0.0
        for j in range(values.shape[0]):
            total += weight(i - j) * values[j]
            sum_of_weights += weight(i - j)
        out[i] = total / sum_of_weights
    return out


def turned(values):
    for turn in range(TURNS):
        values[turn % 7] += 0.5 * values[turn % 5] - turn
    return values


def described(values):
    counts = {}
    for i in range(values.shape[0]):
        counts[int(values[i]) % 3] = counts.get(int(values[i]) % 3, 0) + 1
    return counts


if __name__ == '__main__':
    result = turned(blurred(np.arange(60.0) ** 1.5))
    print(f'{result.mean():.9f}', described(result))
    with open('result.json', 'w') as file:
        json.dump({'first': result[0], 'all': result.tolist()}, file)
