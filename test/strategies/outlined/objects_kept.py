class Counter2:
    def __init__(self, start, step=2):
        self.value = start
        self.step = step
        self.seen = []

    def bump(self, by):
        self.value += by * self.step
        self.seen.append(self.value)
        if self.value > 1000:
            self.value = 0
            return True
        return False

    def total(self):
        return sum(self.seen) + self.step


def objects_kept(values, start):
    c = Counter2(start, step=3)
    wraps = 0
    for v in values:
        wrapped = c.bump(v)
        if wrapped:
            wraps += 1
    return c.total(), wraps, c.value


def cases(r):
    return [([int(v) for v in r.integers(0, 30, 30000)], 1), ([], 5), ([1.5, 2.0], 0), ([5000], 0), ([10**18, 10**18], 1), (['a'], 1)]
