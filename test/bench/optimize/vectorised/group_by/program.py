import numpy as np


def group_statistics(keys, values, weights):
    """Count, weighted mean, spread, minimum and maximum of values by key, from columns."""
    columns = {"key": [], "count": [], "mean": [], "std": [], "min": [], "max": []}
    for key in np.unique(keys):
        mask = keys == key
        group = values[mask]
        columns["key"].append(key)
        columns["count"].append(mask.sum())
        columns["mean"].append(np.sum(group * weights[mask]) / np.sum(weights[mask]))
        columns["std"].append(group.std())
        columns["min"].append(group.min())
        columns["max"].append(group.max())
    return {name: np.array(column) for name, column in columns.items()}
