"""Structures on the grid: walls, basins, sails and treated ground change the layers they touch, in the table's order.

A structure with a ``height`` that is no sail raises the ground by it where it stands (a kerb, a wall, a dam): water
goes round it and it casts its shade. One with a ``depth`` lowers the ground. A sail is a thin crown: light meets it as it
meets foliage. ``layers`` of a structure are values that the ground takes there. Under buildings nothing changes. Left
out: what lies below the ground (culverts, cisterns, trenches), which the water model takes from the table itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from models.layers import LAYERS
from twin.city.burn import polygon_spans, to_cells
from twin.city.roofs import flat_polygons

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from twin.city.gaps import GapLog
    from twin.city.model import City

__all__ = ["burn_roof_albedo", "burn_structures", "cells_of"]

_SAIL = 0.05  # thickness of a sail on the grid [m]: light is told by its top and underside


def cells_of(shape: shapely.Geometry, width: float, box: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the cells that a structure covers.

    Parameters
    ----------
    shape : shapely.Geometry
        Polygon, line or point. A line also takes every cell it runs through, so that no water slips between two cells
        of a wall.
    width : float
        Width of a line, diameter of a point [m]; NaN or 0 = one cell.
    box : odc.geo.geobox.GeoBox
        Grid.

    Returns
    -------
    rows, columns : numpy.ndarray
        int64, each cell once, row by row.

    Examples
    --------
    >>> from odc.geo.geobox import GeoBox
    >>> box = GeoBox.from_bbox((0, 0, 4, 4), "EPSG:25832", resolution=1.0)
    >>> rows, columns = cells_of(shapely.LineString([(0.5, 3.5), (2.5, 1.5)]), 0.0, box)
    >>> list(zip(rows.tolist(), columns.tolist()))
    [(0, 0), (1, 1), (2, 2)]
    """
    across = width if width > 0 else 0.0
    area = shape if shape.area > 0 else shape.buffer(across / 2.0, cap_style="flat" if shape.length else "round")
    found = [np.empty((0, 2), np.int64)]
    xy, ring_start, polygon_start, _ = flat_polygons([area] if area.area > 0 else [])
    spans = polygon_spans(to_cells(xy, box), ring_start, polygon_start, box.shape)
    found += [
        np.column_stack([np.full(stop - first, row), np.arange(first, stop)])
        for row, first, stop in zip(spans.row, spans.first, spans.stop, strict=True)
    ]
    if shape.area == 0:
        fine = shapely.segmentize(shape, abs(float(box.affine.a)) / 8.0)
        uv = np.rint(to_cells(shapely.get_coordinates(fine), box)).astype(np.int64)
        inside = (uv >= 0).all(axis=1) & (uv[:, 0] < box.shape[1]) & (uv[:, 1] < box.shape[0])
        found.append(uv[inside][:, ::-1])
    cells = np.unique(np.concatenate(found).astype(np.int64), axis=0)
    return cells[:, 0], cells[:, 1]


def burn_structures(city: City, box: GeoBox, layers: dict[str, np.ndarray], log: GapLog) -> None:
    """Bring the structures of a city into its layers, in place.

    Parameters
    ----------
    city : twin.city.model.City
        With its table ``structures``.
    box : odc.geo.geobox.GeoBox
        Grid.
    layers : dict
        Layers of the grid, all of ``terrain_height``, ``surface_height``, ``canopy_height``, ``trunk_height``,
        ``building_id`` and the surface properties; ``soil_moisture`` is added where a structure sets it.
    log : twin.city.gaps.GapLog
        Takes rows about structures that leave no trace, and about sails.
    """
    table = city.structures
    if not len(table):
        return
    open_ground = layers["building_id"] == 0
    traceless, sails, built_over = [], [], []
    for row in table.itertuples():
        at = cells_of(row.geometry, _number(row.width), box)
        free = open_ground[at]
        at, covered = (at[0][free], at[1][free]), int((~free).sum())
        height, depth = _number(row.height), _number(row.depth)
        if covered and at[0].size:
            built_over.append(row.id)
        if height > 0 and row.kind == "sail":
            _hang(layers, at, height)
            sails.append(row.id)
        elif height > 0 or depth > 0:
            layers["terrain_height"][at] += np.float32(max(height, 0.0) - max(depth, 0.0))
            layers["surface_height"][at] = layers["terrain_height"][at]
        for name, value in (row.layers or {}).items():
            if name not in layers:
                layers[name] = np.full(box.shape, np.nan, LAYERS[name].dtype)
            layers[name][at] = value
        if not at[0].size or not (row.layers or height > 0 or depth > 0):
            traceless.append(row)
    _report(traceless, sails, built_over, len(table), log)


def _number(value: float) -> float:
    return float(value) if value is not None and np.isfinite(value) else 0.0


def _hang(layers: dict[str, np.ndarray], at: tuple[np.ndarray, np.ndarray], height: float) -> None:
    """Hang a sail where no crown stands: the crown's shade is the stronger one."""
    bare = layers["canopy_height"][at] <= 0
    at = at[0][bare], at[1][bare]
    layers["canopy_height"][at] = height
    layers["trunk_height"][at] = height - _SAIL


def _report(traceless: list, sails: list, built_over: list, count: int, log: GapLog) -> None:
    log.add(
        "structure_without_layer",
        layer="structures",
        severity="info",
        count=len(traceless),
        of=count,
        places=[row.id for row in traceless],
        kinds=", ".join(sorted({str(row.kind) for row in traceless})),
    )
    log.add(
        "sail_as_crown",
        layer="canopy_height",
        severity="default",
        count=len(sails),
        of=count,
        places=sails,
        default="foliage",
    )
    log.add(
        "structure_under_building",
        layer="structures",
        severity="info",
        count=len(built_over),
        of=count,
        places=built_over,
    )


def burn_roof_albedo(city: City, top: np.ndarray, owner: np.ndarray, albedo: np.ndarray) -> None:
    """Give roofs the albedo that their building's attribute ``roof_albedo`` names, in place.

    Parameters
    ----------
    city : twin.city.model.City
        City with its objects.
    top : numpy.ndarray
        Row of each object's top-level object.
    owner : numpy.ndarray
        Object row + 1 that forms the surface of each cell, 0 = ground.
    albedo : numpy.ndarray
        float32 layer to change.
    """
    own = np.array(
        [a.get("roof_albedo", np.nan) if isinstance(a, dict) else np.nan for a in city.objects["attributes"]],
        dtype=np.float32,
    )
    if not np.isfinite(own).any():
        return
    by_object = np.concatenate([[np.nan], np.where(np.isfinite(own), own, own[top])]).astype(np.float32)
    given = by_object[owner]
    np.copyto(albedo, given, where=np.isfinite(given))
