import numpy as np


def k_means_step(points, centres):
    """One step of Lloyd's algorithm: labels, new centres and the inertia."""
    distances = np.sqrt(((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=-1))
    labels = distances.argmin(axis=1)
    new_centres = np.array(
        [points[labels == k].mean(axis=0) if np.any(labels == k) else centres[k] for k in range(len(centres))]
    )
    inertia = float((distances[np.arange(len(points)), labels] ** 2).sum())
    return labels, new_centres, inertia
