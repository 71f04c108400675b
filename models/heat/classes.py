"""Classes of the comfort indices, with names in English and German and colours fit for colour-blind readers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from models.layers import InputError, read_table

__all__ = ["ComfortClass", "classify", "comfort_classes"]


_INDICES = ("utci", "pet", "pt", "wbgt")


class ComfortClass(NamedTuple):
    """One class of an index: ``lower <= value < upper``."""

    code: int
    lower: float
    upper: float
    label: dict[str, str]
    colour: str


def comfort_classes(index: str = "utci") -> tuple[ComfortClass, ...]:
    """Return the classes of an index, coldest first.

    Parameters
    ----------
    index : str
        ``"utci"``, ``"pet"``, ``"pt"`` (levels of the German Weather Service) or ``"wbgt"``.

    Examples
    --------
    >>> comfort_classes("utci")[7].label["de"]
    'Starker Hitzestress'
    """
    if index not in _INDICES:
        raise InputError(f"There are no classes of {index!r}: use {', '.join(_INDICES)}.")
    return tuple(
        ComfortClass(
            int(row["code"]),
            float(row["lower"]),
            float(row["upper"]),
            {"en": row["label_en"], "de": row["label_de"]},
            row["colour"],
        )
        for row in read_table("models.heat", f"{index}_classes.csv")
    )


def classify(values: xr.DataArray, index: str = "utci") -> xr.DataArray:
    """Return the class code of each value as uint8; 0 where the value is missing.

    Parameters
    ----------
    values : xarray.DataArray
        Index values [degC].
    index : str
        Whose classes to use.

    Examples
    --------
    >>> classify(xr.DataArray([20.0, 33.0, np.nan])).values.tolist()
    [6, 8, 0]
    """
    classes = comfort_classes(index)
    limits = np.array([c.lower for c in classes[1:]])
    codes = (np.searchsorted(limits, values.values, side="right") + 1).astype(np.uint8)
    codes[np.isnan(values.values)] = 0
    attrs = {
        "long_name": f"{index.upper()} class",
        "flag_values": np.array([c.code for c in classes], dtype=np.uint8),
        "flag_meanings": " ".join(c.label["en"].replace(" ", "_") for c in classes),
    }
    return values.copy(data=codes).rename(f"{index}_class").assign_attrs(attrs)
