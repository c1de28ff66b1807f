import numpy as np


def swap(values, steps):
    """Diffusion between two arrays that change places after every step."""
    now = values.copy()
    after = np.zeros_like(values)
    for _ in range(steps):
        for i in range(len(values)):
            left = now[i - 1]
            right = now[(i + 1) % len(values)]
            after[i] = 0.25 * left + 0.5 * now[i] + 0.25 * right
        now, after = after, now
    return now


def make_case(random):
    return random.normal(size=int(random.integers(1, 30))), int(random.integers(0, 6))
