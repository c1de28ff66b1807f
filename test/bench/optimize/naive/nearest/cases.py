import random


def make_case(seed):
    draw = random.Random(seed)
    points = [[draw.gauss(0, 1) for _ in range(4)] for _ in range(600)]
    labels = [draw.randrange(6) for _ in points]
    queries = [[draw.gauss(0, 1) for _ in range(4)] for _ in range(60)]
    return points, labels, queries
