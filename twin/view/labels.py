"""How numbers, areas and times are written for readers in German and English."""

from __future__ import annotations

import math
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from models.layers import InputError
from twin.language import default_language, text

__all__ = ["TIMEZONE", "area", "clock", "day", "local_time", "number", "share", "span"]

TIMEZONE = "Europe/Berlin"
"""Time zone of labels unless another is asked for."""

_GERMAN_CLOCKS = {"CET": "MEZ", "CEST": "MESZ"}


def number(value: float, digits: int = 0, language: str | None = None) -> str:
    """Return a number as people write it: ``1,234.5`` in English, ``1.234,5`` in German, a dash where it is missing.

    Examples
    --------
    >>> number(1234.5, 1, "de"), number(-3, 0, "en")
    ('1.234,5', '−3')
    """
    if not math.isfinite(value):
        return "–"
    written = f"{abs(value):,.{digits}f}"
    if (language or default_language()) == "de":
        written = written.translate(str.maketrans(",.", ".,"))
    return ("−" if value < 0 and float(f"{abs(value):.{digits}f}") else "") + written


def share(value: float, language: str | None = None) -> str:
    r"""Return a share 0..1 as a percentage; below half a percent it says so rather than 0.

    Examples
    --------
    >>> share(0.123, "en"), share(0.001, "de"), share(0.0, "en")
    ('12\xa0%', '< 1\xa0%', '0\xa0%')
    """
    if not math.isfinite(value):
        return "–"
    if 0 < value < 0.005:
        return "< 1\u00a0%"
    return f"{number(100 * value, 0, language)}\u00a0%"


def area(square_metres: float, language: str | None = None) -> str:
    r"""Return an area in m² below one hectare, else in ha.

    Examples
    --------
    >>> area(5200, "en"), area(123456, "de")
    ('5,200\xa0m²', '12,3\xa0ha')
    """
    if square_metres < 10_000:
        return f"{number(square_metres, 0, language)}\u00a0m²"
    return f"{number(square_metres / 10_000, 1, language)}\u00a0ha"


def span(lower: float, upper: float, units: str, digits: int = 0, language: str | None = None) -> str:
    """Return a class limit as text: ``26 to 32 °C``, ``above 46 °C``, ``below −40 °C``."""
    unit = f"\u00a0{units}" if units else ""
    if math.isinf(upper):
        return text("view.above", language, value=number(lower, digits, language) + unit)
    if math.isinf(lower):
        return text("view.below", language, value=number(upper, digits, language) + unit)
    low, high = number(lower, digits, language), number(upper, digits, language) + unit
    return text("view.between", language, lower=low, upper=high)


@cache
def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InputError(
            f"There is no time zone {timezone!r}: give a name of the IANA list, for example 'Europe/Berlin'."
        ) from error


def local_time(time: np.datetime64 | str | datetime, timezone: str = TIMEZONE) -> pd.Timestamp:
    """Return a UTC time in local time."""
    stamp = pd.Timestamp(time)
    return (stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp).tz_convert(_zone(timezone))


def clock(time: np.datetime64 | str | datetime, language: str | None = None, timezone: str = TIMEZONE) -> str:
    r"""Return the local time of day with the name of the clock in use.

    Examples
    --------
    >>> clock("2025-07-02T12:00", "de"), clock("2025-07-02T12:00", "en")
    ('14:00\xa0Uhr\xa0MESZ', '14:00\xa0CEST')
    """
    local = local_time(time, timezone)
    zone = local.strftime("%Z")
    if (language or default_language()) == "de":
        return f"{local:%H:%M}\u00a0Uhr\u00a0{_GERMAN_CLOCKS.get(zone, zone)}"
    return f"{local:%H:%M}\u00a0{zone}"


def day(time: np.datetime64 | str | datetime, language: str | None = None, timezone: str = TIMEZONE) -> str:
    """Return the local date in words.

    Examples
    --------
    >>> day("2025-07-02T12:00", "de"), day("2025-07-02T12:00", "en")
    ('2. Juli 2025', '2 July 2025')
    """
    local = local_time(time, timezone)
    month = text("view.months", language).split(",")[local.month - 1]
    return f"{local.day}{'.' if (language or default_language()) == 'de' else ''} {month} {local.year}"
