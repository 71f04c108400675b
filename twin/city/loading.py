"""Load a city: every layer of a profile (or of the call) into one model, in one reference system, with its gaps."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from twin.city import bodies, gaps
from twin.city.building_layers import all_bodies, read_bodies
from twin.city.cadastres import cadastres
from twin.city.canopy import read_canopy
from twin.city.crosschecks import cross_check
from twin.city.defaults import default
from twin.city.delimited import SUFFIXES as TABLE_SUFFIXES
from twin.city.features import VECTOR_SUFFIXES, read_features
from twin.city.files import found, holds_cityjson, is_citygml, source_rows
from twin.city.ground_checks import check_ground
from twin.city.land_cover import read_land_cover
from twin.city.model import (
    LAND_COVER_COLUMNS,
    NETWORK_COLUMNS,
    SOURCE_COLUMNS,
    STATION_COLUMNS,
    STRUCTURE_COLUMNS,
    TREE_COLUMNS,
    City,
)
from twin.city.placing import Bounds, Reference, grown, parsed, placed, require_projected
from twin.city.pointclouds import POINT_SUFFIXES
from twin.city.profile import Layer, Profile, make_profile, read_profile
from twin.city.rasters import RASTER_SUFFIXES
from twin.city.sewer_network import read_sewer
from twin.city.terrain import read_terrain
from twin.city.tree_filling import fill_trees
from twin.city.trees import read_trees
from twin.city.vectors import read_stations, read_streets
from twin.city.water_structures import read_structures
from twin.city.writers.stored import is_stored, open_city
from twin.errors import InputError, Phrase, TextError
from twin.progress import track

__all__ = ["load", "profile_of"]

PathLike = str | os.PathLike[str]
LayerSpec = PathLike | Mapping[str, Any] | Sequence[PathLike | Mapping[str, Any]]


def load(
    profile: PathLike | None = None,
    /,
    *,
    buildings: LayerSpec | None = None,
    terrain: LayerSpec | None = None,
    canopy: LayerSpec | None = None,
    trees: LayerSpec | None = None,
    land_cover: LayerSpec | None = None,
    streets: LayerSpec | None = None,
    stations: LayerSpec | None = None,
    structures: LayerSpec | None = None,
    sewer: LayerSpec | None = None,
    area: Bounds | PathLike | None = None,
    crs: str | int | pyproj.CRS | None = None,
    lod: int | str | None = None,
    name: str = "",
    default_storey_height: float | None = None,
) -> City:
    """Load a city from a profile, from CityGML, or from single layers.

    Parameters
    ----------
    profile : path, optional
        City profile (TOML), or directly a CityGML or CityJSON file or a folder of such files, or a folder that
        ``city.write`` made (of which only the tiles near ``area`` are read).
    buildings, terrain, canopy, trees, land_cover, streets, stations, structures, sewer : path, mapping or sequence, optional
        One layer: its file, or a mapping of the keys its table has in a profile; or several of them. What is given
        here takes the place of that layer in the profile.
    area : tuple of float or path, optional
        West, south, east, north [m] in the city's CRS, or a vector file whose extent counts. Bodies, trees, land
        cover and streets up to 200 m beyond it are kept, so that shadows from outside the area fall into it.
    crs : str, int or pyproj.CRS, optional
        CRS of the city; by default that of the first layer of buildings. All other layers are transformed to it.
    lod : int or str, optional
        Level of detail to take from CityGML; by default all.
    name : str
        Name for titles.
    default_storey_height : float, optional
        Height [m] of a storey, where a building has storeys but no height.

    Returns
    -------
    City
        With ``gaps`` naming everything missing, doubtful, dropped or filled, and ``sources`` naming every file.

    Raises
    ------
    InputError
        In one sentence: a file that is missing, empty or of the wrong kind; a layer without CRS, in degrees where
        metres must be, or beside the city; an unknown column, key or class.

    Examples
    --------
    >>> city = load("data/samples/city.toml")
    >>> city.counts()["Building"] > 200, city.counts()["trees"] > 900
    (True, True)
    >>> city = load(buildings="data/samples/lod2/*.gml", terrain="data/samples/dgm1.tif")
    >>> city.terrain.dims
    ('y', 'x')
    """
    given = {
        "buildings": buildings,
        "terrain": terrain,
        "canopy": canopy,
        "trees": trees,
        "land_cover": land_cover,
        "streets": streets,
        "stations": stations,
        "structures": structures,
        "sewer": sewer,
    }
    if profile is not None and is_stored(profile):
        own = {**given, "crs": crs, "lod": lod, "default_storey_height": default_storey_height}
        city = _from_store(profile, own, area)
        return city.replace(name=name) if name else city
    plan = profile_of(profile, given)
    changes: dict[str, Any] = {}
    if name:
        changes["name"] = name
    if area is not None:
        checked = make_profile(
            {"area": tuple(area) if isinstance(area, list | tuple) else os.fspath(area)}, where="area"
        )
        changes["area"] = checked.area
    own = {"lod": str(lod) if lod is not None else None, "default_storey_height": default_storey_height}
    own = {key: value for key, value in own.items() if value is not None}
    if own:
        changes["buildings"] = tuple(layer.model_copy(update=own) for layer in plan.buildings)
    if crs is not None:
        changes["crs"] = crs.to_wkt() if isinstance(crs, pyproj.CRS) else str(crs)
    plan = plan.model_copy(update=changes)
    if not plan.layers:
        raise TextError("nothing_to_load")
    with track("Loading the city", total=len(plan.layers) + 1) as done:
        return _Loading(plan, done).city()


def _from_store(folder: PathLike, given: Mapping[str, Any], area: Bounds | PathLike | None) -> City:
    """Read a city that was written as a folder of tables."""
    beside = [key for key, value in given.items() if value is not None]
    if beside:
        raise TextError("store_changed", folder=folder, listed=", ".join(beside))
    stored = open_city(folder)
    if isinstance(area, str | os.PathLike):
        if stored.crs is None:
            raise TextError("store_area", folder=folder)
        area = _area_of(os.fspath(area), stored.crs)
    return stored.read(area=area)


def profile_of(profile: PathLike | None, given: Mapping[str, LayerSpec | None] | None = None) -> Profile:
    """Return the profile that a call of :func:`load` means: of a TOML file, a single data file, and single layers."""
    plan = Profile()
    if profile is not None:
        path = Path(profile)
        if path.suffix.lower() == ".toml":
            plan = read_profile(path)
        elif path.is_dir() and (path / "city.toml").is_file():
            plan = read_profile(path / "city.toml")
        else:
            plan = make_profile({_role_of(path): {"path": os.fspath(path)}}, where=os.fspath(path))
    layers = {role: _layer_table(role, spec) for role, spec in (given or {}).items() if spec is not None}
    if layers:
        extra = make_profile(layers, where="load()")
        plan = plan.model_copy(update={role: getattr(extra, role) for role in layers})
    return plan


def _role_of(path: Path) -> str:
    """Return the layer that a single data file given as a city is, by its ending."""
    if not path.exists():
        raise TextError("path_missing", path=path)
    if is_citygml(os.fspath(path)) or holds_cityjson(os.fspath(path)):
        return "buildings"
    name = path.name.lower()
    if name.endswith((*RASTER_SUFFIXES, *POINT_SUFFIXES)):
        return "terrain"
    if name.endswith(TABLE_SUFFIXES):
        return "trees"
    if name.endswith(VECTOR_SUFFIXES):
        from twin.city.features import describe_file

        info = describe_file(path)
        if "Polygon" in str(info["geometry_type"]):
            raise TextError("polygons_of_what", path=path, name=path.name)
        return "trees" if "Point" in str(info["geometry_type"]) else "streets"
    raise TextError("path_unknown_kind", path=path)


def _layer_table(role: str, spec: LayerSpec) -> Any:
    def table(one: Any) -> Any:
        if isinstance(one, Mapping):
            return dict(one)
        if isinstance(one, str | os.PathLike):
            return {"path": os.fspath(one)}
        raise InputError(
            f"{role} must be a path, a mapping of profile keys, or a list of those, not {type(one).__name__}."
        )

    if role == "sewer" and isinstance(spec, str | os.PathLike | Mapping):
        return table(spec)
    if role in ("terrain", "canopy"):
        if isinstance(spec, list | tuple):
            if not all(isinstance(one, str | os.PathLike) for one in spec):
                raise InputError(f"{role} must be a path, a list of tiles, or one mapping of profile keys.")
            return {"path": [os.fspath(one) for one in spec]}
        return table(spec)
    return [table(one) for one in spec] if isinstance(spec, list | tuple) else [table(spec)]


@dataclass
class _Loading:
    """One run of :func:`load`: what was read so far, and where the city lies."""

    plan: Profile
    done: Callable[[float], None]
    ref: Reference = field(default_factory=Reference)
    sources: list[pd.DataFrame] = field(default_factory=list)
    gap_tables: list[pd.DataFrame] = field(default_factory=list)
    steps: int = 0

    def city(self) -> City:
        """Read all layers and return the city."""
        if self.plan.crs is not None:
            self.ref.crs = parsed(self.plan.crs, Phrase("the_citys_crs"))
            require_projected(self.ref.crs, None, Phrase("the_city"))
        self._plan_area()
        city = self._buildings()
        if self.plan.terrain is not None:
            files = found(self.plan.terrain.path, "terrain", suffixes=(*RASTER_SUFFIXES, *POINT_SUFFIXES))
            told = int(city.terrain is not None)
            self.ref.log.add("terrain_told_twice", layer="terrain", severity="info", count=told, source=files[0].name)
            city = city.replace(terrain=read_terrain(files, self.plan.terrain, self.ref))
            self._note(files, self.plan.terrain, "terrain")
        if self.plan.canopy is not None:
            files = found(self.plan.canopy.path, "canopy", suffixes=(*RASTER_SUFFIXES, *POINT_SUFFIXES))
            city = city.replace(canopy_height=read_canopy(files, self.plan.canopy, self.ref))
            self._note(files, self.plan.canopy, "canopy")
        city = city.replace(
            land_cover=self._layers("land_cover", read_land_cover, LAND_COVER_COLUMNS, city.land_cover),
            trees=self._layers("trees", read_trees, TREE_COLUMNS, city.trees),
            network=self._layers("streets", read_streets, NETWORK_COLUMNS),
            stations=self._layers("stations", read_stations, STATION_COLUMNS),
            structures=self._layers("structures", read_structures, STRUCTURE_COLUMNS, city.structures),
        )
        if self.plan.sewer is not None:
            files = found(self.plan.sewer.path, "sewer", suffixes=(".inp",))
            city = city.replace(sewer=read_sewer(files, self.plan.sewer, self.ref))
            self._note(files, self.plan.sewer, "sewer")
        return self._finished(city)

    def _plan_area(self) -> None:
        area = self.plan.area
        if isinstance(area, tuple):
            self.ref.area = self.ref.extent = area
        elif area is not None:
            self.ref.find_area = lambda crs: _area_of(area, crs)
            if self.ref.crs is not None:
                self.ref.settle(self.ref.crs, None, Phrase("the_city"))

    def _note(self, files: Sequence[Path], layer: Layer, role: str) -> None:
        self._read(source_rows(files, _licensed(layer), role))

    def _read(self, sources: pd.DataFrame) -> None:
        self.sources.append(sources)
        self.steps += 1
        self.done(self.steps)

    def _buildings(self) -> City:
        read = []
        for layer in self.plan.buildings:
            read.append(read_bodies(layer, self.ref, alone=len(self.plan.layers) == 1))
            self.gap_tables.append(read[-1].gaps)
            self._read(read[-1].sources)
        return all_bodies(read, self.ref)

    def _layers(
        self,
        role: str,
        read: Callable[..., gpd.GeoDataFrame],
        columns: Mapping[str, str],
        own: gpd.GeoDataFrame | None = None,
    ) -> gpd.GeoDataFrame:
        """Read all tables of one layer; without one, what the model of the buildings brings along, or nothing."""
        frames = []
        for layer in getattr(self.plan, role):
            suffixes = (*VECTOR_SUFFIXES, *(TABLE_SUFFIXES if role in ("trees", "stations") else ()))
            files = found(layer.path, role, suffixes=suffixes)
            frames.append(read(files, layer, self.ref))
            self._note(files, layer, role)
        if not frames and own is not None and len(own):
            return own.set_crs(self.ref.crs, allow_override=True)
        if not frames:
            data = {column: pd.Series(dtype=kind) for column, kind in columns.items()}
            return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=self.ref.crs), crs=self.ref.crs)
        if len(frames) == 1:
            return frames[0]
        return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), geometry="geometry", crs=self.ref.crs)

    def _finished(self, city: City) -> City:
        ref = self.ref
        city = city.replace(crs=ref.crs, area=ref.area, name=self.plan.name)
        if ref.area is not None:
            city = _cut(city, grown(ref.area, default("neighbour_margin")), ref)
        city = city.replace(trees=fill_trees(city.trees, ref.log))
        cross_check(city, ref.log)
        check_ground(city, ref.log)
        none = pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in SOURCE_COLUMNS.items()})
        sources = pd.concat(self.sources, ignore_index=True) if self.sources else none
        self.done(self.steps + 1)
        return city.replace(gaps=gaps.join(*self.gap_tables, ref.log.table()), sources=sources)


def _area_of(path: str, crs: pyproj.CRS) -> Bounds:
    """Extent of a vector file in the city's CRS."""
    file = found([path], "area")[0]
    frame = read_features(file)
    if frame.crs is None:
        raise TextError("area_crs", file=file)
    west, south, east, north = (float(v) for v in placed(frame, crs).total_bounds)
    if not (np.isfinite([west, south, east, north]).all() and west < east and south < north):
        raise TextError("area_empty", file=file)
    return west, south, east, north


def _licensed(layer: Layer) -> Layer:
    """Return the layer, with the licence of its known cadastre where the profile names none."""
    name = getattr(layer, "cadastre", None)
    if not name or layer.licence:
        return layer
    entry = cadastres()[name.lower()]
    return layer.model_copy(update={key: layer.model_dump()[key] or entry[key] for key in ("licence", "attribution")})


def _cut(city: City, area: Bounds, ref: Reference) -> City:
    """Keep what touches the area and its surroundings; what lies beyond is counted in one row a layer."""
    inside = bodies.touching(city, area) if len(city.objects) else np.zeros(0, dtype=bool)
    _say_cut("buildings", city.objects["id"].to_numpy(), inside, ref)
    city = bodies.kept(city, inside) if len(city.objects) else city
    frames = {}
    for layer, table in (("trees", city.trees), ("land_cover", city.land_cover), ("streets", city.network)):
        bounds = shapely.bounds(np.asarray(table.geometry.values)).reshape(-1, 4)
        keep = (
            (bounds[:, 0] <= area[2])
            & (bounds[:, 2] >= area[0])
            & (bounds[:, 1] <= area[3])
            & (bounds[:, 3] >= area[1])
        )
        ids = table["id"].to_numpy() if "id" in table else np.arange(1, len(table) + 1)
        _say_cut(layer, ids, keep, ref)
        frames["network" if layer == "streets" else layer] = table if keep.all() else table[keep].reset_index(drop=True)
    return city.replace(**frames)


def _say_cut(layer: str, ids: np.ndarray, keep: np.ndarray, ref: Reference) -> None:
    count = int((~keep).sum())
    margin = f"{default('neighbour_margin'):g}"
    ref.log.add("beyond_area", layer=layer, severity="info", count=count, of=len(ids), places=ids[~keep], margin=margin)
