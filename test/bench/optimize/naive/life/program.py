def count_neighbours(board, r, c):
    total = 0
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            if dr == 0 and dc == 0:
                continue
            total += board[(r + dr) % len(board)][(c + dc) % len(board[0])]
    return total


def evolve(board, generations):
    for _ in range(generations):
        new_board = []
        for r in range(len(board)):
            row = []
            for c in range(len(board[0])):
                n = count_neighbours(board, r, c)
                row.append(1 if n == 3 or (n == 2 and board[r][c] == 1) else 0)
            new_board.append(row)
        board = new_board
    return board
