class Matrix:
    """A sparse matrix by rows."""

    def __init__(self, size, triples):
        self.size = size
        self.rows = [[] for _ in range(size)]
        for i, j, value in triples:
            self.rows[i].append((j, value))

    def multiply(self, x):
        y = [0.0] * self.size
        for i, row in enumerate(self.rows):
            total = 0.0
            for j, value in row:
                total += value * x[j]
            y[i] = total
        return y


def power_iterations(size, triples, steps=30):
    matrix = Matrix(size, triples)
    x = [1.0] * size
    for _ in range(steps):
        y = matrix.multiply(x)
        norm = sum(v * v for v in y) ** 0.5
        if norm == 0:
            return x
        x = [v / norm for v in y]
    return x
