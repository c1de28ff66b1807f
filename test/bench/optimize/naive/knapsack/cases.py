import random


def make_case(seed):
    draw = random.Random(seed)
    return [(draw.randint(3, 60), draw.randint(1, 500)) for _ in range(120)], draw.randint(1200, 1800)
