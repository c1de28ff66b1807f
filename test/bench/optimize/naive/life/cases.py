import random


def make_case(seed):
    draw = random.Random(seed)
    rows, columns = draw.randint(40, 56), draw.randint(40, 56)
    return [[int(draw.random() < 0.35) for _ in range(columns)] for _ in range(rows)], 15
