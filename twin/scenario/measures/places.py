"""Where a measure lies: coordinates, WKT or GeoJSON, a layer of a file, ids of objects, or names of streets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import shapely
from pydantic import Field, field_validator, model_validator
from shapely.geometry import shape as from_geojson

from twin.errors import InputError
from twin.language import text
from twin.scenario.parts import Part

__all__ = ["PLACES", "Placed"]

PLACES = ("points", "line", "polygon", "geometry", "file", "ids", "street")
"""Keys of a measure that say where it lies; exactly one is given."""

Point = Annotated[tuple[float, float], Field(description="East, north.")]


class Placed(Part):
    """Keys of a measure that say where it lies."""

    points: tuple[Point, ...] | None = Field(default=None, min_length=1, description="Points [[x, y], ...].")
    line: tuple[Point, ...] | None = Field(default=None, min_length=2, description="Line [[x, y], [x, y], ...].")
    polygon: tuple[Point, ...] | None = Field(default=None, min_length=3, description="Corners [[x, y], ...].")
    geometry: str | dict[str, Any] | None = Field(default=None, description="WKT text, or GeoJSON as text or table.")
    file: str | None = Field(default=None, description="Vector file (GeoPackage, GeoJSON, Shapefile, ...).")
    layer: str | None = Field(default=None, description="Layer of the file, where it has several.")
    ids: tuple[str, ...] | None = Field(default=None, min_length=1, description="Ids of buildings or trees.")
    street: tuple[str, ...] | None = Field(default=None, min_length=1, description="Name(s) of streets.")
    crs: str | None = Field(
        default=None, description="Reference system of the coordinates, such as EPSG:4326; by default the city's."
    )

    @field_validator("street", "ids", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("geometry")
    @classmethod
    def _readable(cls, value: str | dict[str, Any] | None) -> Any:
        if value is not None:
            _shapes_of(value)
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Placed:
        given = [name for name in PLACES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(text("measures.one_place", given=", ".join(given) or "-", allowed=", ".join(PLACES)))
        return self

    @property
    def where(self) -> str:
        """The key that says where the measure lies."""
        return next(name for name in PLACES if getattr(self, name) is not None)

    def drawn(self, folder: Path, crs: Any) -> list[shapely.Geometry]:
        """Return the shapes that coordinates, geometry or file give, in the city's reference system.

        Parameters
        ----------
        folder : pathlib.Path
            Folder that a file's path is relative to.
        crs : pyproj.CRS or None
            Of the city.

        Raises
        ------
        InputError
            If the file cannot be read, holds nothing, or its CRS is unknown.
        """
        if self.points is not None:
            found = list(shapely.points(np.array(self.points)))
        elif self.line is not None:
            found = [shapely.LineString(self.line)]
        elif self.polygon is not None:
            found = [shapely.Polygon(self.polygon)]
        elif self.geometry is not None:
            found = _shapes_of(self.geometry)
        elif self.file is not None:
            return self._of_file(folder, crs)
        else:
            return []
        return found if self.crs is None else _moved(found, self.crs, crs)

    def _of_file(self, folder: Path, crs: Any) -> list[shapely.Geometry]:
        from twin.city.features import read_features

        path = folder / Path(str(self.file)).expanduser()
        frame = read_features(path, layer=self.layer)
        shapes = [one for one in frame.geometry if one is not None and not one.is_empty]
        if not shapes:
            raise InputError(text("measures.file_without_shapes", file=path.name))
        own = self.crs or (frame.crs.to_wkt() if frame.crs is not None else None)
        if own is None:
            raise InputError(text("measures.file_without_crs", file=path.name))
        return _moved([part for one in shapes for part in _parts(one)], own, crs)


def _shapes_of(value: str | dict[str, Any]) -> list[shapely.Geometry]:
    """Return the shapes of WKT or GeoJSON, or say what is wrong with it."""
    try:
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = json.loads(value)
        if isinstance(value, str):
            return _parts(shapely.from_wkt(value))
        if value.get("type") == "FeatureCollection":
            return [part for one in value["features"] for part in _parts(from_geojson(one["geometry"]))]
        return _parts(from_geojson(value["geometry"] if value.get("type") == "Feature" else value))
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise ValueError(text("measures.geometry_unreadable", reason=str(error).split("\n")[0])) from None


def _parts(shape: shapely.Geometry) -> list[shapely.Geometry]:
    """Return the single parts of a shape without heights."""
    return [part for part in shapely.get_parts(shapely.force_2d(shape)) if not part.is_empty]


def _moved(shapes: Sequence[shapely.Geometry], own: str, crs: Any) -> list[shapely.Geometry]:
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError

    if crs is None:
        return list(shapes)
    try:
        change = Transformer.from_crs(CRS.from_user_input(own).to_2d(), crs.to_2d(), always_xy=True)
    except CRSError:
        raise InputError(text("measures.crs_unknown", crs=own)) from None
    return list(shapely.transform(np.array(shapes, dtype=object), lambda xy: np.column_stack(change.transform(*xy.T))))
