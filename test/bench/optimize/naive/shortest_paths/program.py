import heapq
from collections import defaultdict


def distances_from(edges, source):
    """Dijkstra's algorithm. edges: list of (from, to, length)."""
    graph = defaultdict(list)
    for u, v, length in edges:
        graph[u].append((v, length))
        graph[v].append((u, length))
    dist = {source: 0.0}
    done = set()
    queue = [(0.0, source)]
    while queue:
        d, u = heapq.heappop(queue)
        if u in done:
            continue
        done.add(u)
        for v, length in graph[u]:
            candidate = d + length
            if v not in dist or candidate < dist[v]:
                dist[v] = candidate
                heapq.heappush(queue, (candidate, v))
    return dist
