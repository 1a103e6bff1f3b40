#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes features.safetensors: what NumPy and SciPy compute for the features of include/smldist/data/features.hpp.

Run with a Python that has numpy and scipy (made with 1.24 and 1.10):  python3 make_features.py
Cases are windows of a length at a rate, with channels 0, 1, 2 of one sensor and channel 3 by itself. Arrays are named
<case>/x (N, L, 4), <case>/y (N, F), and <case>/rate (1).
"""
import os

import numpy as np
from scipy import stats

from safetensors_numpy import save

random = np.random.default_rng(20261130)


def crossings(x, rate):
    return np.count_nonzero(np.diff(np.signbit(x))) / ((len(x) - 1) / rate)


def in_time(x, rate):
    d = x - x.mean()
    q = np.percentile(x, [25, 75])
    yield from (x.mean(), x.std(), stats.median_abs_deviation(x), x.min(), x.max(), q[1] - q[0], np.mean(x ** 2),
                crossings(x, rate), crossings(d, rate), stats.skew(x), stats.kurtosis(x))
    for lag in (1, 2, 4, 8, 16):
        yield np.sum(d[:-lag] * d[lag:]) / np.sum(d * d) if lag < len(x) else 0


def in_frequency(x, rate):
    n = len(x)
    hann = np.hanning(n + 1)[:n]
    y = np.abs(np.fft.rfft((x - x.mean()) * hann)[1:]) ** 2 * 2
    if n % 2 == 0:
        y[-1] /= 2
    y /= n * np.sum(hann ** 2)
    f = np.fft.rfftfreq(n, 1 / rate)[1:]
    p = y / y.sum()
    yield from (f[np.argmax(y)], p.max(), np.sum(f * p), stats.entropy(p) / np.log(len(p)))
    edges = [rate / 2 ** (j + 1) for j in range(1, 6)] + [0]
    above = rate  # so that half the rate belongs to the first
    for edge in edges:
        yield y[(f >= edge) & (f < above)].sum()
        above = edge


def features(x, rate):
    """Of one window (L, 4)."""
    for c in range(4):
        yield from in_time(x[:, c], rate)
        yield from in_frequency(x[:, c], rate)
        yield from in_time(np.diff(x[:, c]) * rate, rate)
    v = x[:, :3]
    length = np.linalg.norm(v, axis=1)
    yield from in_time(length, rate)
    yield from in_frequency(length, rate)
    yield from in_time(np.linalg.norm(np.diff(v, axis=0), axis=1) * rate, rate)
    r = np.corrcoef(v.T)
    yield from (r[0, 1], r[0, 2], r[1, 2], np.mean(np.abs(v).sum(axis=1)))


arrays = {}
for case, windows, length, rate in (("l128", 4, 128, 50.0), ("l50", 2, 50, 1.0), ("l96", 2, 96, 20.0), ("l9", 2, 9, 100.0)):
    t = np.arange(length)[None, :, None] / rate
    tone = np.sin(2 * np.pi * rate * random.uniform(0.02, 0.2, (windows, 1, 4)) * t + random.uniform(0, 6, (windows, 1, 4)))
    x = random.normal(0, 1, (windows, 1, 4)) + tone * random.uniform(0.2, 2, (windows, 1, 4)) \
        + random.normal(0, 0.3, (windows, length, 4))
    x = x.astype(np.float32)
    y = np.array([list(features(window.astype(np.float64), rate)) for window in x])
    arrays |= {f"{case}/x": x, f"{case}/y": y, f"{case}/rate": np.array([rate])}
save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "features.safetensors"), arrays)
