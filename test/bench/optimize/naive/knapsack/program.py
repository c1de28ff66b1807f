def best_value(items, capacity):
    """0/1 knapsack. items: list of (weight, value). Returns the value and which items were taken."""
    table = [[0] * (capacity + 1) for _ in range(len(items) + 1)]
    for i, (weight, value) in enumerate(items, 1):
        for c in range(capacity + 1):
            table[i][c] = table[i - 1][c]
            if weight <= c and table[i - 1][c - weight] + value > table[i][c]:
                table[i][c] = table[i - 1][c - weight] + value
    taken, c = [], capacity
    for i in range(len(items), 0, -1):
        if table[i][c] != table[i - 1][c]:
            taken.append(i - 1)
            c -= items[i - 1][0]
    return table[-1][-1], sorted(taken)
