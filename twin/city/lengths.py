"""Lengths as delivered, with or without a unit, to metres."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["is_metre", "metres"]

_UNITS = {"cm": 0.01, "mm": 0.001, "dm": 0.1, "km": 1000.0, "ft": 0.3048, "foot": 0.3048, "inch": 0.0254}
_METRE = ("", "m", "meter", "metre", "meters", "metres", "9001")  # EPSG:9001 is the metre


def _unit(uom: object) -> str:
    """Return the last word of a unit's name: ``urn:adv:uom:m`` and ``#m`` are ``m``."""
    return str(uom).replace("#", ":").replace("/", ":").rpartition(":")[2].strip().lower()


def is_metre(uom: object) -> bool:
    """Tell whether a unit's name means metres.

    Examples
    --------
    >>> is_metre("urn:adv:uom:m"), is_metre("cm")
    (True, False)
    """
    return _unit(uom) in _METRE


def metres(value: Any) -> float:
    """Return a length [m], NaN where it is none; of several values the first counts.

    Parameters
    ----------
    value : object
        Number, text, or a mapping of ``value`` and ``uom``; a unit that is not known is taken for metres.

    Examples
    --------
    >>> metres("12.5"), metres({"value": "40", "uom": "cm"}), metres("high")
    (12.5, 0.4, nan)
    """
    if isinstance(value, list):
        value = value[0] if value else None
    unit = ""
    if isinstance(value, dict):
        unit, value = _unit(value.get("uom", "")), value.get("value")
    try:
        length = float(str(value).strip()) * _UNITS.get(unit, 1.0)
    except ValueError:
        return math.nan
    return length if math.isfinite(length) else math.nan
