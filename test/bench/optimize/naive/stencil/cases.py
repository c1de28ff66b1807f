import random


def make_case(seed):
    draw = random.Random(seed)
    height, width = draw.randint(50, 70), draw.randint(50, 70)
    return [[draw.uniform(0.0, 100.0) for _ in range(width)] for _ in range(height)], 20
