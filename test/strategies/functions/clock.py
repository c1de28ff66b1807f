"""Signs and rounding: what Python and C++ do differently."""

import math

SCALE = 2.5


def split(value, unit):
    whole = value // unit
    return whole, value % unit, -value // 3, -value % 7


def clock(seconds, unit=4, *, shift=SCALE):
    total = 0
    last = 0.0
    for index in range(-len(seconds), 0, 2):
        whole, rest, down, left = split(seconds[index], unit)
        total += whole + 10 * rest + 100 * down + 1000 * left
        last = seconds[index] / unit % shift - (-seconds[index]) // shift
        last += math.floor(-shift) + round(shift * 1.0) + (seconds[index] if -3 < seconds[index] <= 5 else 2**3)
    for second in seconds:
        total -= min(second, unit, 3) * max(1, second)
    return total, last, last > 0 and total > 0


def make_case(random):
    return (random.integers(-50, 50, int(random.integers(1, 30))),)
