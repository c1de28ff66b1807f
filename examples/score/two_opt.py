"""The tour of tour.py, in which two roads are exchanged as long as that makes it shorter."""

import csv
import math
import os
import random


def main():
    with open('cities.csv') as file:
        cities = [(float(row['x']), float(row['y'])) for row in csv.DictReader(file)]
    chance = random.Random(int(os.environ.get('CRUCIBLE_SEED', '0')))
    tours = [shortened(nearest_neighbour(cities, chance.randrange(len(cities))), cities) for _ in range(8)]
    tour = min(tours, key=lambda each: length(each, cities))
    with open('tour.txt', 'w') as file:
        file.write('\n'.join(map(str, tour)) + '\n')


def nearest_neighbour(cities, start):
    tour = [start]
    left = set(range(len(cities))) - {start}
    while left:
        here = cities[tour[-1]]
        nearest = min(left, key=lambda city: math.dist(here, cities[city]))
        tour.append(nearest)
        left.remove(nearest)
    return tour


def shortened(tour, cities):
    """Turns the way between two cities round wherever the tour is shorter then."""
    count = len(tour)
    better = True
    while better:
        better = False
        for i in range(count - 1):
            for j in range(i + 2, count - (i == 0)):
                a, b, c, d = (cities[tour[k % count]] for k in (i, i + 1, j, j + 1))
                if math.dist(a, c) + math.dist(b, d) < math.dist(a, b) + math.dist(c, d) - 1e-9:
                    tour[i + 1 : j + 1] = reversed(tour[i + 1 : j + 1])
                    better = True
    return tour


def length(tour, cities):
    return sum(math.dist(cities[one], cities[other]) for one, other in zip(tour, tour[1:] + tour[:1]))


if __name__ == '__main__':
    main()
