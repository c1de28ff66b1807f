import random

random.seed(3)


def inside(count):
    hits = 0
    for _ in range(count):
        x, y = random.random(), random.random()
        hits += x * x + y * y < 1
    return hits


print(inside(1000))
