import random


def make_case(seed):
    draw = random.Random(seed)

    def row(count):
        weights = [draw.random() if draw.random() < 0.9 else 0.0 for _ in range(count)]
        weights[draw.randrange(count)] += 0.1
        return [weight / sum(weights) for weight in weights]

    states, symbols = 12, 8
    observations = [draw.randrange(symbols) for _ in range(300)]
    emission = [[0.9 * p + 0.1 / symbols for p in row(symbols)] for _ in range(states)]
    return observations, row(states), [row(states) for _ in range(states)], emission
