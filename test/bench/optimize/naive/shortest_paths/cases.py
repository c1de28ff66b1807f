import random


def make_case(seed):
    draw = random.Random(seed)
    nodes = draw.randint(2500, 3500)
    edges = [(node, draw.randrange(node), draw.uniform(1.0, 10.0)) for node in range(1, nodes)]
    edges += [(draw.randrange(nodes), draw.randrange(nodes), draw.uniform(1.0, 10.0)) for _ in range(4 * nodes)]
    return edges, 0
