import random


def make_case(seed):
    draw = random.Random(seed)
    size = draw.randint(900, 1200)
    triples = [(draw.randrange(size), draw.randrange(size), draw.uniform(0.1, 1.0)) for _ in range(12 * size)]
    return size, triples
