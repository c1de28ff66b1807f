"""Says how long a tour is. Crucible runs it in the grader's sandbox; no candidate sees it."""

import csv
import math


def evaluate(inputs, outputs):
    """The length of the closed tour in tour.txt, which names every city of cities.csv once, one a line, counted from 0."""
    with open(inputs / 'cities.csv') as file:
        cities = [(float(row['x']), float(row['y'])) for row in csv.DictReader(file)]
    tour = [int(line) for line in (outputs / 'tour.txt').read_text().split()]
    assert sorted(tour) == list(range(len(cities))), f'expected each of {len(cities)} cities once, got {len(tour)} lines'
    return sum(math.dist(cities[one], cities[other]) for one, other in zip(tour, tour[1:] + tour[:1]))
