def cluster_sizes(grid):
    """Sizes of the 4-connected clusters of ones, largest first, by union-find."""
    rows, cols = len(grid), len(grid[0])
    parent = list(range(rows * cols))

    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    def union(a, b):
        ra, rb = find(a), find(b)
        if ra != rb:
            parent[max(ra, rb)] = min(ra, rb)

    for r in range(rows):
        for c in range(cols):
            if not grid[r][c]:
                continue
            if r > 0 and grid[r - 1][c]:
                union(r * cols + c, (r - 1) * cols + c)
            if c > 0 and grid[r][c - 1]:
                union(r * cols + c, r * cols + c - 1)
    sizes = {}
    for r in range(rows):
        for c in range(cols):
            if grid[r][c]:
                root = find(r * cols + c)
                sizes[root] = sizes.get(root, 0) + 1
    return sorted(sizes.values(), reverse=True)
