"""The map and the sensors become one: optimal interpolation of what stations read beyond the model's first guess.

``x_a = x_b + B_H (H B H^T + R)^-1 (y - H x_b)`` with the covariances of :mod:`twin.sensors.covariance`; beside the map
stands its error, and the score that says how far to trust it: leave-one-out error, reduced chi-square of the
innovations, and how often the 90 % interval held. After Daley, Atmospheric Data Analysis (1991), chapter 4. Only
values whose flag is good take part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import map_coordinates

from twin.errors import InputError
from twin.language import text
from twin.sensors.covariance import ErrorModel, distances, error_model, station_error
from twin.sensors.neighbours import neighbour_outliers
from twin.sensors.records import Flag

__all__ = ["Score", "fuse", "interpolate"]

_QUANTILE = 1.6449  # of the normal distribution: 90 % lie within
_FEWEST = 5  # stations from which on the spread is taken from the innovations themselves


@dataclass(frozen=True)
class Score:
    """How well the fused map predicts stations that were left out.

    Parameters
    ----------
    stations, left_out : int
        Stations used, and those that did not fit their neighbours.
    rmse, rmse_model : float
        Root mean square error at left-out stations, of the fused map and of the model alone.
    chi2 : float
        Mean square of the innovations over what was expected; 0.8 to 1.2 is consistent.
    coverage : float
        Share of left-out stations within the 90 % interval.
    """

    stations: int
    left_out: int
    rmse: float
    rmse_model: float
    chi2: float
    coverage: float


@dataclass(frozen=True)
class _Analysis:
    weights: np.ndarray
    inverse: np.ndarray
    model: ErrorModel
    middle: float


def _solve(
    x: np.ndarray, y: np.ndarray, residual: np.ndarray, guess: np.ndarray, error: np.ndarray, model: ErrorModel
) -> tuple[_Analysis, Score]:
    """Fit the residuals of stations; the size of the smooth part follows from leaving each station out."""
    middle = float(np.median(guess))
    distance = distances(x, y, x, y)
    for _ in range(4):
        matrix = model.covariance(distance, guess - middle, guess - middle) + np.diag(error**2)
        inverse = np.linalg.inv(matrix)
        weights = inverse @ residual
        variance = 1.0 / np.diag(inverse)
        left = weights * variance  # residual minus its prediction by all others
        chi2 = float(np.mean(left**2 / variance))
        if len(x) < _FEWEST or 0.9 <= chi2 <= 1.1:
            break
        model = model.times(float(np.clip(chi2, 0.25, 4.0)))
    inside = np.abs(left) <= _QUANTILE * np.sqrt(variance)
    rmse, alone = float(np.sqrt(np.mean(left**2))), float(np.sqrt(np.mean(residual**2)))
    score = Score(len(x), 0, rmse, alone, chi2, float(inside.mean()))
    return _Analysis(weights, inverse, model, middle), score


def interpolate(
    x: np.ndarray,
    y: np.ndarray,
    residual: np.ndarray,
    guess: np.ndarray,
    error: np.ndarray,
    model: ErrorModel,
    to_x: np.ndarray,
    to_y: np.ndarray,
    to_guess: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, Score]:
    """Return the correction of a first guess at points, its standard deviation, and the score.

    Parameters
    ----------
    x, y, residual, guess, error : numpy.ndarray, shape (n,)
        Stations: place [m], observation minus first guess, first guess, error of the station.
    model : ErrorModel
        Errors of the first guess; the size of its smooth part is adjusted to the innovations.
    to_x, to_y, to_guess : numpy.ndarray, shape (m,)
        Points [m] and the first guess there.

    Returns
    -------
    tuple
        Correction and its standard deviation, shape (m,), and the :class:`Score`.
    """
    analysis, score = _solve(x, y, residual, guess, error, model)
    increment, spread = np.empty(len(to_x)), np.empty(len(to_x))
    own = analysis.model
    for first in range(0, len(to_x), 8192):  # bounded memory
        part = slice(first, first + 8192)
        pattern = to_guess[part] - analysis.middle
        cross = own.covariance(distances(to_x[part], to_y[part], x, y), pattern, guess - analysis.middle)
        increment[part] = cross @ analysis.weights
        prior = own.sigma**2 + own.bias**2 + own.scale**2 * pattern**2
        variance = prior - np.einsum("ij,ij->i", cross @ analysis.inverse, cross)
        spread[part] = np.sqrt(np.maximum(variance, 0.0))
    return increment, spread, score


def fuse(
    first_guess: xr.DataArray, stations: pd.DataFrame, name: str, *, check: bool = True
) -> tuple[xr.Dataset, pd.DataFrame]:
    """Return a map corrected by stations, with its error, and what became of each station.

    Parameters
    ----------
    first_guess : xarray.DataArray
        Modelled map (y, x) in projected coordinates [m]; cells that are NaN stay NaN.
    stations : pandas.DataFrame
        Columns ``x``, ``y`` [m], ``result``, ``flag`` and ``station_class``.
    name : str
        Observed property, such as ``air_temperature``.
    check : bool
        Test stations against their neighbours first.

    Returns
    -------
    tuple of xarray.Dataset and pandas.DataFrame
        Variables ``name`` and ``name_error`` (standard deviation) with the score in ``attrs``; and the stations with
        ``first_guess``, ``used`` and ``why_not`` ("", "flag", "outside", "neighbour").

    Raises
    ------
    InputError
        If no station with a good value stands on the map.

    Examples
    --------
    >>> axis = np.arange(0.0, 2000.0, 100.0)
    >>> guess = xr.DataArray(np.full((20, 20), 20.0), coords={"y": axis[::-1], "x": axis}, dims=("y", "x"))
    >>> stations = pd.DataFrame({"x": [500.0, 1500.0], "y": [500.0, 1500.0], "result": [21.0, 21.2], "flag": 1, "station_class": "reference"})
    >>> fused, used = fuse(guess, stations, "air_temperature")
    >>> bool(20.8 < float(fused["air_temperature"].mean()) < 21.2)
    True
    """
    table = stations.copy()
    table["first_guess"] = _at(first_guess, table["x"].to_numpy(float), table["y"].to_numpy(float))
    good = (table["flag"] == Flag.GOOD).to_numpy() & np.isfinite(table["result"].to_numpy(float))
    inside = np.isfinite(table["first_guess"].to_numpy())
    table["why_not"] = np.where(~good, "flag", np.where(~inside, "outside", ""))
    if not (good & inside).any():
        raise InputError(text("sensors.fusion_none", property=name, count=len(table)))
    model = error_model(name)
    error = np.array([station_error(name, kind) for kind in table["station_class"]])
    usable = np.flatnonzero(good & inside)
    x, y, value, guess = (table[column].to_numpy(float)[usable] for column in ("x", "y", "result", "first_guess"))
    left_out = np.zeros(len(usable), bool)
    if check:
        left_out = neighbour_outliers(x, y, value, guess, error[usable], model).outlier
        why_not = table["why_not"].to_numpy().copy()
        why_not[usable[left_out]] = "neighbour"
        table["why_not"] = why_not
    table["used"] = table["why_not"] == ""
    kept = ~left_out
    fused = _on_map(
        first_guess, name, model, (x[kept], y[kept], (value - guess)[kept], guess[kept], error[usable][kept])
    )
    fused.attrs["left_out"] = int(left_out.sum())
    return fused, table


def _on_map(first_guess: xr.DataArray, name: str, model: ErrorModel, stations: tuple[np.ndarray, ...]) -> xr.Dataset:
    """Correct a map. The smooth part is computed on a coarser grid where cells are far finer than its reach."""
    cells_y, cells_x = first_guess["y"].to_numpy().astype(float), first_guess["x"].to_numpy().astype(float)
    guess = first_guess.to_numpy().astype(float)
    step_y, step_x = _stride(cells_y, model.length), _stride(cells_x, model.length)
    coarse_y, coarse_x = _coarse(cells_y, step_y), _coarse(cells_x, step_x)
    # The stretch of the pattern is linear in the first guess: two levels of it give every other.
    levels = np.nanpercentile(guess, [5.0, 95.0]) if np.isfinite(guess).any() else np.zeros(2)
    X, Y = np.meshgrid(coarse_x, coarse_y)
    points = len(X.ravel())
    wanted = np.repeat([levels[0], levels[1], levels.mean()], points)
    x, y, residual, at_stations, error = stations
    increment, spread, score = interpolate(
        x, y, residual, at_stations, error, model, np.tile(X.ravel(), 3), np.tile(Y.ravel(), 3), wanted
    )
    low, high, _ = (
        _refined(part.reshape(X.shape), cells_y, coarse_y, cells_x, coarse_x) for part in np.split(increment, 3)
    )
    share = (guess - levels[0]) / max(levels[1] - levels[0], 1e-9)
    correction = low + (high - low) * share if levels[1] > levels[0] else low
    squares = [part.reshape(X.shape) ** 2 for part in np.split(spread, 3)]
    a, b, c = (_refined(part, cells_y, coarse_y, cells_x, coarse_x) for part in squares)
    # The variance is a parabola in the first guess, known at three levels: 0, 1 and one half.
    variance = a + (4 * c - 3 * a - b) * share + (2 * a + 2 * b - 4 * c) * share**2 if levels[1] > levels[0] else a
    values = {
        name: guess + correction,
        f"{name}_error": np.where(np.isfinite(guess), np.sqrt(np.maximum(variance, 0)), np.nan),
    }
    fused = xr.Dataset(
        {key: (("y", "x"), value.astype(np.float32)) for key, value in values.items()}, first_guess.coords
    )
    for key in values:
        fused[key].attrs |= {"units": first_guess.attrs.get("units", ""), "long_name": key.replace("_", " ")}
    fused.attrs |= {
        "stations": score.stations,
        "leave_one_out_rmse": score.rmse,
        "leave_one_out_rmse_model": score.rmse_model,
        "reduced_chi2": score.chi2,
        "coverage_90": score.coverage,
    }
    return fused


def _stride(cells: np.ndarray, length: float) -> int:
    """Return how many cells make 1/150 of the reach, over which the correction is all but linear."""
    size = abs(cells[1] - cells[0]) if len(cells) > 1 else length
    return max(1, int(length / 150.0 / size))


def _coarse(cells: np.ndarray, stride: int) -> np.ndarray:
    picked = cells[::stride]
    return picked if picked[-1] == cells[-1] else np.r_[picked, cells[-1]]


def _refined(
    coarse: np.ndarray, to_y: np.ndarray, from_y: np.ndarray, to_x: np.ndarray, from_x: np.ndarray
) -> np.ndarray:
    """Return a coarse field on all cells, linear between."""
    if coarse.shape == (len(to_y), len(to_x)):
        return coarse
    return np.asarray(
        map_coordinates(coarse, np.meshgrid(_place(to_y, from_y), _place(to_x, from_x), indexing="ij"), order=1)
    )


def _place(cells: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Return places on an axis as numbers of its points, whether it rises or falls."""
    numbers = np.arange(len(axis), dtype=float)
    if len(axis) > 1 and axis[0] > axis[-1]:
        return np.interp(-cells, -axis, numbers)
    return np.interp(cells, axis, numbers)


def _at(field: xr.DataArray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the value of the cell each point lies in; NaN outside."""
    axis_y, axis_x = field["y"].to_numpy().astype(float), field["x"].to_numpy().astype(float)
    row, column = np.rint(_place(y, axis_y)).astype(int), np.rint(_place(x, axis_x)).astype(int)
    half_y = abs(axis_y[1] - axis_y[0]) / 2 if len(axis_y) > 1 else np.inf
    half_x = abs(axis_x[1] - axis_x[0]) / 2 if len(axis_x) > 1 else np.inf
    near = (np.abs(axis_y[row] - y) <= half_y) & (np.abs(axis_x[column] - x) <= half_x)
    return np.where(near, field.to_numpy().astype(float)[row, column], np.nan)
