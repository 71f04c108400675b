"""Large city files for the benchmark: real tiles repeated under new ids, so that nothing in them repeats."""

from __future__ import annotations

import json
import re
from pathlib import Path

__all__ = ["large_citygml", "large_cityjson"]


def large_citygml(files: list[Path], target: Path, megabytes: float, *, turn: int = 0) -> None:
    """Repeat the members of real tiles until the file has the wanted size; ``turn`` numbers the first repetition."""
    pattern = re.compile(rb"<((?:core:)?cityObjectMember)>.*?</\1>", re.DOTALL)
    tiles = [(raw, list(pattern.finditer(raw))) for raw in (file.read_bytes() for file in files)]
    head, members = tiles[0]
    written = 0
    with target.open("wb") as out:
        out.write(head[: members[0].start()])
        while written < megabytes * 1e6:
            for _, found in tiles:
                for member in found:
                    written += out.write(_renamed(member.group(0), turn) + b"\n")
            turn += 1
        out.write(head[members[-1].end() :])


def _renamed(block: bytes, turn: int) -> bytes:
    suffix = b"_%d" % turn
    block = re.sub(rb'(gml:id="[^"]*)"', rb"\1" + suffix + b'"', block)
    return re.sub(rb'(href="#[^"]*)"', rb"\1" + suffix + b'"', block)


def large_cityjson(source: Path, copies: int, target: Path) -> None:
    """Write copies of a document side by side: ids get a suffix, vertex numbers and places a shift."""
    document = json.loads(source.read_text(encoding="utf-8"))
    count, width = len(document["vertices"]), max(vertex[0] for vertex in document["vertices"]) + 10_000
    objects, vertices = {}, []

    def shifted(value: list | int, by: int) -> list | int:
        return value + by if isinstance(value, int) else [shifted(inner, by) for inner in value]

    for copy in range(copies):
        for name, value in document["CityObjects"].items():
            geometries = [
                {key: inner for key, inner in geometry.items() if key not in ("texture", "material")}
                | {"boundaries": shifted(geometry["boundaries"], copy * count)}
                for geometry in value.get("geometry", ())
            ]
            relations = {
                key: [f"{one}_{copy}" for one in value[key]] for key in ("parents", "children") if key in value
            }
            objects[f"{name}_{copy}"] = value | relations | {"geometry": geometries}
        vertices += [[x + copy * width, y, z] for x, y, z in document["vertices"]]
    document.pop("appearance", None)
    document |= {"CityObjects": objects, "vertices": vertices}
    target.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
