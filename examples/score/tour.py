"""Writes a tour through all cities: always on to the nearest that was not visited yet, from a city that chance chooses."""

import csv
import math
import os
import random


def main():
    with open('cities.csv') as file:
        cities = [(float(row['x']), float(row['y'])) for row in csv.DictReader(file)]
    chance = random.Random(int(os.environ.get('CRUCIBLE_SEED', '0')))
    tour = [chance.randrange(len(cities))]
    left = set(range(len(cities))) - set(tour)
    while left:
        here = cities[tour[-1]]
        nearest = min(left, key=lambda city: math.dist(here, cities[city]))
        tour.append(nearest)
        left.remove(nearest)
    with open('tour.txt', 'w') as file:
        file.write('\n'.join(map(str, tour)) + '\n')


if __name__ == '__main__':
    main()
