"""NGSI-LD entities as FIWARE brokers send them: normalized, concise and key-values form.

Source: ETSI GS CIM 009 V1.8.1 (2024), clause 4.5; units are UN/CEFACT codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.errors import InputError
from twin.language import text
from twin.sensors.properties import Place, Reading, conversion, known_as, unit_of_property
from twin.sensors.stamps import parse_time

__all__ = ["read_entities", "read_entity"]

_TIMES = ("dateObserved", "observationDateTime", "dateObservedTo", "dateObservedFrom")


def _value(attribute: Any) -> Any:
    """Return the value of an attribute in any of the three forms."""
    if isinstance(attribute, Mapping):
        for key in ("value", "@value"):
            if key in attribute:
                return _value(attribute[key])
    return attribute


def _time(attribute: Any, zone: str | None) -> int | None:
    value = _value(attribute)
    if not isinstance(value, str):
        return None
    return parse_time(value.rsplit("/", 1)[-1], zone)  # of an interval, its end


def read_entities(payload: Any, *, zone: str | None = None) -> tuple[list[Reading], list[Place], list[str]]:
    """Read one entity, a list of them, or a notification with ``data``.

    Parameters
    ----------
    payload : object
        Decoded JSON.
    zone : str, optional
        Zone of times that state none; without it they are refused.

    Returns
    -------
    tuple
        Readings in our units, places, and the names of numbers that the house has no property for.
    """
    if isinstance(payload, Mapping) and isinstance(payload.get("data"), list):
        payload = payload["data"]
    readings: list[Reading] = []
    places: list[Place] = []
    unmapped: list[str] = []
    for entity in payload if isinstance(payload, list) else [payload]:
        one = read_entity(entity, zone=zone)
        readings, places, unmapped = readings + one[0], places + one[1], unmapped + one[2]
    return readings, places, unmapped


def read_entity(entity: Any, *, zone: str | None = None) -> tuple[list[Reading], list[Place], list[str]]:
    """Read one entity; see :func:`read_entities`.

    Examples
    --------
    >>> entity = {"id": "urn:ngsi-ld:Device:1", "type": "Device", "temperature": {"value": 21.5, "unitCode": "CEL", "observedAt": "2024-07-01T12:00:00Z"}}
    >>> read_entity(entity)[0][0].result
    21.5
    """
    if not isinstance(entity, Mapping) or not isinstance(entity.get("id"), str) or not entity["id"]:
        raise InputError(text("sensors.entity_id"))
    thing = entity["id"]
    common = next((entity[name] for name in _TIMES if name in entity), None)
    readings, unmapped = [], []
    for name, attribute in entity.items():
        for part in attribute if isinstance(attribute, list) else [attribute]:  # several datasetIds
            value = _value(part)
            if isinstance(value, bool) or not isinstance(value, int | float) or name.startswith("@"):
                continue
            named = known_as(name)
            if named is None:
                unmapped.append(name)
                continue
            ours, implied = named
            described = part if isinstance(part, Mapping) else {}
            unit = str(described.get("unitCode") or implied or unit_of_property(ours))
            factor, offset = conversion(ours, unit, thing)
            moment = _time(described.get("observedAt", common), zone)
            if moment is None:
                raise InputError(text("sensors.entity_time", thing=thing, name=name))
            readings.append(Reading(thing, ours, moment, float(value) * factor + offset, unit_of_property(ours)))
    return readings, _location(entity, thing), unmapped


def _location(entity: Mapping[str, Any], thing: str) -> list[Place]:
    point = _value(entity.get("location"))
    if not isinstance(point, Mapping) or point.get("type") != "Point":
        return []
    numbers = [float(number) for number in point.get("coordinates", []) if isinstance(number, int | float)]
    if len(numbers) < 2 or abs(numbers[0]) > 180 or abs(numbers[1]) > 90:
        return []
    height = numbers[2] if len(numbers) > 2 else float("nan")
    name = _value(entity.get("name"))
    return [Place(thing, 0, numbers[0], numbers[1], height, name if isinstance(name, str) else thing)]
