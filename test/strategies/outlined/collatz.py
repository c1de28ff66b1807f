from itertools import permutations


def steps(n):
    while n != 1:
        yield n
        if n % 2 == 0:
            n //= 2
        else:
            n = 3 * n + 1
    yield 1


def shortest(distances):
    best = float('inf')
    for order in permutations(range(len(distances)), 3):
        path = [0] + list(order)
        length = sum(distances[path[i]][path[i + 1]] for i in range(len(path) - 1))
        if length < best:
            best = length
    return best


def collatz(limit, distances):
    best, longest, peak = 1, 1, 1
    for start in range(1, limit):
        length = 0
        for value in steps(start):
            length += 1
            peak = max(peak, value)
        if length > longest:
            best, longest = start, length
    return best, longest, peak, shortest(distances)


def cases(r):
    def matrix(n):
        return [[float(v) for v in row] for row in r.random((n, n))]

    return [(3000, matrix(9)), (2, matrix(3)), (0, matrix(2)), (40, [[1.0]]), (60, [[2, 3, 4], [1, 2, 3], [5, 6, 7]]), (5.5, matrix(3))]
