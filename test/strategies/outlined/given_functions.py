import math

DAMPING = 0.1


def slope(x):
    return math.sin(3 * x) - DAMPING * x


square = lambda x: x * x


def simpson(f, a, b, n=100):
    h = (b - a) / n
    total = f(a) + f(b)
    for i in range(1, n):
        total += (4 if i % 2 else 2) * f(a + i * h)
    return total * h / 3


def bisect(f, low, high, turns):
    for _ in range(turns):
        middle = (low + high) / 2
        if f(low) * f(middle) <= 0:
            high = middle
        else:
            low = middle
    return low


def step(f, y, t, h):
    k1 = f(y, t)
    k2 = f([y[i] + h / 2 * k1[i] for i in range(len(y))], t + h / 2)
    return [y[i] + h * k2[i] for i in range(len(y))]


def given_functions(theta, length, n):
    def swing(state, t):
        return [state[1], -9.81 / length * math.sin(state[0]) - DAMPING * state[1] + 0.5 * math.cos(t)]

    y, out = [theta, 0.0], []
    for k in range(n):
        y = step(swing, y, k * 0.01, 0.01)
        out.append(y[0])
    roots = [bisect(lambda x: math.cos(x) - x * k / n, 0.0, 2.0, 30) for k in range(1, n)]
    return out, simpson(slope, 0.0, theta), simpson(square, 0, 1, n=50), sum(roots)


def cases(r):
    return [(0.7, 1.3, 900), (0.2, 2.0, 3), (0.0, 1.0, 0), (1, 2, 5), (0.5, 0.0, 4), (0.5, 0, 0)]
