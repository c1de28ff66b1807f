import numpy as np


def scene(p):
    """Distance to a sphere and to a torus, joined smoothly."""
    sphere = np.linalg.norm(p - np.array([0.6, 0.2, 0.0]), axis=-1) - 0.7
    ring = np.sqrt(p[..., 0] ** 2 + p[..., 2] ** 2) - 1.1
    torus = np.sqrt(ring**2 + p[..., 1] ** 2) - 0.25
    h = np.clip(0.5 + 0.5 * (torus - sphere) / 0.2, 0.0, 1.0)
    return torus * (1 - h) + sphere * h - 0.2 * h * (1 - h)


def render(width, height, eye, steps=48):
    """Depth of every pixel by sphere tracing; infinity where nothing is hit."""
    x = np.linspace(-1.0, 1.0, width)
    y = np.linspace(-1.0, 1.0, height) * height / width
    directions = np.stack([*np.meshgrid(x, y), np.full((height, width), 1.5)], axis=-1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    depth = np.zeros((height, width))
    for _ in range(steps):
        depth = depth + scene(eye + depth[..., None] * directions)
    return np.where(depth < 8.0, depth, np.inf)
