"""Attributes of CityGML objects: from XML subtrees to plain values.

Codes stay texts (leading zeros matter), generic attributes get the type their element names, data types become
dictionaries, addresses become street, number, postcode, city and country.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twin.city.citygml.names import GENERIC_TYPES, XLINK_HREF, local_name
from twin.city.lengths import is_metre

__all__ = ["Node", "attribute_of", "attribute_with_reference", "put"]

Node = tuple[str, list[str], list[Any], list[str]]
"""Element name with namespace, flat attributes [name, value, ...], child nodes, text parts."""

_ADDRESS_PARTS = {
    "ThoroughfareName": "street",
    "ThoroughfareNumber": "number",
    "LocalityName": "city",
    "PostalCodeNumber": "postcode",
    "CountryName": "country",
}
_ADDRESS_PARENTS = {  # xAL 3: the name stands in a child of these
    "Thoroughfare": "street",
    "Locality": "city",
    "Country": "country",
    "PostCode": "postcode",
}


def _text(node: Node) -> str:
    return "".join(node[3]).strip()


def _xml_attribute(node: Node, local: str) -> str | None:
    names = node[1]
    return next((names[i + 1] for i in range(0, len(names), 2) if local_name(names[i]) == local), None)


def _walk(node: Node) -> Iterator[tuple[Node, str]]:
    """Yield every descendant with the local name of its parent."""
    for child in node[2]:
        yield child, local_name(node[0])
        yield from _walk(child)


def put(attributes: dict[str, Any], key: str, value: Any) -> None:
    """Add a value; a key given several times becomes a list.

    Examples
    --------
    >>> a = {}
    >>> put(a, "usage", "1000"); put(a, "usage", "2000"); a
    {'usage': ['1000', '2000']}
    """
    if key not in attributes:
        attributes[key] = value
    elif isinstance(attributes[key], list):
        attributes[key] = [*attributes[key], value]
    else:
        attributes[key] = [attributes[key], value]


def _number(text: str, kind: str) -> Any:
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:
        return text


def _generic(node: Node) -> tuple[str, Any] | None:
    """Name and value of a generic attribute of any version; None where the node is none."""
    local = local_name(node[0])
    kind = GENERIC_TYPES.get(local[0].lower() + local[1:])
    if kind is None:
        return None
    name = _xml_attribute(node, "name")
    value: Any = None
    inner: dict[str, Any] = {}
    for child in node[2]:
        child_local = local_name(child[0])
        if child_local == "name":
            name = _text(child)
        elif child_local == "value":
            uom = _xml_attribute(child, "uom")
            value = _text(child) if kind == "string" else _number(_text(child), kind)
            if kind == "measure" and uom:
                value = {"value": value, "uom": uom}
        else:
            found = _generic(child) or next((g for g in map(_generic, child[2]) if g), None)
            if found:
                put(inner, *found)
    return (name or local), (inner if kind == "set" else value)


def _address(node: Node) -> dict[str, str]:
    parts: dict[str, str] = {}
    for child, parent in _walk(node):
        local, text = local_name(child[0]), _text(child)
        key = _ADDRESS_PARTS.get(local)
        if key is None and local in ("NameElement", "Identifier", "Number"):
            key = "number" if local == "Number" else _ADDRESS_PARENTS.get(parent)
        if key is None and local in ("street", "houseNumber", "city", "zipCode", "postalCode", "country"):
            key = {"houseNumber": "number", "zipCode": "postcode", "postalCode": "postcode"}.get(local, local)
        if key and text:
            parts[key] = f"{parts[key]} {text}" if key in parts else text
    return parts


def _value(node: Node) -> Any:
    """Value of a subtree: text, or a dictionary of the properties below."""
    if not node[2]:
        return _text(node) or _xml_attribute(node, XLINK_HREF.split()[1]) or ""
    values: dict[str, Any] = {}
    for child in node[2]:
        local = local_name(child[0])
        if local[0].isupper():  # a data type: its properties are what counts
            inner = _value(child)
            if isinstance(inner, dict):
                for key, value in inner.items():
                    put(values, key, value)
            elif inner:
                put(values, local, inner)
        else:
            put(values, local, _value(child))
    return values


def attribute_of(node: Node) -> tuple[str, Any] | None:
    """Return the key and value of an attribute's subtree; None where it holds nothing.

    Examples
    --------
    >>> value = ("gen value", [], [], ["05122000"])
    >>> attribute_of(("gen stringAttribute", ["name", "Gemeindeschluessel"], [value], []))
    ('Gemeindeschluessel', '05122000')
    >>> attribute_of(("veg trunkDiameter", ["uom", "cm"], [], ["40"]))
    ('trunkDiameter', {'value': '40', 'uom': 'cm'})
    """
    local = local_name(node[0])
    if local == "genericAttribute":
        found = [g for g in map(_generic, node[2]) if g]
        return found[0] if found else None
    generic = _generic(node)
    if generic is not None:
        return generic
    if local == "address":
        parts = _address(node)
        return ("address", parts) if parts else None
    value = _value(node)
    uom = _xml_attribute(node, "uom")
    if uom and not node[2] and value and not is_metre(uom):
        value = {"value": value, "uom": uom}
    return (local, value) if value not in ("", {}) else None


def attribute_with_reference(node: Node) -> tuple[str, Any, str | None] | None:
    """Return key, value and reference (xlink:href, else None) of an attribute's subtree; None where it holds nothing.

    Examples
    --------
    >>> attribute_with_reference(("x function", [], [], [" 31001_2000 "]))
    ('function', '31001_2000', None)
    """
    name, attrs, children, texts = node
    if not children and not attrs:  # most attributes
        text = "".join(texts).strip()
        return (local_name(name), text, None) if text else None
    found = attribute_of(node)
    if found is None:
        return None
    href = next((attrs[i + 1] for i in range(0, len(attrs), 2) if attrs[i] == XLINK_HREF), None)
    return (*found, href)
