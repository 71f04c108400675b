"""Columns of CityGML files: choosing rows, and joining several files to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.city.crs import CrsDecision
from twin.city.gaps import GapLog
from twin.city.model import Polygons

__all__ = ["FileColumns", "finite", "joined", "kept", "of_level"]


@dataclass
class FileColumns:
    """Everything of one file (or of several joined) in columns; rows refer to rows of the same object."""

    objects: dict[str, np.ndarray]
    boundaries: dict[str, np.ndarray]
    surfaces: dict[str, np.ndarray]
    shells: dict[str, np.ndarray]
    polygons: Polygons
    decision: CrsDecision


def of_level(columns: FileColumns, lod: str) -> FileColumns:
    """Keep the polygons of one level of detail, and those that tell none."""
    level = columns.surfaces["lod"]
    return kept(columns, (level == int(lod)) | (level < 0))


def finite(columns: FileColumns, name: str, log: GapLog) -> FileColumns:
    """Leave out, with a row in the gap table, polygons that a transformation has taken off the map."""
    xyz, polygons = columns.polygons.xyz, columns.polygons
    if np.isfinite(xyz.sum()):
        return columns
    wild = ~np.isfinite(xyz).all(axis=1)
    total = np.concatenate(([0], np.cumsum(wild)))[polygons.ring_start[polygons.polygon_start]]
    lost = np.diff(total) > 0
    places = [
        str(found or f"polygon {i + 1}")
        for i, found in zip(np.flatnonzero(lost), columns.surfaces["id"][lost], strict=True)
    ]
    log.add(
        "gml_coordinates_wild", layer="buildings", severity="error", count=int(lost.sum()), of=len(lost), source=name,
        places=places,
    )  # fmt: skip
    return kept(columns, ~lost)


def _select(polygons: Polygons, keep: np.ndarray) -> Polygons:
    rings = np.repeat(keep, np.diff(polygons.polygon_start))
    points = np.repeat(rings, np.diff(polygons.ring_start))
    ring_start = np.concatenate(([0], np.cumsum(np.diff(polygons.ring_start)[rings])))
    polygon_start = np.concatenate(([0], np.cumsum(np.diff(polygons.polygon_start)[keep])))
    return Polygons(polygons.xyz[points], ring_start.astype(np.int64), polygon_start.astype(np.int64))


def kept(columns: FileColumns, keep: np.ndarray, objects: np.ndarray | None = None) -> FileColumns:
    """Keep some polygons, and some objects where told, with all row numbers made new."""
    object_keep = np.ones(len(columns.objects["id"]), dtype=bool) if objects is None else objects
    owner = np.append(columns.boundaries["object"], -1)
    boundary_keep = np.append(object_keep, True)[owner[:-1]]
    new_object = np.append(np.where(object_keep, np.cumsum(object_keep) - 1, -1), -1)
    new_boundary = np.append(np.where(boundary_keep, np.cumsum(boundary_keep) - 1, -1), -1)
    new_polygon = np.where(keep, np.cumsum(keep) - 1, -1)
    new_objects = {k: v[object_keep] for k, v in columns.objects.items()}
    new_objects["parent"] = new_object[new_objects["parent"]]
    boundaries = {k: v[boundary_keep] for k, v in columns.boundaries.items()}
    boundaries["object"] = new_object[boundaries["object"]]
    boundaries["parent"] = new_boundary[boundaries["parent"]]
    surfaces = {k: v[keep] for k, v in columns.surfaces.items()}
    surfaces["object"] = new_object[surfaces["object"]]
    surfaces["boundary"] = new_boundary[surfaces["boundary"]]
    shell_keep = (new_polygon[columns.shells["polygon"]] >= 0) & np.append(object_keep, True)[columns.shells["object"]]
    shells = {k: v[shell_keep] for k, v in columns.shells.items()}
    shells["polygon"] = new_polygon[shells["polygon"]]
    shells["object"] = new_object[shells["object"]]
    return FileColumns(new_objects, boundaries, surfaces, shells, _select(columns.polygons, keep), columns.decision)


def joined(parts: list[FileColumns], log: GapLog) -> FileColumns:
    """Return several files as one; a top-level object told in an earlier file is left out with all that is in it."""
    if len(parts) > 1:
        parts = _without_repeats(parts, log)
    if len(parts) == 1:
        return parts[0]
    shifts = {"object": 0, "boundary": 0, "polygon": 0, "solid": 0, "composite": 0}
    moved: list[FileColumns] = []
    for part in parts:
        moved.append(_shifted(part, shifts))
        shifts["object"] += len(part.objects["id"])
        shifts["boundary"] += len(part.boundaries["id"])
        shifts["polygon"] += len(part.polygons)
        for number in ("solid", "composite"):
            shifts[number] += int(part.shells[number].max()) + 1 if len(part.shells[number]) else 0

    def glue(tables: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {key: np.concatenate([table[key] for table in tables]) for key in tables[0]}

    starts = [part.polygons for part in moved]
    rings = np.concatenate([np.diff(p.ring_start) for p in starts])
    counts = np.concatenate([np.diff(p.polygon_start) for p in starts])
    polygons = Polygons(
        np.concatenate([p.xyz for p in starts]),
        np.concatenate(([0], np.cumsum(rings))).astype(np.int64),
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
    )
    return FileColumns(
        glue([part.objects for part in moved]),
        glue([part.boundaries for part in moved]),
        glue([part.surfaces for part in moved]),
        glue([part.shells for part in moved]),
        polygons,
        parts[0].decision,
    )


def _shifted(part: FileColumns, shifts: dict[str, int]) -> FileColumns:
    def move(table: dict[str, np.ndarray], **columns: int) -> dict[str, np.ndarray]:
        changed = {key: np.where(table[key] >= 0, table[key] + by, table[key]) for key, by in columns.items()}
        return table | changed

    o, b = shifts["object"], shifts["boundary"]
    return FileColumns(
        move(part.objects, parent=o),
        move(part.boundaries, object=o, parent=b),
        move(part.surfaces, object=o, boundary=b),
        move(part.shells, object=o, polygon=shifts["polygon"], solid=shifts["solid"], composite=shifts["composite"]),
        part.polygons,
        part.decision,
    )


def _without_repeats(parts: list[FileColumns], log: GapLog) -> list[FileColumns]:
    seen: set[str] = set()
    result: list[FileColumns] = []
    for part in parts:
        ids, parent = part.objects["id"], part.objects["parent"]
        keep = np.ones(len(ids), dtype=bool)
        repeated = [i for i in np.flatnonzero(parent < 0) if ids[i] in seen]
        seen.update(ids[parent < 0])
        if repeated:
            keep[repeated] = False
            for row in np.flatnonzero(parent >= 0):  # a child stands after its parent
                keep[row] = keep[parent[row]]
            log.add(
                "gml_object_in_several_files", layer="buildings", severity="info", count=len(repeated),
                of=int((parent < 0).sum()), source=str(part.objects["source"][0]), places=ids[repeated],
                default="the first file's",
            )  # fmt: skip
            surfaces = np.append(keep, True)[part.surfaces["object"]]
            part = kept(part, surfaces, keep)
        result.append(part)
    return result
