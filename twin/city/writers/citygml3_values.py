"""Attributes as elements of CityGML 3.0: those the standard knows under their own name, the others as generic ones.

Generic attributes keep the type of a value: text, whole number, number, measure (``{"value": ..., "uom": ...}``), or a set
of them (a dictionary).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from twin.city.writers.citygml3_names import WRAPPERS

__all__ = ["address", "escaped", "generic", "property_of"]

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # signs that XML 1.0 has no way to write


def escaped(value: Any) -> str:
    """Return a value as XML text.

    Examples
    --------
    >>> escaped("Müller & Söhne"), escaped(True), escaped(2.50)
    ('Müller &amp; Söhne', 'true', '2.5')
    """
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, np.generic):
        value = value.item()
    return escape(_FORBIDDEN.sub("\ufffd", str(value)))


def attribute(value: str) -> str:
    """Return a value as XML attribute, quotes included."""
    return quoteattr(_FORBIDDEN.sub("\ufffd", value))


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def property_of(prefix: str, key: str, value: Any) -> Iterator[str]:
    """Yield a property the standard knows, once for each of its values; references (``#id``) become xlink:href."""
    name = f"{prefix}:{key}"
    for one in _each(value):
        if isinstance(one, Mapping):
            yield f"<{name}>{_nested(prefix, key, one)}</{name}>"
        elif isinstance(one, str) and one.startswith("#"):
            yield f"<{name} xlink:href={attribute(one)}/>"
        elif one is not None:
            codes = ' uom="m"' if key.startswith(("storeyHeight", "trunk", "crown")) or name == "veg:height" else ""
            yield f"<{name}{codes}>{escaped(one)}</{name}>"


def _nested(prefix: str, key: str, values: Mapping[str, Any]) -> str:
    wrapper = WRAPPERS.get(key, "")
    prefix = wrapper.partition(":")[0] or prefix
    if key == "externalReference":
        values = _reference(values)
    inner = []
    for name, value in values.items():
        for one in _each(value):
            if isinstance(one, Mapping):
                inner.append(f"<{prefix}:{name}>{_nested(prefix, name, one)}</{prefix}:{name}>")
            elif isinstance(one, str) and one.startswith("#"):
                inner.append(f"<{prefix}:{name} xlink:href={attribute(one)}/>")
            else:
                uom = ' uom="m"' if wrapper == "con:Height" and name == "value" else ""
                inner.append(f"<{prefix}:{name}{uom}>{escaped(one)}</{prefix}:{name}>")
    body = "".join(inner)
    return f"<{wrapper}>{body}</{wrapper}>" if wrapper else body


def _reference(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an external reference as 3.0 writes it; 2.0 has the name or URI of the object one level deeper."""
    target = values.get("targetResource", values.get("externalObject"))
    if isinstance(target, Mapping):
        target = target.get("uri", target.get("name", ""))
    told = {"targetResource": target} if target else {}
    return told | {k: v for k, v in values.items() if k not in ("targetResource", "externalObject")}


def generic(key: str, value: Any) -> Iterator[str]:
    """Yield a generic attribute, once for each of its values."""
    for one in _each(value):
        yield f"<core:genericAttribute>{_generic(key, one)}</core:genericAttribute>"


def _generic(key: str, value: Any) -> str:
    name = f"<gen:name>{escaped(key)}</gen:name>"
    if isinstance(value, Mapping):
        if set(value) == {"value", "uom"} and isinstance(value["value"], int | float):
            number = f"<gen:value uom={attribute(str(value['uom']))}>{escaped(value['value'])}</gen:value>"
            return f"<gen:MeasureAttribute>{name}{number}</gen:MeasureAttribute>"
        inner = [
            f"<gen:genericAttribute>{_generic(str(k), one)}</gen:genericAttribute>"
            for k, v in value.items()
            for one in _each(v)
        ]
        return f"<gen:GenericAttributeSet>{name}{''.join(inner)}</gen:GenericAttributeSet>"
    kind = "StringAttribute"
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        kind = "IntAttribute"
    elif isinstance(value, float | np.floating):
        kind = "DoubleAttribute"
    text = "" if value is None else f"<gen:value>{escaped(value)}</gen:value>"
    return f"<gen:{kind}>{name}{text}</gen:{kind}>"


_ADDRESS = (
    ("country", "<xAL:Country><xAL:NameElement>{}</xAL:NameElement></xAL:Country>"),
    ("city", "<xAL:Locality><xAL:NameElement>{}</xAL:NameElement></xAL:Locality>"),
    ("street", "<xAL:NameElement>{}</xAL:NameElement>"),
    ("number", "<xAL:Number>{}</xAL:Number>"),
    ("postcode", "<xAL:PostCode><xAL:Identifier>{}</xAL:Identifier></xAL:PostCode>"),
)


def address(prefix: str, value: Any) -> Iterator[str]:
    """Yield addresses as xAL; anything else than street, number, postcode, city and country is left to the caller."""
    for one in _each(value):
        parts = {key: form.format(escaped(one[key])) for key, form in _ADDRESS if key in one}
        road = parts.get("street", "") + parts.get("number", "")
        road = f"<xAL:Thoroughfare>{road}</xAL:Thoroughfare>" if road else ""
        body = parts.get("country", "") + parts.get("city", "") + road + parts.get("postcode", "")
        inner = f"<core:Address><core:xalAddress><xAL:Address>{body}</xAL:Address></core:xalAddress></core:Address>"
        yield f"<{prefix}:address>{inner}</{prefix}:address>"


def is_address(value: Any) -> bool:
    """Tell whether a value is an address, or a list of them."""
    known = {key for key, _ in _ADDRESS}
    return all(isinstance(one, Mapping) and bool(one) and set(one) <= known for one in _each(value))
