def count_runs(text):
    best, run, vowels = 0, 0, {}
    for i, letter in enumerate(text):
        if letter in 'aeiou':
            run += 1
            vowels[i % 7] = vowels.get(i % 7, 0) + 1
        else:
            run = 0
        if run > best:
            best = run
    return best, vowels


def cases(r):
    return [
        (''.join(r.choice(list('abcdeiou '), 6000)),),
        ('',),
        ('aaa',),
        ('xyz',),
        ('äöü aé',),
    ]
