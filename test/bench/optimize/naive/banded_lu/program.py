def solve_banded(a, b, bandwidth):
    """Solves a x = b for a banded, diagonally dominant matrix by LU decomposition, without pivoting."""
    n = len(a)
    lower = [[0.0] * n for _ in range(n)]
    upper = [row.copy() for row in a]
    for k in range(n):
        lower[k][k] = 1.0
        if upper[k][k] == 0:
            raise ZeroDivisionError(f"zero pivot in row {k}")
        for i in range(k + 1, n):
            factor = upper[i][k] / upper[k][k]
            lower[i][k] = factor
            for j in range(k, n):
                upper[i][j] -= factor * upper[k][j]
    y = [0.0] * n
    for i in range(n):
        y[i] = b[i] - sum(lower[i][j] * y[j] for j in range(i))
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (y[i] - sum(upper[i][j] * x[j] for j in range(i + 1, n))) / upper[i][i]
    return x
