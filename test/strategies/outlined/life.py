def neighbours(grid, r, c):
    n = 0
    rows, cols = len(grid), len(grid[0])
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            if dr == 0 and dc == 0:
                continue
            n += grid[(r + dr) % rows][(c + dc) % cols]
    return n
def life(grid, steps):
    for _ in range(steps):
        new = []
        for r in range(len(grid)):
            row = []
            for c in range(len(grid[0])):
                n = neighbours(grid, r, c)
                row.append(1 if n == 3 or (n == 2 and grid[r][c]) else 0)
            new.append(row)
        grid = new
    return grid


def cases(r):
    return [
        (r.integers(0, 2, (50, 60)).tolist(), 4),
        ([[1]], 3),
        ([[0, 1, 0], [0, 1, 0], [0, 1, 0]], 1),
        ([[0, 1], [1]], 1),
        ([[1, 1], [1, 1]], 0),
        ([], 1),
    ]
