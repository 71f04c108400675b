"""The building layers of a city, CityGML, CityJSON or outlines, as bodies in the city's reference system."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twin.city import bodies
from twin.city.crs import crs_label
from twin.city.features import VECTOR_SUFFIXES, describe_file
from twin.city.files import found, holds_cityjson, is_citygml, source_rows
from twin.city.model import City
from twin.city.openstreetmap import is_osm
from twin.city.outlines import read_footprints
from twin.city.placing import Bounds, Reference, refuse_degrees
from twin.city.profile import BuildingsLayer
from twin.city.terrain import joined_terrain, moved_terrain, terrain_bounds
from twin.errors import TextError

__all__ = ["all_bodies", "read_bodies"]


def read_bodies(layer: BuildingsLayer, ref: Reference, *, alone: bool = True) -> City:
    """Read one table of buildings: CityGML or CityJSON, or outlines where it names a column of heights or storeys.

    Parameters
    ----------
    layer : BuildingsLayer
        Files and columns.
    ref : Reference
        CRS and extent of the city; takes them from this layer where they are not known yet.
    alone : bool
        True where the city has no other layer, so that bodies in a local engineering system may stay in it.

    Returns
    -------
    City
        Bodies in the city's CRS, with the reader's own ``gaps`` and ``sources``.

    Raises
    ------
    InputError
        If files cannot be read, say no heights, or cannot belong to the city.
    """
    columns = layer.height is not None or layer.storeys is not None
    if not columns and all(is_citygml(path) for path in layer.path):
        from twin.city.citygml import read_citygml

        return _bodies(partial(read_citygml, at=layer.at), layer, ref, alone)
    if not columns and all(holds_cityjson(path) for path in layer.path):
        from twin.city.cityjson import read_cityjson

        return _bodies(read_cityjson, layer, ref, alone)
    files = found(layer.path, "buildings", suffixes=VECTOR_SUFFIXES)
    if not columns and all(is_osm(file) for file in files):
        tags = {"height": "height", "storeys": "building:levels", "function": "building", "roof_type": "roof:shape"}
        layer, columns = layer.model_copy(update={**tags, "id": "osm_id"}), True
    if not columns:
        fields = ", ".join(map(str, describe_file(files[0], layer.layer, layer.encoding)["fields"])) or "none"
        raise TextError("footprints_heights", file=files[0], listed=fields)
    objects = read_footprints(files, layer, ref)
    return City(crs=ref.crs, objects=objects, sources=source_rows(files, layer, "buildings"))


def _bodies(read: Callable[..., City], layer: BuildingsLayer, ref: Reference, alone: bool) -> City:
    """Read city objects of CityGML or CityJSON and bring them to the city's CRS."""
    city = read(layer.path, lod=layer.lod, crs=layer.crs)
    city = city.replace(sources=city.sources.assign(licence=layer.licence, attribution=layer.attribution))
    where = layer.path[0] if len(layer.path) == 1 else f"{layer.path[0]} and {len(layer.path) - 1} more"
    bounds = bodies.body_bounds(city)
    if bounds is None and city.terrain is not None:
        bounds = terrain_bounds(city.terrain)
    if bounds is None:
        return city if city.crs is None or ref.crs is None else bodies.moved(city, ref.crs)
    if city.crs is None:
        return _local(city, bounds, where, ref, alone)
    refuse_degrees(bounds, city.crs, where)
    own = city.crs
    city = bodies.moved(city, ref.settle(own, bounds, where))
    if city.terrain is not None:
        city = city.replace(terrain=moved_terrain(city.terrain, own, os.path.basename(where), ref))
    ref.compare_heights(own, "buildings", os.path.basename(where))
    moved = bodies.body_bounds(city) or (terrain_bounds(city.terrain) if city.terrain is not None else None)
    assert moved is not None
    ref.cover(moved, where)
    return _heights_from_storeys(city, layer, ref)


def _local(city: City, bounds: Bounds, where: str, ref: Reference, alone: bool) -> City:
    """Bodies without an earth-bound CRS: allowed alone, or where the city's CRS is given."""
    if ref.crs is None:
        if not alone:
            raise TextError("crs_local", where=where)
        ref.cover(bounds, where)
        return city
    refuse_degrees(bounds, ref.crs, where)
    ref.cover(bounds, where)
    label = crs_label(ref.crs)
    ref.log.add("crs_assumed", layer="buildings", severity="warning", count=1, of=1, source=where, default=label)
    own = {
        name: getattr(city, name).set_crs(ref.crs, allow_override=True) for name in ("objects", "trees", "land_cover")
    }
    terrain = None if city.terrain is None else city.terrain.rio.write_crs(ref.crs.to_wkt())
    return city.replace(crs=ref.crs, terrain=terrain, **own)


def _heights_from_storeys(city: City, layer: BuildingsLayer, ref: Reference) -> City:
    """Give buildings without a height that of their storeys, where the layer says how high a storey is."""
    each = layer.default_storey_height
    if each is None:
        return city
    objects = city.objects
    height, storeys = (objects[name].to_numpy(dtype=float) for name in ("measured_height", "storeys"))
    missing = np.isnan(height) & (storeys > 0) & objects["kind"].isin(["Building", "BuildingPart"]).to_numpy()
    ref.log.add(
        "building_height_from_storeys",
        layer="buildings",
        severity="default",
        count=int(missing.sum()),
        of=len(objects),
        source=", ".join(map(str, pd.unique(objects["source"])[:3])),
        places=objects["id"].to_numpy()[missing],
        default=f"{each:g} m",
    )
    return city.replace(objects=objects.assign(measured_height=np.where(missing, storeys * each, height)))


def all_bodies(layers: Sequence[City], ref: Reference) -> City:
    """Return the bodies of several tables as one city; a building met again under its id is taken once, the first.

    Parameters
    ----------
    layers : sequence of City
        From :func:`read_bodies`, in the order of the profile.
    ref : Reference
        CRS of the city; gets a gap row for repeated buildings.

    Returns
    -------
    City
        Without gaps and sources; with the terrain, trees, land cover and streams the models hold themselves.
    """
    if not layers:
        return City(crs=ref.crs)
    seen: set[str] = set()
    single = []
    for city in layers:
        top = bodies.top_of(city.objects["parent"].to_numpy())
        ids = city.objects["id"].astype(str).to_numpy()
        again = np.isin(ids, list(seen))[top] if seen else np.zeros(len(ids), dtype=bool)
        whole = again & (top == np.arange(len(top)))
        sources = ", ".join(Path(path).name for path in city.sources["path"][:3])
        ref.log.add(
            "building_repeated",
            layer="buildings",
            severity="warning",
            count=int(whole.sum()),
            of=int((top == np.arange(len(top))).sum()),
            source=sources,
            places=ids[whole],
        )
        trees = city.trees[~city.trees["id"].isin(ids[again])]
        single.append(bodies.kept(city, ~again).replace(trees=trees))
        seen |= set(ids)
    joined = bodies.joined(single, ref.crs)
    return City(
        crs=joined.crs,
        objects=joined.objects,
        surfaces=joined.surfaces,
        polygons=joined.polygons,
        boundaries=joined.boundaries,
        shells=joined.shells,
        terrain=joined_terrain([city.terrain for city in layers if city.terrain is not None], ref),
        trees=_together([city.trees for city in single]),
        land_cover=_together([city.land_cover for city in single]),
        streams=_together([city.streams for city in single]),
    )


def _together(tables: Sequence[Any]) -> Any:
    """Return the rows of several tables in order; tables without rows count only where all are."""
    filled = [table for table in tables if len(table)] or tables[:1]
    return filled[0].reset_index(drop=True) if len(filled) == 1 else pd.concat(filled, ignore_index=True)
