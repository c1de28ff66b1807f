import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def rolling_features(values, window):
    """Running mean, spread and maximum of a series in which numbers are missing (NaN)."""
    windows = sliding_window_view(values, window)
    mean = np.nanmean(windows, axis=1)
    std = np.nanstd(windows, axis=1)
    top = np.nanmax(windows, axis=1)
    total = np.cumsum(np.nan_to_num(values))
    return mean, std, top, total
