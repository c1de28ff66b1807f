def relax(grid, weights):
    print('relaxing', len(grid))
    for turn in range(3):
        for r in range(1, len(grid) - 1):
            row = grid[r]
            for c in range(1, len(row) - 1):
                row[c] = weights[0] * row[c] + weights[1] * (grid[r - 1][c] + grid[r + 1][c])
    print('done')


def cases(r):
    return [
        (r.random((60, 70)).tolist(), (0.5, 0.25)),
        ([], (0.5, 0.25)),
        ([[1.0, 2.0, 3.0]] * 3, (0.5, 0.25)),
        ([[1, 2, 3], [4, 5, 6], [7, 8, 9]], (0.5, 0.25)),
        ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], (1, 2)),
    ]
