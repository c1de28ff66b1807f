import numpy as np


def tabbed(x, weight=0.25):
	"""Begins with a byte order mark and is indented by tabs."""
	rows, columns = x.shape
	out = np.zeros((rows, columns))
	count = np.zeros(columns)
	for r in range(1, rows - 1):
		# Every turn adds to all columns.
		for c in range(1, columns - 1):
			out[r, c] = weight * (x[r - 1, c] + x[r + 1, c]
		+ x[r, c - 1] + x[r, c + 1])
			count[c] += out[r, c]
	return out, count


def make_case(random):
	rows, columns = random.integers(3, 20, size=2)
	return (random.normal(size=(int(rows), int(columns))),)
