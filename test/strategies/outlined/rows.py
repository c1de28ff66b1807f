def rows(grid, n):
    made = []
    for k in range(n):
        row = []
        for value in grid[k]:
            row.append(value * 2 + sum(v * v for v in grid[k][:40]))
        made.append(row)
    columns = []
    for column in zip(*made):
        columns.append(sum(column))
    kept = [row[:] for row in made]
    kept[0][0] = -1.0
    return made, columns, kept


def cases(r):
    grid = [[float(v) for v in row] for row in r.random((150, 150))]
    return [(grid, 150), (grid, 0), (grid, 3), ([[1.0], [2.0, 3.0]], 2), ([[1, 2], [3, 4]], 2), ([[1.5, 2], [3, 4.0]], 2), ([[]], 1), (grid, 151)]
