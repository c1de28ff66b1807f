def edit_distance(s, t):
    """Edit distance."""
    prev = list(range(len(t) + 1))
    for i, a in enumerate(s, 1):
        cur = [i]
        for j, b in enumerate(t, 1):
            cur.append(min(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + (a != b)))
        prev = cur
    return prev[-1]


def cases(r):
    return [
        (''.join(r.choice(list('abcd'), 200)), ''.join(r.choice(list('abcd'), 210))),
        ('', ''),
        ('', 'abc'),
        ('abc', ''),
        ('kitten', 'sitting'),
        ('größe', 'grüße'),
    ]
