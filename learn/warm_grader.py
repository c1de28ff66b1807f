"""Preloaded once for the steps between trials and at the end: what `propose`, `grade`, `blend`, `judge_test`, `explain` and `deliver` import."""

import numpy  # noqa: F401
import optuna  # noqa: F401
import pandas  # noqa: F401
import pyarrow  # noqa: F401
