import random


def make_case(seed):
    draw = random.Random(seed)
    rows, columns = draw.randint(150, 200), draw.randint(150, 200)
    return ([[int(draw.random() < 0.58) for _ in range(columns)] for _ in range(rows)],)
