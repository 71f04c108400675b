"""What the errors of model and sensors are taken to be, shared by the neighbour test and the fusion.

The error of a first guess is a smooth field with covariance ``sigma^2 exp(-d / length)``, plus a bias common to the
whole map, plus a stretch of its own pattern; sensors err independently by their class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from models.layers import read_table
from twin.errors import InputError
from twin.language import text

__all__ = ["ErrorModel", "distances", "error_model", "station_error"]


@dataclass(frozen=True)
class ErrorModel:
    """Size and reach of the errors of a first guess, in the unit of the property.

    Parameters
    ----------
    sigma : float
        Standard deviation of the smooth part.
    length : float
        Reach of the smooth part [m].
    bias : float
        Standard deviation of an error common to the whole map.
    scale : float
        Standard deviation of the relative error of the pattern [1].
    """

    sigma: float
    length: float
    bias: float
    scale: float

    def covariance(self, distance: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the covariance of errors between two sets of places.

        Parameters
        ----------
        distance : numpy.ndarray, shape (n, m)
            Distances [m].
        first, second : numpy.ndarray, shape (n,) and (m,)
            First guess at the places, less one common value.
        """
        covariance = np.exp(distance * (-1.0 / self.length))
        covariance *= self.sigma**2
        covariance += self.bias**2
        covariance += self.scale**2 * first[:, None] * second[None, :]
        return covariance

    def times(self, factor: float) -> ErrorModel:
        """Return the model with a smooth part whose variance is multiplied."""
        return replace(self, sigma=self.sigma * factor**0.5)


@cache
def error_model(name: str) -> ErrorModel:
    """Return the error model of an observed property.

    Examples
    --------
    >>> error_model("air_temperature").length
    3000.0
    """
    rows = {row["property"]: row for row in read_table("twin.sensors", "fusion.csv")}
    if name not in rows:
        raise InputError(text("sensors.fusion_property", property=name, allowed=", ".join(rows)))
    row = rows[name]
    return ErrorModel(*(float(row[column]) for column in ("sigma", "length", "bias", "scale")))


@cache
def station_error(name: str, station_class: str) -> float:
    """Return the error of single values of a class of station, in the unit of the property."""
    rows = read_table("twin.sensors", "station_errors.csv")
    known = {row["station_class"]: float(row["error"]) for row in rows if row["property"] == name}
    if station_class not in known:
        raise InputError(
            text("sensors.station_class", station_class=station_class, property=name, allowed=", ".join(known))
        )
    return known[station_class]


def distances(x: np.ndarray, y: np.ndarray, to_x: np.ndarray, to_y: np.ndarray) -> np.ndarray:
    """Return the distances between two sets of points [m]."""
    return np.hypot(x[:, None] - to_x[None, :], y[:, None] - to_y[None, :])
