from bisect import bisect_left


def longest(values):
    tails = []
    for v in values:
        at = bisect_left(tails, v)
        if at == len(tails):
            tails.append(v)
        else:
            tails[at] = v
    return len(tails), tails


def cases(r):
    return [
        (r.random(5000).tolist(),),
        ([],),
        ([3, 1, 2],),
        ([1.0, 1.0],),
        ([2**80, 1],),
    ]
