SCALE = 2


def scaled(count):
    total = 0
    for i in range(count):
        total += SCALE * i
    return total


print(scaled(10))
SCALE = 3
print(scaled(10))
