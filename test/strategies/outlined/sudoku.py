def find_empty(board):
    for i in range(len(board)):
        for j in range(len(board[0])):
            if board[i][j] == 0:
                return (i, j)
    return None


def fits(board, number, place):
    for k in range(9):
        if board[place[0]][k] == number or board[k][place[1]] == number:
            return False
    row, column = place[0] // 3 * 3, place[1] // 3 * 3
    for i in range(row, row + 3):
        for j in range(column, column + 3):
            if board[i][j] == number:
                return False
    return True


def fill(board):
    found = find_empty(board)
    if not found:
        return True
    row, column = found
    for number in range(1, 10):
        if fits(board, number, (row, column)):
            board[row][column] = number
            if fill(board):
                return True
            board[row][column] = 0
    return False


def sudoku(board):
    """The board filled in, and whether there is a way."""
    made = [list(row) for row in board]
    return made, fill(made)


def cases(r):
    def board(left, shift):
        full = [[(3 * (i % 3) + i // 3 + j + shift) % 9 + 1 for j in range(9)] for i in range(9)]
        for place in r.choice(81, left, replace=False):
            full[place // 9][place % 9] = 0
        return full

    wrong = board(30, 0)
    wrong[0][0] = wrong[0][1] = 5
    return [(board(46, 0),), (board(40, 4),), (board(0, 2),), (board(30, 1)[:5],), (wrong,)]
