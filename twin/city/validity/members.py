"""Which polygons make up which shell of which solid: the table the shell and solid checks work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from twin.city.model import City

__all__ = ["Shells", "levels_of", "shells_of"]

_OUTSIDE = (
    "RoofSurface", "WallSurface", "GroundSurface", "OuterCeilingSurface", "OuterFloorSurface", "ClosureSurface",
)  # fmt: skip
_NAMES = ("polygon", "row", "object", "lod", "solid", "number", "composite", "reverse", "surface")
_WHOLE = ("Building", "BuildingPart", "Bridge", "BridgePart", "Tunnel", "TunnelPart")


@dataclass(frozen=True)
class Shells:
    """Faces of shells in flat arrays.

    Parameters
    ----------
    face_start : numpy.ndarray
        int64 (shells + 1,) offsets into ``polygon`` and ``reverse``.
    polygon, reverse : numpy.ndarray
        Row of ``City.polygons`` of each face; True where the shell uses it against its own direction.
    row : numpy.ndarray
        Row of ``City.shells`` each face came from, -1 where the shell was made of boundary surfaces.
    object, lod, solid, number : numpy.ndarray
        Of each shell: row of the object, level of detail, number of the solid, number in the solid (0 = exterior).
    surface : numpy.ndarray
        bool (shells,): a composite surface, which need not close.
    composite : numpy.ndarray
        int64 (shells,): number of the composite solid a shell's solid is part of, -1 = none.
    """

    face_start: np.ndarray
    polygon: np.ndarray
    reverse: np.ndarray
    row: np.ndarray
    object: np.ndarray
    lod: np.ndarray
    solid: np.ndarray
    number: np.ndarray
    surface: np.ndarray
    composite: np.ndarray

    def __len__(self) -> int:
        return len(self.object)

    def faces(self, shell: int) -> np.ndarray:
        """Return the polygons of one shell."""
        return self.polygon[self.face_start[shell] : self.face_start[shell + 1]]


def levels_of(city: City) -> np.ndarray:
    """Return a number for each polygon's level of detail, ``lod_text`` where it is told (2.2 is not 2.1)."""
    if "lod_text" in city.surfaces:
        return np.asarray(pd.factorize(city.surfaces["lod_text"])[0], dtype=np.int64)
    return city.surfaces["lod"].to_numpy(dtype=np.int64)


def shells_of(city: City, *, surfaces_as_shells: bool = False) -> Shells:
    """Return the shells of a city's solids and its composite surfaces.

    Parameters
    ----------
    city : City
        ``shells`` lists the faces of solids; ``surfaces["body"]`` and ``["geometry"]``, where they are there, tell
        composite surfaces and composite solids.
    surfaces_as_shells : bool
        Take the boundary surfaces of a building or part without a solid at a level of detail as its shell.
    """
    faces = _of_solids(city)
    parts = [faces, _of_composites(city, 1 + int(faces["solid"].max(initial=-1)))]
    if surfaces_as_shells:
        known = set(zip(faces["object"].tolist(), levels_of(city)[faces["polygon"]].tolist(), strict=True))
        parts.append(_of_boundaries(city, known, 1 + max(int(p["solid"].max(initial=-1)) for p in parts)))
    table = {key: np.concatenate([part[key] for part in parts]) for key in faces}
    order = np.lexsort((np.arange(len(table["solid"])), table["number"], table["solid"]))
    table = {key: values[order] for key, values in table.items()}
    change = (np.diff(table["solid"], prepend=-1) != 0) | (np.diff(table["number"], prepend=-1) != 0)
    first = np.flatnonzero(change)
    per_face = ("polygon", "reverse", "row")
    of_shell = {key: values[first] for key, values in table.items() if key not in per_face}
    return Shells(
        face_start=np.append(first, len(change)).astype(np.int64),
        **{key: np.ascontiguousarray(table[key]) for key in per_face},
        **of_shell,
    )


def _columns(count: int, **given: np.ndarray | int | bool) -> dict[str, np.ndarray]:
    columns = {}
    for key in _NAMES:
        dtype = bool if key in ("reverse", "surface") else np.int64
        columns[key] = np.array(np.broadcast_to(np.asarray(given[key], dtype=dtype), (count,)))
    return columns


def _of_solids(city: City) -> dict[str, np.ndarray]:
    table = city.shells
    polygon = table["polygon"].to_numpy(dtype=np.int64)
    composite = np.full(len(table), -1, dtype=np.int64)
    if "composite" in table:
        composite = table["composite"].fillna(-1).to_numpy(dtype=np.int64)
    elif {"body", "geometry"} <= set(city.surfaces) and len(table):
        together = (city.surfaces["body"] == "CompositeSolid").to_numpy()[polygon]
        composite = np.where(together, city.surfaces["geometry"].to_numpy(dtype=np.int64)[polygon], -1)
    keep = polygon >= 0
    solid, owner = table["solid"].to_numpy(dtype=np.int64), table["object"].to_numpy(dtype=np.int64)
    pairs = np.unique(np.column_stack([solid, owner]), axis=0)
    if len(np.unique(pairs[:, 0])) < len(pairs):  # cities put together may count their solids from 0 each
        solid = np.asarray(pd.factorize(pd.MultiIndex.from_arrays([owner, solid]))[0], dtype=np.int64)
    columns = _columns(
        len(table), polygon=polygon, row=np.arange(len(table)), object=owner,
        lod=table["lod"].to_numpy(dtype=np.int64), solid=solid,
        number=table["shell"].to_numpy(dtype=np.int64), composite=composite,
        reverse=table["reversed"].to_numpy(dtype=bool), surface=False,
    )  # fmt: skip
    return {key: values[keep] for key, values in columns.items()}


def _of_composites(city: City, first: int) -> dict[str, np.ndarray]:
    """Return composite surfaces, each as a shell that need not close."""
    if not {"body", "geometry"} <= set(city.surfaces):
        return _columns(0, **dict.fromkeys(_NAMES, 0))
    polygon = np.flatnonzero((city.surfaces["body"] == "CompositeSurface").to_numpy())
    number = pd.factorize(city.surfaces["geometry"].to_numpy()[polygon])[0]
    return _columns(
        len(polygon), polygon=polygon, row=-1, object=city.surfaces["object"].to_numpy(dtype=np.int64)[polygon],
        lod=city.surfaces["lod"].to_numpy(dtype=np.int64)[polygon], solid=first + number, number=0, composite=-1,
        reverse=False, surface=True,
    )  # fmt: skip


def _of_boundaries(city: City, known: set[tuple[int, int]], first: int) -> dict[str, np.ndarray]:
    """Return the outer boundary surfaces of buildings and parts that have no solid at their level of detail."""
    surfaces = city.surfaces
    owner, level = surfaces["object"].to_numpy(dtype=np.int64), levels_of(city)
    whole = np.append(city.objects["kind"].isin(_WHOLE).to_numpy(), False)
    polygon = np.flatnonzero(surfaces["kind"].isin(_OUTSIDE).to_numpy() & whole[owner])
    alone = [pair not in known for pair in zip(owner[polygon].tolist(), level[polygon].tolist(), strict=True)]
    polygon = polygon[np.array(alone, dtype=bool)]
    number = pd.factorize(owner[polygon] * (level.max(initial=0) + 2) + level[polygon])[0]
    return _columns(
        len(polygon), polygon=polygon, row=-1, object=owner[polygon],
        lod=surfaces["lod"].to_numpy(dtype=np.int64)[polygon], solid=first + number, number=0, composite=-1,
        reverse=False, surface=False,
    )  # fmt: skip
