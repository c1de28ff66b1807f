def shout(text, times):
    out = ''
    for _ in range(times):
        out += text.upper()
    return out


def make_case(random):
    return 'hello', int(random.integers(1, 5))
