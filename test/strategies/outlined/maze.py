import heapq


def maze(grid, start, goal):
    rows, columns = len(grid), len(grid[0])
    waiting = [(0, start)]
    score = {start: 0}
    looked = 0
    while waiting:
        _, current = heapq.heappop(waiting)
        looked += 1
        if current == goal:
            return score[current], looked
        for dx, dy in [(-1, 0), (1, 0), (0, -1), (0, 1)]:
            neighbour = (current[0] + dx, current[1] + dy)
            if not (0 <= neighbour[0] < rows and 0 <= neighbour[1] < columns) or grid[neighbour[0]][neighbour[1]] == 1:
                continue
            tentative = score[current] + 1
            if tentative < score.get(neighbour, float('inf')):
                score[neighbour] = tentative
                heapq.heappush(waiting, (tentative + abs(neighbour[0] - goal[0]) + abs(neighbour[1] - goal[1]), neighbour))
    return -1, looked


def cases(r):
    def grid(n):
        made = [[int(v) for v in row] for row in r.random((n, n)) < 0.2]
        made[0][0] = made[-1][-1] = 0
        return made

    return [(grid(70), (0, 0), (69, 69)), (grid(5), (0, 0), (4, 4)), ([[0, 1], [1, 0]], (0, 0), (1, 1)), ([[0]], (0, 0), (0, 0)), ([], (0, 0), (0, 0))]
