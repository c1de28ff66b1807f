from collections import defaultdict
def group_means(rows):
    totals = defaultdict(float)
    counts = defaultdict(int)
    for key, value in rows:
        totals[key] += value
        counts[key] += 1
    return {k: totals[k] / counts[k] for k in totals}


def cases(r):
    return [
        ([(int(k), float(v)) for k, v in zip(r.integers(0, 50, 5000), r.random(5000))],),
        ([],),
        ([(1, 2.0)],),
        ([('a', 1.0), ('b', 2.0), ('a', 3.0)],),
        ([(1, 1), (2, 5), (1, 4)],),
        ([(3, 1.0), (1, 2.0), (3, float('nan'))],),
    ]
