"""Tests between stations: whether a value fits its neighbours, once the model's first guess is taken off.

Each station is predicted from all others by optimal interpolation of ``observation - first guess``; the one that fits
worst is taken out, and the rest predicted again, until all fit. This is the spatial consistency test of Lussana et
al. (2010, 10.1002/qj.512) with a physical model instead of a fitted background. Then the radiation error of
thermometers without a shield, constant drift, and units that were mixed up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.sensors.covariance import ErrorModel, distances

__all__ = ["UNIT_CHANGES", "neighbour_outliers", "radiation_error", "saturated_flat", "unit_change"]

UNIT_CHANGES: dict[str, tuple[tuple[str, float, float], ...]] = {
    "air_temperature": (("degF", 1.8, 32.0), ("K", 1.0, 273.15)),
    "soil_temperature": (("degF", 1.8, 32.0), ("K", 1.0, 273.15)),
    "relative_humidity": (("1", 0.01, 0.0),),
    "soil_moisture": (("1", 0.01, 0.0),),
    "air_pressure": (("kPa", 0.1, 0.0), ("Pa", 100.0, 0.0)),
    "power": (("kW", 0.001, 0.0), ("W", 1000.0, 0.0)),
    "global_radiation": (("J/cm2 in 10 min", 0.06, 0.0), ("kW/m2", 0.001, 0.0)),
    "wind_speed": (("km/h", 3.6, 0.0), ("kn", 1.0 / 0.514444, 0.0)),
    "water_level": (("cm", 100.0, 0.0), ("mm", 1000.0, 0.0)),
}
"""Units that sources slip into: what a value in our unit becomes, ``value * factor + offset``."""


@dataclass(frozen=True)
class Outliers:
    """Result of the neighbour test: which stations do not fit, and by how many standard deviations each is off."""

    outlier: np.ndarray
    score: np.ndarray


def _robust_first(residual: np.ndarray, keep: np.ndarray, spread: float) -> np.ndarray:
    """Take out what is far beyond all others before anything is fitted."""
    middle = np.median(residual[keep])
    mad = 1.4826 * np.median(np.abs(residual[keep] - middle))
    return keep & (np.abs(residual - middle) <= 5.0 * max(mad, spread))


def neighbour_outliers(
    x: np.ndarray,
    y: np.ndarray,
    observed: np.ndarray,
    guess: np.ndarray,
    error: np.ndarray,
    model: ErrorModel,
    *,
    threshold: float = 2.4,
    most: float = 0.4,
) -> Outliers:
    """Return which stations do not fit their neighbours.

    Parameters
    ----------
    x, y : numpy.ndarray
        Places [m] in a projected system.
    observed, guess : numpy.ndarray
        Values and the model's first guess there; values that are NaN take no part.
    error : numpy.ndarray
        Error of each station.
    model : ErrorModel
        Errors of the first guess.
    threshold : float
        Standard deviations from which on a station does not fit; 2.4 was found by planting faults (docs, sensors).
    most : float
        Share of stations that is taken out at most; beyond it the network itself is in doubt.

    Returns
    -------
    Outliers
        ``outlier`` (bool) and ``score``, the distance from the prediction by all others in standard deviations.

    Examples
    --------
    >>> from twin.sensors.covariance import error_model
    >>> x = np.arange(8) * 1000.0
    >>> observed = np.array([20.0, 20.2, 20.1, 26.0, 20.0, 20.3, 20.1, 20.2])
    >>> found = neighbour_outliers(x, 0 * x, observed, np.full(8, 20.0), np.full(8, 0.3), error_model("air_temperature"))
    >>> found.outlier.nonzero()[0].tolist()
    [3]
    """
    residual = observed - guess
    score = np.full(len(x), np.nan)
    usable = np.isfinite(residual)
    if usable.sum() < 5:
        return Outliers(np.zeros(len(x), bool), score)
    keep = _robust_first(residual, usable.copy(), model.sigma)
    pattern = np.where(usable, guess - np.median(guess[usable]), 0.0)
    within = model.covariance(distances(x, y, x, y), pattern, pattern)
    matrix = within + np.diag(error**2)
    fewest = int(np.ceil((1 - most) * usable.sum()))
    while keep.sum() > max(fewest, 5):
        members = np.flatnonzero(keep)
        inverse = np.linalg.inv(matrix[np.ix_(members, members)])
        while len(members) > max(fewest, 5):
            variance = 1.0 / np.diag(inverse)  # of each station, given all others
            off = np.abs(inverse @ residual[members]) * np.sqrt(variance)
            worst = int(np.argmax(off))
            if off[worst] <= threshold:
                break
            # Take a station out of the inverse by one rank (Schur complement).
            rest = np.delete(np.arange(len(members)), worst)
            edge = inverse[rest, worst]
            inverse = inverse[np.ix_(rest, rest)] - np.outer(edge, edge) / inverse[worst, worst]
            members = members[rest]
        back = _scores(matrix, residual, members)
        again = usable.copy()
        again[usable] = back[usable] <= threshold
        if (again == keep).all() or not (again & ~_mask(len(x), members)).any():
            keep = _mask(len(x), members)
            break
        keep = _mask(len(x), members) | again
        if (keep == _mask(len(x), members)).all():
            break
        threshold_again = _scores(matrix, residual, np.flatnonzero(keep))
        if (threshold_again[keep] > threshold).any():  # those let in again do not fit each other
            keep = _mask(len(x), members)
            break
    score[usable] = _scores(matrix, residual, np.flatnonzero(keep))[usable]
    return Outliers(usable & ~keep, score)


def _mask(size: int, members: np.ndarray) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[members] = True
    return mask


def _scores(matrix: np.ndarray, residual: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return how far every station is from its prediction by the members (without itself), in standard deviations."""
    inverse = np.linalg.inv(matrix[np.ix_(members, members)])
    fitted = inverse @ residual[members]
    score = np.full(len(residual), np.inf)
    score[members] = np.abs(fitted) / np.sqrt(np.diag(inverse))
    others = np.flatnonzero(~_mask(len(residual), members) & np.isfinite(residual))
    cross = matrix[np.ix_(others, members)]
    variance = matrix[others, others] - np.einsum("ij,jk,ik->i", cross, inverse, cross)
    score[others] = np.abs(residual[others] - cross @ fitted) / np.sqrt(np.maximum(variance, 1e-12))
    return score


def radiation_error(
    residual: np.ndarray, radiation: np.ndarray, *, least: float = 1.0, correlation: float = 0.6
) -> tuple[bool, float]:
    """Tell whether a thermometer reads too warm in sunshine.

    Parameters
    ----------
    residual : numpy.ndarray
        Observation minus first guess (or minus its neighbours) along time [K].
    radiation : numpy.ndarray
        Global radiation at the same times [W m-2].
    least : float
        Error at 800 W m-2 from which on it counts [K].
    correlation : float
        Least correlation between the two.

    Returns
    -------
    tuple of bool and float
        Whether it does, and the error at 800 W m-2 [K].

    Notes
    -----
    Cornes et al. 2019 (10.1002/met.1814) model the daytime warm bias of citizen stations by shortwave radiation;
    this is its linear form.

    Examples
    --------
    >>> sun = np.clip(np.sin(np.linspace(0, 4 * np.pi, 96)), 0, None) * 800
    >>> radiation_error(0.003 * sun, sun)[0]
    True
    """
    both = np.isfinite(residual) & np.isfinite(radiation)
    if both.sum() < 12 or np.ptp(radiation[both]) < 200.0:
        return False, 0.0
    value, sun = residual[both] - residual[both].mean(), radiation[both] - radiation[both].mean()
    size = float(np.hypot.reduce(value))
    if size == 0.0:
        return False, 0.0
    slope = float(value @ sun / (sun @ sun))
    fit = float(value @ sun / (size * np.hypot.reduce(sun)))
    error = slope * 800.0
    return bool(error >= least and fit >= correlation), error


def unit_change(name: str, observed: np.ndarray, guess: np.ndarray, *, spread: float | None = None) -> str:
    """Tell which other unit values are in, or "" where they fit our own.

    Parameters
    ----------
    name : str
        Observed property.
    observed, guess : numpy.ndarray
        At least six values of one sensor, or of all sensors of a type, and what was expected in our unit.
    spread : float, optional
        Difference from the first guess that is usual, in our unit; by default a tenth of the values' size.

    Examples
    --------
    >>> expected = np.array([18.0, 20.0, 22.0, 24.0, 23.0, 21.0])
    >>> unit_change("air_temperature", expected * 1.8 + 32 + 0.4, expected)
    'degF'
    """
    both = np.isfinite(observed) & np.isfinite(guess)
    if name not in UNIT_CHANGES or both.sum() < 6:
        return ""
    value, expected = observed[both], guess[both]
    usual = max(0.1 * float(np.median(np.abs(expected))), 1e-9) if spread is None else spread
    ours = float(np.median(np.abs(value - expected)))
    if ours <= 2.0 * usual:
        return ""
    fits = {}
    for unit, factor, offset in UNIT_CHANGES[name]:
        fits[unit] = float(np.median(np.abs((value - offset) / factor - expected)))
    best = min(fits, key=lambda unit: fits[unit])
    return best if fits[best] <= usual and fits[best] < 0.2 * ours else ""


def saturated_flat(
    humidity: np.ndarray,
    temperature: np.ndarray,
    *,
    least: float = 5.0,
    saturated: float = 95.0,
    tolerance: float = 0.2,
) -> np.ndarray:
    """Return values of a humidity sensor that is stuck near saturation, told by the temperature that moves meanwhile.

    Humidity may stay at 100 % in fog, so the flat line alone proves nothing there; but no air stays saturated
    while it warms by five kelvin.

    Parameters
    ----------
    humidity, temperature : numpy.ndarray
        Values of one station at the same times [%], [degC].
    least : float
        Range of temperature within the run that proves the fault [K].

    Examples
    --------
    >>> saturated_flat(np.full(4, 99.9), np.array([8.0, 12.0, 15.0, 11.0])).all()
    np.True_
    """
    stuck = np.zeros(len(humidity), bool)
    moved = np.r_[True, ~(np.abs(np.diff(humidity)) <= tolerance)]
    starts = np.flatnonzero(moved)
    for first, end in zip(starts, np.r_[starts[1:], len(humidity)], strict=True):
        run = slice(int(first), int(end))
        if (
            end - first >= 3
            and humidity[first] >= saturated
            and np.nanmax(temperature[run]) - np.nanmin(temperature[run]) >= least
        ):
            stuck[run] = True
    return stuck
