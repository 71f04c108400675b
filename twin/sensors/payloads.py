"""Messages of devices: read safely, and brought to readings by the shape of their network.

The Things Stack (v3), ChirpStack (4) and plain JSON by mapping. A message is refused with a reason before it can do
harm: too large, too deep, no UTF-8, numbers that are none, or a device that is another than its topic says.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from twin.errors import InputError
from twin.language import text
from twin.sensors.properties import Reading, conversion, known_as, unit_of_property
from twin.sensors.stamps import EARLIEST, parse_time

__all__ = ["Mapped", "chirpstack", "decode", "plain", "the_things_stack"]

LARGEST = 256 * 1024
"""Bytes of a message; LoRaWAN uplinks have about one kilobyte."""
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)
_DEEPEST = 32


@dataclass
class Mapped:
    """What a message gave: readings, the device, and fields the house has no property for."""

    device: str
    readings: list[Reading]
    unmapped: list[str] = field(default_factory=list)


def _refuse(key: str, **values: Any) -> NoReturn:
    raise InputError(text(f"sensors.{key}", **values))


def _constant(name: str) -> NoReturn:
    _refuse("payload_number", value=name)


def _deep(value: bytes) -> bool:
    """Tell whether brackets nest deeper than allowed; a count of opening ones settles almost all messages."""
    if value.count(b"[") + value.count(b"{") <= _DEEPEST:
        return False
    depth = deepest = 0
    for byte in re.sub(rb'"(?:[^"\\]|\\.)*"', b"", value):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > _DEEPEST:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


def decode(payload: bytes, *, largest: int = LARGEST) -> Any:
    """Return the JSON of a message, or refuse it.

    Parameters
    ----------
    payload : bytes
        The message; a byte order mark is passed over.
    largest : int
        Bytes that are allowed.

    Raises
    ------
    InputError
        If it is too large, nested too deep, no UTF-8, holds NUL or lone surrogates, NaN or Infinity, or is no JSON.

    Examples
    --------
    >>> decode(b'{"t": 21.5}')
    {'t': 21.5}
    """
    if len(payload) > largest:
        _refuse("payload_large", size=len(payload), largest=largest)
    if payload[:2] == b"\x1f\x8b":
        _refuse("payload_packed")
    raw = payload.removeprefix(b"\xef\xbb\xbf")
    if b"\\u0000" in raw or b"\x00" in raw:
        _refuse("payload_signs")
    if _deep(raw):
        _refuse("payload_deep", deepest=_DEEPEST)
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_constant)
        if b"\\ud" in raw or b"\\uD" in raw:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be stored
        return value
    except UnicodeError:
        _refuse("payload_signs")
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        _refuse("payload_json", reason=str(error)[:80])


def _device(name: Any, topic_device: str | None) -> str:
    if not isinstance(name, str) or not _DEVICE.fullmatch(name) or ".." in name:
        _refuse("device_name", device=repr(name)[:80])
    if topic_device is not None and topic_device != name:
        _refuse("device_other", device=name, topic=topic_device[:80])
    return str(name)


def _number(value: Any) -> float | None:
    """Return a number, also one written as text; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _measured(device: str, moment: int, values: Mapping[str, Any], mapped: Mapped) -> Mapped:
    """Take the measured fields: numbers, numbers as text, and ``{value, unit}``."""
    for name, given in values.items():
        unit = ""
        if isinstance(given, Mapping):
            unit, given = str(given.get("unit") or ""), given.get("value")
        named = known_as(name)
        number = _number(given)
        if named is None or number is None:
            if not isinstance(given, Mapping | list) and given is not None:
                mapped.unmapped.append(name[:100])
            continue
        ours, implied = named
        own = unit_of_property(ours)
        factor, offset = conversion(ours, unit or implied or own, device)
        mapped.readings.append(Reading(device, ours, moment, number * factor + offset, own))
    return mapped


def the_things_stack(topic: str, payload: bytes) -> Mapped:
    """Read an uplink of The Things Stack (topic ``v3/{application}@{tenant}/devices/{device}/up``).

    The time is that of the network server, ``uplink_message.received_at``; fields that are zero may be left out.

    Raises
    ------
    InputError
        If the message is refused (see :func:`decode`), or the device in the topic and in the message differ.
    """
    parts = topic.split("/")
    if len(parts) != 5 or parts[0] != "v3" or parts[2] != "devices" or parts[4] != "up":
        _refuse("topic_unknown", topic=topic[:120])
    message = decode(payload)
    try:
        device = _device(message["end_device_ids"]["device_id"], parts[3])
        uplink = message["uplink_message"]
        moment = parse_time(uplink.get("received_at") or message["received_at"])
        values = uplink.get("decoded_payload") or {}
        simulated = bool(message.get("simulated"))
    except (KeyError, TypeError, AttributeError):
        _refuse("payload_shape", shape="The Things Stack")
    if not isinstance(values, Mapping):
        _refuse("payload_shape", shape="The Things Stack")
    if simulated:
        _refuse("payload_simulated", device=device)
    return _measured(device, moment, values, Mapped(device, []))


def chirpstack(topic: str, payload: bytes) -> Mapped:
    """Read an uplink of ChirpStack 4 (topic ``application/{id}/device/{eui}/event/up``)."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[0] != "application" or parts[2] != "device" or parts[4:] != ["event", "up"]:
        _refuse("topic_unknown", topic=topic[:120])
    message = decode(payload)
    try:
        device = _device(message["deviceInfo"]["devEui"], parts[3])
        moment = parse_time(message["time"])
        values = message.get("object") or {}
    except (KeyError, TypeError, AttributeError):
        _refuse("payload_shape", shape="ChirpStack")
    if not isinstance(values, Mapping):
        _refuse("payload_shape", shape="ChirpStack")
    return _measured(device, moment, values, Mapped(device, []))


def plain(topic: str, payload: bytes, *, zone: str | None = None) -> Mapped:
    """Read plain JSON: ``{"device", "time", name: number, ...}``; the last part of the topic is the device.

    Parameters
    ----------
    zone : str, optional
        Zone of times that state none.

    Examples
    --------
    >>> plain("city/roof", b'{"time": "2024-07-01T12:00:00Z", "temperature": {"value": 21.5, "unit": "degC"}}').readings[0].result
    21.5
    """
    message = decode(payload)
    if not isinstance(message, Mapping) or "time" not in message:
        _refuse("payload_shape", shape="JSON")
    own = topic.rsplit("/", 1)[-1]
    device = _device(message.get("device", own), own)
    moment = parse_time(message["time"], zone, earliest=EARLIEST)
    values = {key: value for key, value in message.items() if key not in ("device", "time")}
    return _measured(device, moment, values, Mapped(device, []))
