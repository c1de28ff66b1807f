def components(n, edges):
    parent = list(range(n))
    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x
    count = n
    for a, b in edges:
        ra, rb = find(a), find(b)
        if ra != rb:
            parent[ra] = rb
            count -= 1
    return count


def cases(r):
    return [
        (20000, [tuple(e) for e in r.integers(0, 20000, (30000, 2)).tolist()]),
        (0, []),
        (3, []),
        (3, [(0, 1), (1, 2), (0, 2)]),
        (2, [(0, 5)]),
        (3, [(0, -1), (1, 2)]),
        (3, [[0, 1], [1, 2]]),
    ]
