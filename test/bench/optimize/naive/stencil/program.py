"""Heat in a plate, as a list of rows."""


def diffuse(plate, steps, rate=0.2):
    """Explicit steps with a fixed rim."""
    if not plate or not plate[0]:
        raise ValueError(f"plate is empty: {plate!r}")
    height = len(plate)
    width = len(plate[0])
    current = [row[:] for row in plate]
    for _ in range(steps):
        following = [row[:] for row in current]
        for i in range(1, height - 1):
            for j in range(1, width - 1):
                around = current[i - 1][j] + current[i + 1][j] + current[i][j - 1] + current[i][j + 1]
                following[i][j] = current[i][j] + rate * (around - 4 * current[i][j])
        current = following
    return current
