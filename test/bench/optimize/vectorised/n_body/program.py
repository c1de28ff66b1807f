import numpy as np

G = 1.0
SOFTENING = 0.05


def accelerations(position, mass):
    separation = position[None, :, :] - position[:, None, :]
    squared = (separation**2).sum(axis=2) + SOFTENING**2
    return G * (separation * (mass[None, :] * squared**-1.5)[:, :, None]).sum(axis=1)


def simulate(position, velocity, mass, dt, steps):
    """Leapfrog; returns the positions, velocities and the energy of motion at every step."""
    position, velocity = position.copy(), velocity.copy()
    energy = []
    acceleration = accelerations(position, mass)
    for _ in range(steps):
        velocity += 0.5 * dt * acceleration
        position += dt * velocity
        acceleration = accelerations(position, mass)
        velocity += 0.5 * dt * acceleration
        energy.append(0.5 * np.sum(mass[:, None] * velocity**2))
    return position, velocity, np.array(energy)
