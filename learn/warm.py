"""Preloaded once for all trials of a job: the libraries, and the table in memory. Every fork finds both as they were."""

from __future__ import annotations

import os
from pathlib import Path

import catboost  # noqa: F401
import lightgbm  # noqa: F401
import numpy  # noqa: F401
import pandas  # noqa: F401
import scipy.special  # noqa: F401
import skops.io  # noqa: F401
import sklearn.ensemble  # noqa: F401
import sklearn.linear_model  # noqa: F401
import sklearn.neighbors  # noqa: F401
import sklearn.neural_network  # noqa: F401
import sklearn.svm  # noqa: F401
import xgboost  # noqa: F401
from step import read_frame

BASE = Path(os.environ.get('LEARN_BASE', '/base'))
TABLES = {str(BASE / name): read_frame(BASE / name) for name in ('features.arrow',) if (BASE / name).exists()}
