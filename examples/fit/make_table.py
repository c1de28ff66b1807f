"""Writes flats.csv: 1,500 flats that were offered, and whether each was sold. Which were is partly chance."""

import csv
import math
import random

random.seed(1)
with open('flats.csv', 'w', newline='') as file:
    table = csv.writer(file)
    table.writerow(['rooms', 'size', 'district', 'built', 'balcony', 'sold'])
    for _ in range(1500):
        rooms = random.randint(1, 6)
        size = rooms * 20 + random.gauss(0, 8)
        district = random.choice(['north', 'south', 'east', 'west', 'old town'])
        built = random.randint(1900, 2020)
        balcony = random.choice(['yes', 'no'])
        wanted = 0.04 * size - 2.5 + 1.5 * (district == 'old town') - 0.8 * (built < 1950) + 0.6 * (balcony == 'yes')
        sold = random.random() < 1 / (1 + math.exp(-wanted - random.gauss(0, 0.7)))
        table.writerow([rooms, '' if random.random() < 0.05 else f'{size:.1f}', district, built, balcony, 'yes' if sold else 'no'])
