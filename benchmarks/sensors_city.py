"""A made city whose truth is known: a model with bias and a smooth error, 150 stations, 25 of them faulty.

The same planting as in the trial this project's figures come from: ten without radiation shield, six indoors, four in
Fahrenheit, five with an offset of -2 K, on 20 km x 20 km at 100 m, noise 0.3 K.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MadeCity:
    """Truth and model on a grid, and the stations: indices, places [m], observed values, and which are faulty."""

    axis: np.ndarray
    truth: np.ndarray
    model: np.ndarray
    row: np.ndarray
    column: np.ndarray
    x: np.ndarray
    y: np.ndarray
    observed: np.ndarray
    kind: np.ndarray


def exponential_field(rng: np.random.Generator, size: int, spacing: float, sigma: float, length: float) -> np.ndarray:
    """Return a Gaussian field with exponential covariance, by circulant embedding on a torus of four times the side."""
    wide = 4 * size
    lag = np.minimum(np.arange(wide), wide - np.arange(wide)) * spacing
    covariance = sigma**2 * np.exp(-np.hypot(lag[:, None], lag[None, :]) / length)
    spectrum = np.clip(np.fft.fft2(covariance).real, 0, None)
    noise = rng.normal(size=(wide, wide)) + 1j * rng.normal(size=(wide, wide))
    field = np.fft.fft2(np.sqrt(spectrum) * noise).real / wide
    return field[:size, :size]


def made_city(seed: int) -> MadeCity:
    """Return the city of a seed."""
    rng = np.random.default_rng(seed)
    axis = np.arange(0, 20000, 100.0)
    X, Y = np.meshgrid(axis, axis)
    height = 80 + 120 * (Y / 20000) + 20 * np.sin(X / 3000)
    island = 3.5 * np.exp(-((X - 10000) ** 2 + (Y - 9000) ** 2) / (2 * 4000**2))
    model = 24 - 0.0065 * (height - 100) + island
    truth = model + 0.8 + 0.35 * (island - island.mean()) + exponential_field(rng, 200, 100.0, 0.6, 3000.0)
    count = 150
    column, row = rng.integers(0, 200, count), rng.integers(0, 200, count)
    observed = truth[row, column] + rng.normal(0, 0.3, count)
    kind = np.array(["ok"] * count, dtype=object)
    bad = rng.permutation(count)[:25]
    kind[bad[:10]] = "radiation"
    observed[bad[:10]] += rng.uniform(1.5, 5, 10)
    kind[bad[10:16]] = "indoor"
    observed[bad[10:16]] = rng.uniform(20, 22, 6)
    kind[bad[16:20]] = "fahrenheit"
    observed[bad[16:20]] = observed[bad[16:20]] * 9 / 5 + 32
    kind[bad[20:]] = "offset"
    observed[bad[20:]] -= 2.0
    return MadeCity(axis, truth, model, row, column, axis[column], axis[row], observed, kind)
