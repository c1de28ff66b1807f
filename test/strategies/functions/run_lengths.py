import numpy as np


def run_lengths(codes, least):
    """For each place the length of the run of equal codes that it lies in, zero for runs shorter than `least`."""
    lengths = np.zeros(len(codes), dtype=np.int64)
    start = 0
    while start < len(codes):
        end = end_of_run(codes, start)
        if end - start >= least:
            for i in range(start, end):
                lengths[i] = end - start
        start = end
    return lengths


def end_of_run(codes, start):
    end = start + 1
    while end < len(codes) and codes[end] == codes[start]:
        end += 1
    return end


def make_case(random):
    return random.integers(0, 2, int(random.integers(1, 300))), 2
