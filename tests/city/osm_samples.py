"""A small made OpenStreetMap extract, as XML and as PBF (written here by the rules of the OSM wiki, "PBF Format")."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

Tags = dict[str, str]
NODES: dict[int, tuple[float, float, Tags]] = {
    1: (13.3500, 52.5100, {"natural": "tree", "species": "Tilia cordata", "height": "12 m", "circumference": "1.2"}),
    2: (13.3510, 52.5105, {"natural": "tree", "genus": "Quercus"}),
    3: (13.3500, 52.5110, {"amenity": "bench"}),
    10: (13.3490, 52.5090, {}), 11: (13.3530, 52.5090, {}), 12: (13.3530, 52.5120, {}), 13: (13.3490, 52.5120, {}),
    20: (13.3505, 52.5100, {}), 21: (13.3515, 52.5100, {}), 22: (13.3515, 52.5106, {}), 23: (13.3505, 52.5106, {}),
    30: (13.3520, 52.5092, {}), 31: (13.3524, 52.5092, {}), 32: (13.3524, 52.5094, {}), 33: (13.3520, 52.5094, {}),
}  # fmt: skip
WAYS: dict[int, tuple[list[int], Tags]] = {
    100: ([10, 11, 12], {"highway": "residential", "name": "Hofjägerallee", "width": "7,5"}),
    101: ([12, 13], {"highway": "footway", "bridge": "yes"}),
    102: ([20, 21, 22, 23, 20], {"natural": "water"}),
    103: ([10, 11, 12, 13, 10], {"leisure": "park"}),
    104: ([30, 31, 32, 33, 30], {"building": "yes", "building:levels": "4", "name": "Haus"}),
    105: ([10, 13], {"barrier": "fence"}),
}


def write_xml(path: Path) -> Path:
    def tags(table: Tags) -> str:
        return "".join(f'<tag k="{k}" v="{v}"/>' for k, v in table.items())

    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6">']
    lines += [f'<node id="{i}" lon="{x}" lat="{y}" version="1">{tags(t)}</node>' for i, (x, y, t) in NODES.items()]
    for i, (refs, table) in WAYS.items():
        nodes = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        lines.append(f'<way id="{i}" version="1">{nodes}{tags(table)}</way>')
    path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
    return path


def _varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _packed(field: int, values: list[int]) -> bytes:
    return _bytes(field, b"".join(map(_varint, values)))


def _deltas(values: list[int]) -> list[int]:
    return [_zigzag(value - before) for before, value in zip([0, *values], values, strict=False)]


def _blob(kind: bytes, content: bytes) -> bytes:
    blob = _number(2, len(content)) + _bytes(3, zlib.compress(content))
    header = _bytes(1, kind) + _number(3, len(blob))
    return struct.pack(">I", len(header)) + header + blob


def write_pbf(path: Path) -> Path:
    words = [b""]

    def word(text: str) -> int:
        raw = text.encode()
        if raw not in words:
            words.append(raw)
        return words.index(raw)

    keys: list[int] = []
    for _, _, tags in NODES.values():
        keys += [number for pair in tags.items() for number in map(word, pair)] + [0]
    dense = _packed(1, _deltas(list(NODES)))
    dense += _packed(8, _deltas([round(y * 1e7) for _, y, _ in NODES.values()]))
    dense += _packed(9, _deltas([round(x * 1e7) for x, _, _ in NODES.values()]))
    dense += _packed(10, keys)
    ways = b""
    for number, (refs, tags) in WAYS.items():
        way = _number(1, number) + _packed(2, [word(k) for k in tags]) + _packed(3, [word(v) for v in tags.values()])
        ways += _bytes(3, way + _packed(8, _deltas(refs)))
    groups = _bytes(2, _bytes(2, dense)) + _bytes(2, ways)
    table = _bytes(1, b"".join(_bytes(1, text) for text in words))
    head = _bytes(4, b"OsmSchema-V0.6") + _bytes(4, b"DenseNodes")
    path.write_bytes(_blob(b"OSMHeader", head) + _blob(b"OSMData", table + groups))
    return path
