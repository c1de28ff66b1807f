def primes(n):
    primes = []
    for k in range(2, n):
        if all(k % p for p in primes if p * p <= k):
            primes.append(k)
    return primes


def cases(r):
    return [
        (2500,),
        (0,),
        (2,),
        (3,),
        (30,),
        (10.0,),
    ]
