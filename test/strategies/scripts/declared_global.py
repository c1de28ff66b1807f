calls = 0


def count():
    global calls
    calls += 1


def total(limit):
    found = 0
    for i in range(limit):
        found += i + calls
    return found


print(total(10))
count()
print(total(10))
