"""The city as columns: objects, surfaces and coordinates as tables, with views on demand.

A :class:`City` is frozen; :meth:`City.replace` makes a new one, and a baseline is never changed. Geometry of city
objects is kept once as flat arrays (:class:`Polygons`): ``xyz`` with ring and polygon offsets, triangles made when
first asked for.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.city import gaps as gap_table

if TYPE_CHECKING:
    import pyproj
    import xarray as xr

    from twin.city.sewer_network import SewerNetwork

__all__ = [
    "LAND_COVER_COLUMNS",
    "NETWORK_COLUMNS",
    "OBJECT_COLUMNS",
    "STATION_COLUMNS",
    "STREAM_COLUMNS",
    "STRUCTURE_COLUMNS",
    "SURFACE_COLUMNS",
    "TREE_COLUMNS",
    "City",
    "Polygons",
]

OBJECT_COLUMNS = {
    "id": "object",  # gml:id, cadastre id, or one made from file and row
    "kind": "object",  # Building, BuildingPart, ... (CityGML class name)
    "parent": "int64",  # row of the parent object, -1 = none
    "lod": "object",  # levels of detail present, e.g. "2" or "1,2"
    "function": "object",  # code as delivered
    "roof_type": "object",  # code as delivered
    "measured_height": "float64",  # [m] ridge above ground
    "ground_height": "float64",  # [m above datum]
    "storeys": "float64",
    "year": "float64",
    "attributes": "object",  # dict of everything else
    "source": "object",  # file name
}
"""Columns of ``City.objects``; its geometry is the footprint (2D, None where an object has none)."""

SURFACE_COLUMNS = {
    "object": "int64",  # row in objects
    "lod": "int8",
    "kind": "object",  # RoofSurface, WallSurface, GroundSurface, ClosureSurface, ...; "" where the file says nothing
    "normal_x": "float64",
    "normal_y": "float64",
    "normal_z": "float64",
    "tilt": "float64",  # [deg] 0 = faces up, 90 = wall, 180 = faces down
    "azimuth": "float64",  # [deg] clockwise from north; NaN for horizontal surfaces
    "area": "float64",  # [m2]
}
"""Columns of ``City.surfaces``; row i is polygon i of ``City.polygons``."""

BOUNDARY_COLUMNS = {
    "id": "object",  # gml:id or None
    "kind": "object",  # RoofSurface, WallSurface, Window, Door, TrafficArea, ...
    "object": "int64",  # row in objects
    "parent": "int64",  # row in boundaries of the surface an opening lies in, -1 = none
    "attributes": "object",  # dict or None
}
"""Columns of ``City.boundaries``: thematic surfaces; ``surfaces["boundary"]`` is the row of each polygon."""

SHELL_COLUMNS = {
    "object": "int64",  # row in objects
    "lod": "int8",
    "solid": "int64",
    "shell": "int64",  # 0 = exterior, 1 and up = cavities
    "polygon": "int64",  # row in surfaces
    "reversed": "bool",  # the solid uses the polygon against its own direction
}
"""Columns of ``City.shells``: one row for each face of each solid, faces by reference included. Readers of city models
add ``composite``, the number of the composite solid that a solid is part of, -1 = none."""

TREE_COLUMNS = {
    "id": "object",
    "species": "object",  # botanical name
    "height": "float64",  # [m]
    "crown_diameter": "float64",  # [m]
    "crown_base": "float64",  # [m above ground]
    "trunk_circumference": "float64",  # [cm]
    "planted": "float64",  # year
    "crown_shape": "object",  # "ellipsoid", "cone" or "cylinder"
    "filled": "object",  # names of the values that were filled in, comma separated
    "source": "object",
}
"""Columns of ``City.trees`` (points)."""

LAND_COVER_COLUMNS = {"cover": "object", "source": "object"}
"""Columns of ``City.land_cover`` (polygons); ``cover`` is a name of ``models.layers.LAND_COVER``; later rows lie on top."""

NETWORK_COLUMNS = {
    "id": "object",
    "name": "object",
    "kind": "object",  # OpenStreetMap value of highway, or the word of the source
    "width": "float64",  # [m]
    "surface": "object",  # words as delivered; their meaning: tables/street_words.csv
    "oneway": "object",
    "bridge": "object",
    "tunnel": "object",
    "layer": "float64",  # storey: 0 ground, 1 bridge, -1 tunnel
    "kerb": "object",  # a word (raised, lowered, flush) or a height [cm]
    "maxspeed": "float64",  # [km/h]
    "lanes": "float64",
    "incline": "float64",  # rise over length from first to last point
    "source": "object",
}
"""Columns of ``City.network`` (lines)."""

STATION_COLUMNS = {"id": "object", "name": "object", "height": "float64", "source": "object"}
"""Columns of ``City.stations`` (points)."""

STREAM_COLUMNS = {
    "id": "object",
    "object": "object",  # id of the object or surface whose property changes
    "attribute": "object",  # path of the property, as delivered
    "start": "object",  # first and last time, as delivered
    "end": "object",
    "kind": "object",  # "sensor", "values", "file", "composite" or ""
    "protocol": "object",  # of a sensor: ogc_sta_1.0, mqtt, ...
    "url": "object",  # of a sensor's service, or of a file
    "stream": "object",  # number or name of the stream there
    "property": "object",  # what is observed
    "unit": "object",
    "values": "object",  # (time, value) pairs told in the model itself
    "source": "object",
}
"""Columns of ``City.streams``: time series that objects refer to (CityGML Dynamizer)."""

STRUCTURE_COLUMNS = {
    "id": "object",
    "kind": "object",  # "wall", "basin", "swale", "trench", "cistern", "culvert", "sail", "surface", "irrigation", ...
    "height": "float64",  # [m above ground] of a wall's or a sail's top
    "depth": "float64",  # [m below ground] of a basin's or a swale's bottom
    "width": "float64",  # [m] of a line's works; diameter of a culvert
    "volume": "float64",  # [m3] that is stored out of sight (cistern, trench)
    "layers": "object",  # dict of layer name to value that the ground takes there, such as {"albedo": 0.5}
    "attributes": "object",  # dict of everything else
    "source": "object",
}
"""Columns of ``City.structures`` (points, lines, polygons): what stands in or under the ground and is no building."""

SOURCE_COLUMNS = {
    "path": "object",
    "role": "object",
    "sha256": "object",
    "licence": "object",
    "attribution": "object",
    "note": "object",
}
"""Columns of ``City.sources``: one row an input file."""


@dataclass(frozen=True, eq=False)
class Polygons:
    """Polygons with holes in flat arrays.

    Parameters
    ----------
    xyz : numpy.ndarray
        float64 (n, 3) [m], rings open (the closing point is not repeated).
    ring_start : numpy.ndarray
        int64 (rings + 1,): ring r is ``xyz[ring_start[r]:ring_start[r + 1]]``.
    polygon_start : numpy.ndarray
        int64 (polygons + 1,): polygon p has rings ``polygon_start[p]`` (outer) to ``polygon_start[p + 1]``.
    """

    xyz: np.ndarray
    ring_start: np.ndarray
    polygon_start: np.ndarray

    @classmethod
    def empty(cls) -> Polygons:
        """Return no polygons."""
        return cls(np.empty((0, 3)), np.zeros(1, np.int64), np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self.polygon_start) - 1

    def rings(self, polygon: int) -> list[np.ndarray]:
        """Return the rings of one polygon as views (n, 3), the outer one first."""
        first, last = self.polygon_start[polygon], self.polygon_start[polygon + 1]
        return [self.xyz[self.ring_start[r] : self.ring_start[r + 1]] for r in range(first, last)]

    @cached_property
    def triangles(self) -> tuple[np.ndarray, np.ndarray]:
        """Triangles of all polygons: ``(corner indices int64 (t, 3) into xyz, polygon of each int64 (t,))``."""
        from twin.city.triangles import triangulate

        return triangulate(self)


def _table(columns: dict[str, str], crs: Any = None) -> gpd.GeoDataFrame:
    data = {name: pd.Series(dtype=dtype) for name, dtype in columns.items()}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=crs), crs=crs)


@dataclass(frozen=True, eq=False)
class City:
    """One city: everything a model needs to know of it, in one coordinate reference system.

    Parameters
    ----------
    crs : pyproj.CRS or None
        Projected CRS in metres (compound where the height datum is known); None for a local engineering CRS.
    objects, surfaces, polygons, boundaries, shells
        City objects, their polygons' properties, the polygons themselves, thematic surfaces with their attributes, and
        the faces of solids (see the column tables above).
    trees, land_cover, network, stations, structures : geopandas.GeoDataFrame
        Further tables, empty where nothing was given; structures are walls, basins, sails, culverts and the like
        (see ``STRUCTURE_COLUMNS``).
    sewer : twin.city.sewer_network.SewerNetwork or None
        The sewer network below the city.
    streams : pandas.DataFrame
        Time series that objects refer to (see ``STREAM_COLUMNS``).
    terrain : xarray.DataArray or None
        Terrain height [m above datum] with dims ("y", "x"), row 0 = north.
    canopy_height : xarray.DataArray or None
        Measured height of vegetation [m above ground] with dims ("y", "x"), 0 where there is none; it stands where no
        crown of ``trees`` does.
    area : tuple of float or None
        West, south, east, north [m] of the area of interest.
    gaps : pandas.DataFrame
        What is missing or doubtful (``twin.city.gaps``).
    sources : pandas.DataFrame
        Input files with hash and licence.
    name : str
        Name for titles.
    """

    crs: pyproj.CRS | None
    objects: gpd.GeoDataFrame = field(default_factory=lambda: _table(OBJECT_COLUMNS))
    surfaces: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({n: pd.Series(dtype=t) for n, t in SURFACE_COLUMNS.items()})
    )
    polygons: Polygons = field(default_factory=Polygons.empty)
    boundaries: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({n: pd.Series(dtype=t) for n, t in BOUNDARY_COLUMNS.items()})
    )
    shells: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({n: pd.Series(dtype=t) for n, t in SHELL_COLUMNS.items()})
    )
    trees: gpd.GeoDataFrame = field(default_factory=lambda: _table(TREE_COLUMNS))
    land_cover: gpd.GeoDataFrame = field(default_factory=lambda: _table(LAND_COVER_COLUMNS))
    network: gpd.GeoDataFrame = field(default_factory=lambda: _table(NETWORK_COLUMNS))
    stations: gpd.GeoDataFrame = field(default_factory=lambda: _table(STATION_COLUMNS))
    structures: gpd.GeoDataFrame = field(default_factory=lambda: _table(STRUCTURE_COLUMNS))
    sewer: SewerNetwork | None = None
    streams: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({n: pd.Series(dtype=t) for n, t in STREAM_COLUMNS.items()})
    )
    terrain: xr.DataArray | None = None
    canopy_height: xr.DataArray | None = None
    area: tuple[float, float, float, float] | None = None
    gaps: pd.DataFrame = field(default_factory=gap_table.empty)
    sources: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({n: pd.Series(dtype=t) for n, t in SOURCE_COLUMNS.items()})
    )
    name: str = ""

    def replace(self, **changes: Any) -> City:
        """Return a new city with some tables exchanged; this one stays as it is."""
        return dataclasses.replace(self, **changes)

    @property
    def buildings(self) -> gpd.GeoDataFrame:
        """Top-level buildings (rows of ``objects``)."""
        return self.objects[self.objects["kind"] == "Building"]

    def counts(self) -> dict[str, int]:
        """Return how many objects of each kind, and how many polygons, trees and other rows there are.

        ``polygons`` are polygons as such; where a file also has patches, triangles of a terrain or placed templates
        (``surfaces["element"]``), these stand apart under their own names.
        """
        kinds = {str(kind): int(n) for kind, n in self.objects["kind"].value_counts().sort_index().items()}
        polygons = {"polygons": len(self.polygons)}
        if "element" in self.surfaces:
            elements = {str(name): int(n) for name, n in self.surfaces["element"].value_counts().items()}
            polygons = {"polygons": elements.pop("Polygon", 0)} | {name: n for name, n in elements.items() if n}
        return (
            kinds
            | polygons
            | {
                "trees": len(self.trees),
                "land_cover": len(self.land_cover),
                "network": len(self.network),
                "stations": len(self.stations),
            }
            | ({"structures": len(self.structures)} if len(self.structures) else {})
        )

    def rasterise(
        self, *, resolution: float = 1.0, area: tuple[float, float, float, float] | None = None
    ) -> xr.Dataset:
        """Return the city as named layers on one grid.

        Parameters
        ----------
        resolution : float
            Cell size [m].
        area : tuple of float, optional
            West, south, east, north [m]; by default the city's area.

        Returns
        -------
        xarray.Dataset
            Layers of ``models.layers.LAYERS`` on ("y", "x"), row 0 = north; ``attrs["gaps"]`` holds what was filled.
        """
        from twin.city.rasterise import rasterise

        return rasterise(self, resolution=resolution, area=area)

    def validate(self, **tolerances: Any) -> gpd.GeoDataFrame:
        """Return what is wrong with the geometry, one row a finding with its place.

        Parameters
        ----------
        **tolerances
            ``snap``, ``planarity``, ``overlap`` [m] and ``normals`` [deg]; see ``twin.city.validity.validate``.

        Returns
        -------
        geopandas.GeoDataFrame
            Codes of val3dity with object, polygon, message and value; geometry: the places.
        """
        from twin.city.validity import validate

        return validate(self, **tolerances)

    def repair(self, **options: Any) -> City:
        """Return a city whose safely mendable faults are mended; each mend is a row of ``gaps``.

        Parameters
        ----------
        **options
            ``snap`` [m] and ``surfaces_as_shells``; see ``twin.city.repair.repair``.
        """
        from twin.city.repair import repair

        return repair(self, **options)

    def gap_places(self, language: str | None = None) -> gpd.GeoDataFrame:
        """Return the places that the gap table names as points, with their sentences (``twin.city.places``)."""
        from twin.city.places import gap_places

        return gap_places(self, language)

    def write(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write the city; the ending says how: .city.json, .city.jsonl, .gml, .gpkg, or a folder of GeoParquet tables.

        Parameters
        ----------
        path : path
            File or folder; an old one is replaced only by a whole new one.
        **options
            Of the writer (``twin.city.writers.write``).

        Returns
        -------
        pathlib.Path
            What was written.
        """
        from twin.city.writers import write

        return write(self, path, **options)

    def __repr__(self) -> str:
        crs = self.crs.name if self.crs is not None else "local"
        counts = ", ".join(f"{n:,} {kind}" for kind, n in self.counts().items() if n)
        return f"<City {self.name or 'unnamed'}: {counts or 'empty'}; CRS {crs}; {len(self.gaps)} gap rows>"
