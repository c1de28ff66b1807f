class Grid:
    def __init__(self, cells):
        self.cells = [row[:] for row in cells]
        self.height, self.width = len(cells), len(cells[0])

    def burning(self, row, column):
        found = 0
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                if self.cells[(row + dr) % self.height][(column + dc) % self.width] == 2:
                    found += 1
        return found

    def step(self):
        made = [[0] * self.width for _ in range(self.height)]
        for row in range(self.height):
            for column in range(self.width):
                if self.cells[row][column] == 1:
                    made[row][column] = 2 if self.burning(row, column) > 0 else 1
        self.cells = made

    def count(self, what):
        return sum(row.count(what) for row in self.cells)


def forest_fire(cells, steps):
    grid = Grid(cells)
    history = []
    for _ in range(steps):
        grid.step()
        history.append((grid.count(1), grid.count(2), grid.cells[0].index(grid.cells[0][1])))
    return history


def cases(r):
    def cells(n, k=3):
        return [[int(v) for v in row] for row in r.choice(k, (n, n + 2), p=[0.3, 0.68, 0.02][:k] if k == 3 else None)]

    return [(cells(40), 20), (cells(5), 3), (cells(2, 2), 4), ([[1.0, 2.0], [1.0, 0.0]], 2), ([['a', 'b']], 1), ([], 1), (cells(3), 0)]
