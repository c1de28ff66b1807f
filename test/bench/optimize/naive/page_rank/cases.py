import random


def make_case(seed):
    draw = random.Random(seed)
    names = [f"page-{number}" for number in range(draw.randint(700, 900))]
    return ({name: draw.sample(names, draw.choice([0, 2, 5, 9, 14])) for name in names},)
