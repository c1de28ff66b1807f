def sequence(n, modulus):
    """Numbers that may outgrow 64 bits."""
    seed, odd = 12345, []
    for turn in range(n):
        seed = (seed * 1103515245 + 12345) % modulus
        if seed & 1 and turn % 10 == 0:
            odd.append(seed)
    return seed, odd


def cases(r):
    return [
        (30000, 2**31),
        (20, 2**60),
        (20, 2**80),
        (10, 0),
        (0, 3),
    ]
