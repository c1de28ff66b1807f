import random


def make_case(seed):
    draw = random.Random(seed)
    size, band = draw.randint(70, 90), 3
    matrix = [[draw.uniform(-1, 1) if abs(i - j) <= band else 0.0 for j in range(size)] for i in range(size)]
    for i in range(size):
        matrix[i][i] = 8.0 + draw.random()
    return matrix, [draw.uniform(-5, 5) for _ in range(size)], band
