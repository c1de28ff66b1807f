"""Preloaded once for the steps between trials: what `propose`, `grade` and `blend` import."""

import numpy  # noqa: F401
import optuna  # noqa: F401
