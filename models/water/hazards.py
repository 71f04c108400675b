"""How dangerous a flood is: hazard ratings and the class tables of states and cities.

Depth and velocity are best the largest values of a run, and their product that of the same moment where the solver keeps
it: the product of two maxima that come at different times overstates the hazard. Classes and their sources stand in
``tables/hazard_classes.csv``; none is built in.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError, read_table

__all__ = ["FloodClass", "depth_classes", "flood_classes", "flood_tables", "hazard", "velocity_classes"]

_DEBRIS_DEPTH, _DEBRIS_SPEED = 0.25, 2.0  # [m], [m/s] above either the debris factor is 1 (Defra 2008, urban)


class FloodClass(NamedTuple):
    """One class: ``lower <= value < upper``."""

    code: int
    lower: float
    upper: float
    label: dict[str, str]
    colour: str


@cache
def flood_classes(table: str = "lubw", quantity: str = "depth") -> tuple[FloodClass, ...]:
    """Return the classes of a table, lowest first.

    Parameters
    ----------
    table : str
        "lubw", "ulm", "nrw", "essen" (depth), "lubw", "ulm" (velocity), "uk" (rating) or "swiss" (intensity).
    quantity : str
        "depth", "velocity", "rating" or "intensity".

    Examples
    --------
    >>> [one.label["de"] for one in flood_classes("ulm")]
    ['3 bis 10 cm', '10 bis 50 cm', 'über 50 cm']
    """
    rows = [row for row in read_table("models.water", "hazard_classes.csv") if row["quantity"] == quantity]
    found = tuple(
        FloodClass(
            int(row["code"]),
            float(row["lower"]),
            float(row["upper"]),
            {"en": row["label_en"], "de": row["label_de"]},
            row["colour"],
        )
        for row in rows
        if row["table"] == table
    )
    if not found:
        known = ", ".join(dict.fromkeys(row["table"] for row in rows)) or "none"
        raise InputError(f"There are no {quantity} classes of {table!r}: choose one of {known}.")
    return found


def flood_tables() -> pd.DataFrame:
    """Return all class tables as one table: table, quantity, code, bounds, labels in English and German, colour.

    Examples
    --------
    >>> sorted(flood_tables().query("quantity == 'depth'")["table"].unique())
    ['essen', 'lubw', 'nrw', 'ulm']
    """
    table = pd.DataFrame([dict(row) for row in read_table("models.water", "hazard_classes.csv")])
    return table.astype({"code": int, "lower": float, "upper": float})


def _classify(values: xr.DataArray, classes: tuple[FloodClass, ...], name: str, what: str) -> xr.DataArray:
    numbers = np.asarray(values.values, dtype=float)
    if np.nanmin(numbers, initial=0.0) < 0.0:
        raise InputError(
            f"The {what} has negative values, down to {np.nanmin(numbers):g}: depths and speeds are 0 or more."
        )
    limits = np.array([one.lower for one in classes])
    at = np.searchsorted(limits, numbers, side="right")
    codes = np.array([0, *(one.code for one in classes)], dtype=np.uint8)[at]
    codes[np.isnan(numbers) | (numbers == 0.0)] = 0
    attrs = {
        "units": "1",
        "long_name": f"Class of the {what} (0 = none)",
        "flag_values": np.array([0, *(one.code for one in classes)], dtype=np.uint8),
        "flag_meanings": " ".join(["none", *(one.label["en"].replace(" ", "_") for one in classes)]),
        "flag_colours": " ".join(["#ffffff", *(one.colour for one in classes)]),
    }
    result = values.copy(data=codes).rename(name)
    result.attrs = attrs
    return result


def depth_classes(depth: xr.DataArray, table: str = "lubw") -> xr.DataArray:
    """Return the depth class of each cell.

    Parameters
    ----------
    depth : xarray.DataArray
        Water depth [m], such as ``depth_max`` of a run.
    table : str
        Whose classes: "lubw", "ulm", "nrw" or "essen".

    Returns
    -------
    xarray.DataArray
        Class codes, uint8; 0 where it is dry, below the first class, or missing. The attributes name the classes.

    Examples
    --------
    >>> depth_classes(xr.DataArray([0.0, 0.04, 0.05, 0.3, 2.0])).values.tolist()
    [0, 0, 1, 2, 4]
    """
    classes = flood_classes(table, "depth")
    return _classify(depth, classes, "depth_class", "water depth").assign_attrs(table=table)


def velocity_classes(velocity: xr.DataArray, table: str = "lubw") -> xr.DataArray:
    """Return the velocity class of each cell, as :func:`depth_classes` does for depths.

    Parameters
    ----------
    velocity : xarray.DataArray
        Speed of flow [m/s].
    table : str
        Whose classes: "lubw" or "ulm".

    Examples
    --------
    >>> velocity_classes(xr.DataArray([0.1, 0.3, 1.0, 2.0])).values.tolist()
    [0, 1, 2, 3]
    """
    classes = flood_classes(table, "velocity")
    return _classify(velocity, classes, "velocity_class", "velocity").assign_attrs(table=table)


def hazard(
    depth: xr.DataArray, velocity: xr.DataArray, *, product: xr.DataArray | None = None, table: str = "uk"
) -> xr.Dataset:
    """Return how dangerous water of a depth and speed is to people: values and classes.

    Parameters
    ----------
    depth : xarray.DataArray
        Water depth [m].
    velocity : xarray.DataArray
        Speed of flow [m/s], same dims.
    product : xarray.DataArray, optional
        Largest depth x velocity of the run [m2/s]; by default the product of the two.
    table : {"uk", "swiss"}
        "uk": hazard rating d (v + 0.5) + DF with debris factor DF = 1 where d > 0.25 m or v > 2 m/s, else 0 (Defra
        2008, urban). "swiss": the larger of depth and depth x velocity (BWW/BRP/BUWAL 1997).

    Returns
    -------
    xarray.Dataset
        ``hazard_product`` [m2/s], ``hazard_value`` of the table, ``hazard_class`` (uint8, 0 = dry or missing).

    Raises
    ------
    InputError
        If the table is unknown, shapes differ, or a value is negative.

    Examples
    --------
    >>> found = hazard(xr.DataArray([0.0, 0.2, 0.6]), xr.DataArray([0.0, 1.0, 2.0]))
    >>> found["hazard_value"].values.round(2).tolist(), found["hazard_class"].values.tolist()
    ([0.0, 0.3, 2.5], [0, 1, 4])
    """
    quantity = {"uk": "rating", "swiss": "intensity"}.get(table)
    if quantity is None:
        raise InputError(f"Unknown hazard table {table!r}: choose 'uk' or 'swiss'.")
    if depth.dims != velocity.dims or depth.shape != velocity.shape:
        raise InputError(f"Depth {depth.shape} and velocity {velocity.shape} must have the same dims and shape.")
    for name, field in (("depth", depth), ("velocity", velocity)):
        if np.nanmin(field.values, initial=0.0) < 0.0:
            raise InputError(
                f"The {name} has negative values, down to {np.nanmin(field.values):g}: they must be 0 or more."
            )
    both = depth * velocity if product is None else product
    if table == "uk":
        debris = ((depth > _DEBRIS_DEPTH) | ((velocity > _DEBRIS_SPEED) & (depth > 0))).astype(float)
        value = both + 0.5 * depth + debris
        about = {"units": "1", "long_name": "Flood hazard rating d (v + 0.5) + DF"}
    else:
        value = xr.where(depth > both, depth, both, keep_attrs=False)
        about = {"units": "1", "long_name": "Flood intensity: the larger of depth [m] and depth x velocity [m2/s]"}
    value = value.where(np.isfinite(depth) & np.isfinite(velocity)).assign_attrs(about)
    codes = _classify(value, flood_classes(table, quantity), "hazard_class", "hazard").assign_attrs(table=table)
    two = both.assign_attrs(units="m2 s-1", long_name="Depth times velocity")
    return xr.Dataset({"hazard_product": two, "hazard_value": value, "hazard_class": codes})
