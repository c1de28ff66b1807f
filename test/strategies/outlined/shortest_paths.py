import heapq
def shortest_paths(graph, source):
    dist = [float('inf')] * len(graph)
    dist[source] = 0
    heap = [(0, source)]
    while heap:
        d, u = heapq.heappop(heap)
        if d > dist[u]:
            continue
        for v, w in graph[u]:
            nd = d + w
            if nd < dist[v]:
                dist[v] = nd
                heapq.heappush(heap, (nd, v))
    return dist


def cases(r):
    return [
        ([[(int(r.integers(3000)), float(r.random())) for _ in range(12)] for _ in range(3000)], 0),
        ([[]], 0),
        ([[(1, 2.5)], [(0, 0.5)], []], 0),
        ([[(1, 2)], [(2, 3)], []], 0),
        ([[(5, 1.0)]], 0),
        ([[(1, 1.0)], []], 7),
    ]
