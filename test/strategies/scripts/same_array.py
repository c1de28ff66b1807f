"""One array is given as both arguments: sharing the loop out would read what another turn writes."""

import numpy as np


def shifted(out, values):
    for i in range(1, out.shape[0]):
        for _ in range(3):
            out[i] = values[i - 1] + 1
    return out


values = np.arange(50.0)
print(shifted(values, values))
