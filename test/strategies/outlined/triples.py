from itertools import combinations, product


def triples(points, limit):
    assert limit > 0, f'{limit} is no limit'
    count, least = 0, float('inf')
    for i, j in product(range(len(points)), repeat=2):
        if i != j and abs(points[i] - points[j]) < limit:
            count += 1
    for i, j in combinations(range(len(points)), 2):
        least = min(least, (points[i] - points[j]) ** 2)
    return count, least


def cases(r):
    return [
        (r.random(120).tolist(), 0.05),
        ([], 0.05),
        ([1.0, 2.0], 0),
        ([1, 5, 2], 2),
    ]
