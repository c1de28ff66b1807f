import random


def make_case(seed):
    draw = random.Random(seed)
    letters = "abcdefgh äö"
    one = "".join(draw.choice(letters) for _ in range(draw.randint(350, 450)))
    other = "".join(letter for letter in one if draw.random() < 0.8) + "".join(draw.choice(letters) for _ in range(60))
    return one, other
