"""Times of sources, as whole microseconds since 1970 in UTC.

A time without a zone counts in the zone its source declares; without one it is refused, because an hour or two
of shift is the fault that is seen last. Leap seconds and 24:00 mean the moment after.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from twin.errors import InputError
from twin.language import text

__all__ = ["EARLIEST", "microseconds", "parse_time"]

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?", re.ASCII
)
_GERMAN = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4}|\d\d)[ T](\d\d?):(\d\d)(?::(\d\d))?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = 631_152_000_000_000
"""1990-01-01: what is dated before it has lost its clock [us]."""
_LATEST = 4_102_444_800_000_000  # 2100-01-01


def microseconds(moment: datetime) -> int:
    """Return a moment with a zone as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@cache
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _local(moment: datetime, zone: str, value: str) -> int:
    """Return a local time in UTC; the hour that summer time skips does not exist."""
    here = moment.replace(tzinfo=_zone(zone))
    back = here.astimezone(UTC).astimezone(_zone(zone)).replace(tzinfo=None)
    if back != moment:
        raise InputError(text("sensors.time_skipped", value=value, zone=zone))
    return microseconds(here)


def _offset(sign: str) -> int:
    if sign in "Zz":
        return 0
    digits = sign[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if sign[0] == "-" else minutes


def parse_time(value: object, zone: str | None = None, *, earliest: int = EARLIEST) -> int:
    """Return a time as microseconds since 1970 (UTC).

    Parameters
    ----------
    value : str, int or float
        ISO 8601, ``dd.mm.yyyy hh:mm``, or seconds (or milliseconds) since 1970.
    zone : str, optional
        Zone of times that state none, such as ``"UTC"`` or ``"Europe/Berlin"``; without it they are refused. Of the
        hour that occurs twice in autumn the first is taken.
    earliest : int
        What is dated before has lost its clock and is refused [us].

    Raises
    ------
    InputError
        If it is no time, lacks a zone, or lies before ``earliest`` or after 2099.

    Examples
    --------
    >>> parse_time("2022-07-19T14:00:00+02:00") == parse_time("19.07.2022 14:00", "Europe/Berlin")
    True
    """
    if isinstance(value, bool) or value is None:
        raise InputError(text("sensors.time_unclear", value=repr(value)[:60]))
    moment = _number_time(value) if isinstance(value, int | float) else _text_time(str(value), zone)
    if not earliest <= moment < _LATEST:
        raise InputError(text("sensors.time_outside", value=str(value)[:60]))
    return moment


def _number_time(value: float) -> int:
    if not abs(value) < 1e17:
        raise InputError(text("sensors.time_unclear", value=str(value)[:60]))
    seconds = value / 1000 if abs(value) > 1e11 else value
    return round(seconds * 1_000_000)


def _text_time(value: str, zone: str | None) -> int:
    shown = value.strip()[:60]
    iso, german = _ISO.fullmatch(value.strip()[:60]), None
    if iso:
        year, month, day, hour, minute = (int(part) for part in iso.groups()[:5])
        second, fraction, sign = int(iso[6] or 0), (iso[7] or "0")[:6].ljust(6, "0"), iso[8]
    else:
        german = _GERMAN.fullmatch(value.strip()[:60])
        if not german:
            raise InputError(text("sensors.time_unclear", value=repr(shown)))
        day, month, year, hour, minute = (int(part) for part in german.groups()[:5])
        year += 2000 if year < 100 else 0
        second, fraction, sign = int(german[6] or 0), "0", None
    after = timedelta(0)
    if hour == 24 and minute == second == 0:
        hour, after = 0, timedelta(days=1)
    if second == 60:
        second, after = 59, after + timedelta(seconds=1)
    try:
        moment = datetime(year, month, day, hour, minute, second, int(fraction)) + after
    except (ValueError, OverflowError):
        raise InputError(text("sensors.time_unclear", value=repr(shown))) from None
    if sign:
        return microseconds(moment.replace(tzinfo=UTC)) - _offset(sign) * 60_000_000
    if zone is None:
        raise InputError(text("sensors.time_naive", value=shown))
    return _local(moment, zone, shown)
