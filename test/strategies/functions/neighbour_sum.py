def neighbour_sum(values):
    """Each turn reads what the turn before wrote."""
    for i in range(1, len(values)):
        values[i] = 0.5 * values[i - 1] + values[i]
    return values


def make_case(random):
    return (random.normal(size=int(random.integers(1, 50))),)
