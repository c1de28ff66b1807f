import numpy as np

SOFTENING = 1e-3


def attraction(positions, masses, i, axis):
    """The pull on body i along one axis."""
    pull = 0.0
    for j in range(len(masses)):
        if j == i:
            continue
        square = SOFTENING
        for d in range(3):
            square += (positions[j, d] - positions[i, d]) ** 2
        pull += masses[j] * (positions[j, axis] - positions[i, axis]) / square**1.5
    return pull


def n_body(positions, velocities, masses, steps, dt=0.01):
    """Moves the bodies in place and returns nothing."""
    forces = np.zeros_like(positions)
    for _ in range(steps):
        for i in range(len(masses)):
            for axis in range(3):
                forces[i, axis] = attraction(positions, masses, i, axis)
        for i in range(len(masses)):
            for axis in range(3):
                velocities[i, axis] += forces[i, axis] * dt
                positions[i, axis] += velocities[i, axis] * dt


def make_case(random):
    n = int(random.integers(2, 8))
    return random.normal(size=(n, 3)), random.normal(size=(n, 3)), random.uniform(1, 2, n), 5
