import random


def make_case(seed):
    draw = random.Random(seed)

    def series(count):
        value, out = 0.0, []
        for _ in range(count):
            value += draw.gauss(0, 1)
            out.append(value)
        return out

    return series(draw.randint(280, 340)), series(draw.randint(280, 340))
