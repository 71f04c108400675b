"""The city profile: one TOML file that names a city's files, layers, columns, reference systems and licences.

Paths in a profile are relative to the profile. A wrong key, a wrong type or a missing one is said in one sentence
that names the file, the table and the nearest right key.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from twin.city.profile_errors import nearest, refusal
from twin.errors import Phrase, TextError

__all__ = [
    "BuildingsLayer",
    "CanopyLayer",
    "LandCoverLayer",
    "Layer",
    "Profile",
    "SewerLayer",
    "StationsLayer",
    "StreetsLayer",
    "StructuresLayer",
    "TerrainLayer",
    "TreesLayer",
    "make_profile",
    "nearest",
    "read_profile",
]

LengthUnit = Literal["m", "dm", "cm", "mm"]
Area = tuple[float, float, float, float]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Layer(_Table):
    """What every layer of a profile may say: where it lies, its reference system and its licence."""

    path: tuple[str, ...] = Field(min_length=1)
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    licence: str = ""
    attribution: str = ""
    note: str = ""

    @field_validator("path", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (os.fspath(value),) if isinstance(value, str | os.PathLike) else value


class BuildingsLayer(Layer):
    """Buildings: CityGML files, or footprints with a column of heights [m above ground] or storeys."""

    height: str | None = None
    storeys: str | None = None
    default_storey_height: float | None = Field(default=None, gt=0, le=20)
    id: str | None = None
    function: str | None = None
    roof_type: str | None = None
    ground_height: str | None = None
    year: str | None = None
    lod: str | None = None
    at: str = "current"
    unknown: tuple[float, ...] = ()

    @field_validator("lod", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("at", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class TerrainLayer(Layer):
    """Terrain height raster(s) [m above datum]: GeoTIFF, ASCII grid or XYZ; or laser points with classified ground."""

    nodata: float | None = None
    resolution: float = Field(default=1.0, gt=0, le=100)


class CanopyLayer(Layer):
    """Measured height(s) of vegetation [m above ground]: a raster, or laser points with classified ground."""

    nodata: float | None = None
    resolution: float = Field(default=1.0, gt=0, le=100)
    least: float | None = Field(default=None, ge=0, le=20)


class TreeColumns(_Table):
    """Columns of a tree table."""

    id: str | None = None
    species: str | None = None
    height: str | None = None
    crown_diameter: str | None = None
    crown_base: str | None = None
    trunk_circumference: str | None = None
    trunk_diameter: str | None = None
    planted: str | None = None
    age: str | None = None
    felled: str | None = None
    group: str | None = None
    x: str | None = None
    y: str | None = None
    geometry: str | None = None


class TreeUnits(_Table):
    """Units of the lengths in a tree table."""

    height: LengthUnit = "m"
    crown_diameter: LengthUnit = "m"
    crown_base: LengthUnit = "m"
    trunk_circumference: LengthUnit = "cm"
    trunk_diameter: LengthUnit = "cm"


class TreesLayer(Layer):
    """A tree list: points in a vector file, or a table with two columns of coordinates."""

    cadastre: str | None = None
    columns: TreeColumns | None = None
    units: TreeUnits | None = None
    separator: str | None = None
    decimal: Literal[",", "."] | None = None
    unknown: tuple[str, ...] = ()
    survey_year: int | None = Field(default=None, ge=1900, le=2100)

    @field_validator("unknown", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return tuple(str(v) for v in value) if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _age_needs_a_year(self) -> TreesLayer:
        if self.columns is not None and self.columns.age and self.survey_year is None:
            raise ValueError(Phrase("age_needs_year"))
        return self


class LandCoverLayer(Layer):
    """Land-cover polygons with a column of classes, or one class for the whole file."""

    column: str | None = None
    classes: dict[str, str] | None = None
    cover: str | None = None
    unmapped: str | None = None

    @model_validator(mode="after")
    def _names_are_known(self) -> LandCoverLayer:
        from models.layers import LAND_COVER

        names = list(LAND_COVER)
        given = [*(self.classes or {}).values(), *(n for n in (self.cover, self.unmapped) if n is not None)]
        for name in given:
            if name not in names:
                near = nearest(name, names)
                raise ValueError(Phrase("no_land_cover", name=name, near=near, listed=", ".join(names)))
        return self


class StreetColumns(_Table):
    """Columns of a street layer."""

    id: str | None = None
    name: str | None = None
    kind: str | None = None
    width: str | None = None
    surface: str | None = None
    oneway: str | None = None
    bridge: str | None = None
    tunnel: str | None = None
    layer: str | None = None
    kerb: str | None = None
    maxspeed: str | None = None
    lanes: str | None = None
    incline: str | None = None


class StreetsLayer(Layer):
    """Street centre lines."""

    columns: StreetColumns | None = None


class StationColumns(_Table):
    """Columns of a station layer."""

    id: str | None = None
    name: str | None = None
    height: str | None = None
    x: str | None = None
    y: str | None = None


class StationsLayer(Layer):
    """Measuring stations: points in a vector file, or a table with two columns of coordinates."""

    columns: StationColumns | None = None
    separator: str | None = None
    decimal: Literal[",", "."] | None = None


class StructureColumns(_Table):
    """Columns of a layer of structures; lengths in metres, inlet, outlet and crest in metres above datum."""

    id: str | None = None
    kind: str | None = None
    name: str | None = None
    width: str | None = None
    height: str | None = None
    opening_height: str | None = None
    depth: str | None = None
    volume: str | None = None
    inlet: str | None = None
    outlet: str | None = None
    manning: str | None = None
    barrels: str | None = None
    crest: str | None = None


class StructuresLayer(Layer):
    """Culverts, underpasses, walls, kerbs, basins: points, lines or polygons with a kind."""

    columns: StructureColumns | None = None
    kinds: dict[str, str] | None = None
    kind: str | None = None


class SewerLayer(Layer):
    """A sewer network: one SWMM 5 input file (.inp) as delivered; what its manholes offer to the water."""

    opening_area: float = Field(default=0.307, gt=0, le=100)
    rim_length: float = Field(default=1.963, gt=0, le=100)
    gully_spacing: float = Field(default=25.0, ge=0, le=500)


class Profile(_Table):
    """A city profile: names, reference system, area and layers of one city."""

    name: str = ""
    crs: str | None = None
    area: Area | str | None = None
    buildings: tuple[BuildingsLayer, ...] = ()
    terrain: TerrainLayer | None = None
    canopy: CanopyLayer | None = None
    trees: tuple[TreesLayer, ...] = ()
    land_cover: tuple[LandCoverLayer, ...] = ()
    streets: tuple[StreetsLayer, ...] = ()
    stations: tuple[StationsLayer, ...] = ()
    structures: tuple[StructuresLayer, ...] = ()
    sewer: SewerLayer | None = None

    @field_validator("buildings", "trees", "land_cover", "streets", "stations", "structures", mode="before")
    @classmethod
    def _single_table(cls, value: Any) -> Any:
        return (value,) if isinstance(value, Mapping) else value

    @field_validator("area")
    @classmethod
    def _west_before_east(cls, value: Area | str | None) -> Area | str | None:
        if isinstance(value, tuple) and not (value[0] < value[2] and value[1] < value[3]):
            raise ValueError(Phrase("must_be_extent", given=list(value)))
        return value

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers in the order they are read."""
        terrain = (self.terrain,) if self.terrain is not None else ()
        canopy = (self.canopy,) if self.canopy is not None else ()
        sewer = (self.sewer,) if self.sewer is not None else ()
        vectors = (*self.land_cover, *self.trees, *self.streets, *self.stations, *self.structures)
        return (*self.buildings, *terrain, *canopy, *vectors, *sewer)


_TABLES: dict[str, type[_Table]] = {
    "buildings": BuildingsLayer,
    "terrain": TerrainLayer,
    "canopy": CanopyLayer,
    "trees": TreesLayer,
    "land_cover": LandCoverLayer,
    "streets": StreetsLayer,
    "stations": StationsLayer,
    "structures": StructuresLayer,
    "sewer": SewerLayer,
}


def _keys_allowed(location: Sequence[str | int]) -> tuple[str, list[str]]:
    """Return the name of the table an error lies in and the keys allowed there."""
    names = [str(part) for part in location if not isinstance(part, int)]
    table: Any = _TABLES.get(names[0], Profile) if len(names) > 1 else Profile
    shown = f"[{names[0]}]" if len(names) > 1 else "the profile"
    if len(names) > 2:
        inner: dict[str, dict[str, type[_Table]]] = {
            "columns": {
                "trees": TreeColumns,
                "streets": StreetColumns,
                "stations": StationColumns,
                "structures": StructureColumns,
            }
        }
        inner["units"] = {"trees": TreeUnits}
        nested = inner.get(names[1], {}).get(names[0])
        if nested is not None:
            table, shown = nested, f"[{names[0]}.{names[1]}]"
    return shown, list(table.model_fields)


def make_profile(table: Mapping[str, Any], *, folder: Path | None = None, where: str = "profile") -> Profile:
    """Return the profile that a mapping of its keys describes.

    Parameters
    ----------
    table : mapping
        Keys as in a profile file.
    folder : pathlib.Path, optional
        Folder that relative paths start from; by default they stay as they are.
    where : str
        Name used in error messages.

    Raises
    ------
    InputError
        One sentence for the first key that is wrong.

    Examples
    --------
    >>> make_profile({"name": "Musterstadt", "terrain": {"path": "dgm1.tif"}}).terrain.path
    ('dgm1.tif',)
    """
    try:
        profile = Profile.model_validate(dict(table))
    except ValidationError as error:
        raise refusal(error, where, _keys_allowed) from None
    return profile if folder is None else _resolved(profile, folder)


def _resolved(profile: Profile, folder: Path) -> Profile:
    def absolute(path: str) -> str:
        return os.path.normpath(folder / Path(path).expanduser())

    def moved(layer: Layer) -> Layer:
        return layer.model_copy(update={"path": tuple(absolute(p) for p in layer.path)})

    changes: dict[str, Any] = {}
    for name in _TABLES:
        value = getattr(profile, name)
        if isinstance(value, tuple):
            changes[name] = tuple(moved(layer) for layer in value)
        elif value is not None:
            changes[name] = moved(value)
    if isinstance(profile.area, str):
        changes["area"] = absolute(profile.area)
    return profile.model_copy(update=changes)


def read_profile(path: str | os.PathLike[str]) -> Profile:
    """Read a city profile.

    Parameters
    ----------
    path : path
        TOML file.

    Returns
    -------
    Profile
        With all paths made absolute.

    Raises
    ------
    InputError
        If the file is missing, empty, no TOML, or has a wrong key or value.
    """
    file = Path(path)
    if not file.is_file():
        raise TextError("profile_missing", file=file)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TextError("profile_encoding", file=file, reason=error.reason, byte=error.start) from None
    except tomllib.TOMLDecodeError as error:
        raise TextError("profile_toml", file=file, reason=str(error).rstrip(".")) from None
    if not table:
        raise TextError("profile_empty", file=file)
    return make_profile(table, folder=file.resolve().parent, where=str(file))
