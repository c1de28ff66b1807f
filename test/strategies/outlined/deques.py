from collections import deque


def deques(values, k):
    queue = deque()
    out = []
    for i, v in enumerate(values):
        while queue and values[queue[-1]] <= v:
            queue.pop()
        queue.append(i)
        if queue[0] <= i - k:
            queue.popleft()
        if i >= k - 1:
            out.append(values[queue[0]])
    while len(queue) > 1:
        last = queue.pop()
        out.append(values[last])
    return out


def cases(r):
    return [
        ([float(v) for v in r.random(20000)], 25),
        ([1.0], 1),
        ([3.0, 2.0, 1.0, 0.0], 2),
        ([1, 2, 3], 2),
        ([float('nan'), 1.0, float('nan'), 0.5], 2),
        ([], 3),
        ([2.0, 1.0], 0),
    ]
