import random


def make_case(seed):
    draw = random.Random(seed)
    return draw.uniform(80, 120), draw.uniform(80, 120), 0.03, draw.uniform(0.1, 0.5), 1.0, 100, 1500, seed
