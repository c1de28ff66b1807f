import math

import numpy as np


def asian_option(spot, strike, rate, volatility, years, steps, paths, seed):
    """Price and standard error of an arithmetic Asian call with a barrier."""
    rng = np.random.default_rng(seed)
    dt = years / steps
    drift = (rate - 0.5 * volatility**2) * dt
    scale = volatility * math.sqrt(dt)
    payoffs = []
    for _ in range(paths):
        price, total, alive = spot, 0.0, True
        for z in rng.standard_normal(steps):
            price *= math.exp(drift + scale * z)
            if price > 2 * spot:
                alive = False
                break
            total += price
        payoffs.append(max(total / steps - strike, 0.0) if alive else 0.0)
    discount = math.exp(-rate * years)
    mean = sum(payoffs) / paths
    variance = sum((p - mean) ** 2 for p in payoffs) / (paths - 1)
    return discount * mean, discount * math.sqrt(variance / paths)
