import numpy as np


def colour_histogram(image, bins=8):
    """Joint histogram of an RGB picture and the mean brightness of every bin."""
    h, w, channels = image.shape
    if channels != 3:
        raise ValueError(f"expected three channels, got {channels}")
    counts = np.zeros((bins, bins, bins), dtype=int)
    brightness = np.zeros((bins, bins, bins))
    for y in range(h):
        for x in range(w):
            r, g, b = image[y, x]
            i = min(int(r * bins), bins - 1)
            j = min(int(g * bins), bins - 1)
            k = min(int(b * bins), bins - 1)
            counts[i, j, k] += 1
            brightness[i, j, k] += 0.299 * r + 0.587 * g + 0.114 * b
    mean = np.zeros_like(brightness)
    mask = counts > 0
    mean[mask] = brightness[mask] / counts[mask]
    return counts, mean
