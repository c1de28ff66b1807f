from collections import deque
def flood(grid, start, goal):
    rows, cols = len(grid), len(grid[0])
    seen = [[False] * cols for _ in range(rows)]
    q = deque()
    q.append((start[0], start[1], 0))
    seen[start[0]][start[1]] = True
    while q:
        r, c, d = q.popleft()
        if (r, c) == goal:
            return d
        for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            nr, nc = r + dr, c + dc
            if 0 <= nr < rows and 0 <= nc < cols and not seen[nr][nc] and grid[nr][nc] == 0:
                seen[nr][nc] = True
                q.append((nr, nc, d + 1))
    return -1


def cases(r):
    return [
        ((r.random((80, 80)) < 0.2).astype(int).tolist(), (0, 0), (79, 79)),
        ([[0]], (0, 0), (0, 0)),
        ([[0, 1], [1, 0]], (0, 0), (1, 1)),
        ([[0, 0], [0, 0]], (0, 0), (1, 1)),
        ([[0]], (3, 0), (0, 0)),
    ]
