"""A city on its way from the baseline to the planned state: what measures read, change, refuse and report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from twin.city.gaps import GapLog
from twin.city.model import LAND_COVER_COLUMNS, STRUCTURE_COLUMNS, City
from twin.city.roofs import top_level
from twin.errors import InputError
from twin.language import text
from twin.scenario.measures.places import Placed

__all__ = ["Change", "Done"]

_TOUCHING = 1.0  # [m2] two grounds may overlap by, from drawing


@dataclass(frozen=True)
class Done:
    """What one measure has done: how many things, and how much in the unit of its costs."""

    count: int
    amount: float
    variant: str = ""


@dataclass
class Change:
    """A city being changed, measure by measure; the city it began with stays as it is.

    Parameters
    ----------
    city : City
        As it is now.
    folder : pathlib.Path
        Folder that files of measures are relative to.
    area : tuple of float
        West, south, east, north [m] in which measures may lie.
    log : GapLog
        Takes rows about what a measure had to assume.
    """

    city: City
    folder: Path
    area: tuple[float, float, float, float]
    log: GapLog = field(default_factory=GapLog)
    problems: list[str] = field(default_factory=list)
    number: int = 0
    kind: str = ""
    grounds: list[tuple[int, str, shapely.Geometry]] = field(default_factory=list)
    gone: dict[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How this measure is named in sentences."""
        return text("measures.label", number=self.number, kind=self.kind)

    @property
    def source(self) -> str:
        """What stands in the column ``source`` of rows this measure adds."""
        return f"measure {self.number} ({self.kind})"

    def refuse(self, key: str, **values: Any) -> None:
        """Note one problem of this measure."""
        self.problems.append(text(f"measures.{key}", label=self.label, **values))

    def exchange(self, **tables: Any) -> None:
        """Take the city on with some tables exchanged."""
        self.city = self.city.replace(**tables)
        for name in ("footprints", "water", "ids"):
            self.__dict__.pop(name, None)

    @cached_property
    def footprints(self) -> tuple[shapely.STRtree, np.ndarray]:
        """Search tree over the footprints of buildings, and the top-level row of each."""
        objects = self.city.objects
        shapes = np.asarray(objects.geometry.values, dtype=object)
        bodies = objects["kind"].isin(["Building", "BuildingPart"]).to_numpy(dtype=bool)
        rows = np.flatnonzero(bodies & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes))
        return shapely.STRtree(shapes[rows]), top_level(objects["parent"].to_numpy(dtype=np.int64))[rows]

    @cached_property
    def water(self) -> shapely.STRtree:
        """Search tree over water areas."""
        cover = self.city.land_cover
        return shapely.STRtree(np.asarray(cover.geometry[(cover["cover"] == "water").to_numpy(dtype=bool)].values))

    @cached_property
    def ids(self) -> dict[str, int]:
        """Row of each object by its id, and by its attribute ``name`` where that is not an id."""
        objects = self.city.objects
        named = {
            str(a["name"]): row for row, a in enumerate(objects["attributes"]) if isinstance(a, dict) and a.get("name")
        }
        return named | {str(one): row for row, one in enumerate(objects["id"])}

    def near(self, word: str, known: Iterable[str]) -> str:
        """Return ``" (did you mean 'x'?)"`` for the nearest known word, else an empty text."""
        import difflib

        found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
        return text("measures.near", word=found[0]) if found else ""

    def shapes(self, place: Placed, kinds: Sequence[str]) -> list[shapely.Geometry]:
        """Return the shapes of a place inside the area, of allowed kinds; anything else is refused.

        Parameters
        ----------
        place : Placed
            Of the measure.
        kinds : sequence of str
            ``"Point"``, ``"LineString"``, ``"Polygon"``: what the measure can be drawn as.
        """
        try:
            found = self._streets(place) if place.street is not None else place.drawn(self.folder, self.city.crs)
        except InputError as error:
            self.problems.append(f"{self.label}: {error}")
            return []
        west, south, east, north = self.area
        kept = []
        for shape in found:
            if shape.geom_type not in kinds:
                self.refuse("wrong_shape", shape=shape.geom_type, allowed=", ".join(kinds))
            elif shape.geom_type == "Polygon" and not shape.is_valid:
                self.refuse("crossing_polygon", reason=shapely.is_valid_reason(shape))
            elif not shapely.box(west, south, east, north).contains(shape) and not self._partly(shape, place):
                x, y = shape.representative_point().coords[0]
                degrees = abs(x) <= 180 and abs(y) <= 180 and max(map(abs, self.area)) > 180
                area = ", ".join(f"{one:.12g}" for one in self.area)
                self.refuse("outside_degrees" if degrees else "outside", x=f"{x:.12g}", y=f"{y:.12g}", area=area)
            else:
                kept.append(shape)
        return kept

    def _partly(self, shape: shapely.Geometry, place: Placed) -> bool:
        """Return whether a street, which may lead out of the area, touches it."""
        return place.street is not None and bool(shapely.box(*self.area).intersects(shape))

    def _streets(self, place: Placed) -> list[shapely.Geometry]:
        network = self.city.network
        names = network["name"].astype("string").fillna("")
        inside = shapely.box(*self.area)
        found: list[shapely.Geometry] = []
        for name in place.street or ():
            rows = network.geometry[(names == name).to_numpy(dtype=bool)]
            lines = [part for line in rows for part in shapely.get_parts(line.intersection(inside))]
            if not lines:
                self.refuse("street_unknown", name=name, near=self.near(name, names.unique()))
            merged = shapely.line_merge(shapely.union_all(lines)) if lines else None
            found += [] if merged is None else list(shapely.get_parts(merged))
        return [line for line in found if line.geom_type == "LineString"]

    def buildings(self, place: Placed) -> list[int]:
        """Return the rows of the top-level buildings that ids name, or whose middle lies in the polygons drawn."""
        if place.ids is not None:
            return self._named(place.ids)
        tree, top = self.footprints
        shapes = self.shapes(place, ("Point", "Polygon"))
        found: set[int] = set()
        for shape in shapes:
            near = tree.query(shape)
            middle = shapely.point_on_surface(tree.geometries[near])
            inside = shapely.covers(shape, middle) if shape.area else shapely.covers(tree.geometries[near], shape)
            found |= {int(row) for row in top[near[inside]]}
        if shapes and not found:
            self.refuse("no_building")
        return sorted(found)

    def _named(self, wanted: Sequence[str]) -> list[int]:
        top = top_level(self.city.objects["parent"].to_numpy(dtype=np.int64))
        rows = []
        for one in wanted:
            if one in self.gone:
                self.refuse("building_gone", id=one, number=self.gone[one])
            elif one not in self.ids:
                self.refuse("id_unknown", id=one, near=self.near(one, self.ids))
            else:
                rows.append(int(top[self.ids[one]]))
        return list(dict.fromkeys(rows))

    def building_at(self, shape: shapely.Geometry) -> str | None:
        """Return the id of a building whose footprint a shape lies in or overlaps, None where there is none."""
        tree, top = self.footprints
        hit = tree.query(shape, predicate="intersects")
        if shape.area:
            hit = hit[shapely.area(shapely.intersection(tree.geometries[hit], shape)) > _TOUCHING]
        return str(self.city.objects["id"].iloc[int(top[hit[0]])]) if len(hit) else None

    def free(self, shape: shapely.Geometry) -> shapely.Geometry:
        """Return what of a polygon is not under a building."""
        tree, _ = self.footprints
        return shape.difference(shapely.union_all(tree.geometries[tree.query(shape, predicate="intersects")]))

    def claim(self, shapes: Sequence[shapely.Geometry]) -> list[shapely.Geometry]:
        """Return the free part of ground that this measure treats; another measure's ground is refused."""
        found = [self.free(shape) for shape in shapes]
        if shapes and sum(one.area for one in found) <= _TOUCHING:
            self.refuse("ground_built")
        for one in found:
            for number, kind, other in self.grounds:
                both = one.intersection(other).area
                if number != self.number and both > _TOUCHING:
                    self.refuse("ground_twice", other=number, kind=kind, area=f"{both:.0f}")
        self.grounds += [(self.number, self.kind, one) for one in found]
        return found

    def cover(self, shapes: Sequence[shapely.Geometry], cover: str) -> None:
        """Paint ground with a land cover, above all that lies there."""
        if shapes:
            rows = {"cover": [cover] * len(shapes), "source": [self.source] * len(shapes)}
            self.exchange(land_cover=added(self.city.land_cover, rows, shapes, LAND_COVER_COLUMNS, self.city.crs))

    def structure(self, shapes: Sequence[shapely.Geometry], kind: str, **values: Any) -> None:
        """Add rows to the table of structures."""
        if not shapes:
            return
        count, before = len(shapes), len(self.city.structures)
        rows: dict[str, Any] = {
            "id": [f"M{self.number}-{before + i + 1}" for i in range(count)],
            "kind": [kind] * count,
            "source": [self.source] * count,
        }
        for name in ("height", "depth", "width", "volume"):
            rows[name] = np.broadcast_to(np.asarray(values.pop(name, np.nan), dtype=float), count)
        layers = values.pop("layers", {})
        rows["layers"] = [dict(layers) for _ in range(count)]
        rows["attributes"] = [dict(values) for _ in range(count)]
        self.exchange(structures=added(self.city.structures, rows, shapes, STRUCTURE_COLUMNS, self.city.crs))

    def mark(self, rows: Sequence[int], **attributes: Any) -> None:
        """Set attributes of buildings."""
        objects = self.city.objects
        marked = list(objects["attributes"])
        for row in rows:
            marked[row] = (marked[row] if isinstance(marked[row], dict) else {}) | attributes
        self.exchange(objects=objects.assign(attributes=pd.Series(marked, index=objects.index, dtype=object)))

    def footprint_area(self, rows: Sequence[int]) -> np.ndarray:
        """Return the ground that buildings with all their parts cover [m2]."""
        tree, top = self.footprints
        return np.array([shapely.union_all(tree.geometries[top == row]).area for row in rows])


def added(
    table: gpd.GeoDataFrame, rows: dict[str, Any], shapes: Sequence[Any], columns: dict[str, str], crs: Any
) -> gpd.GeoDataFrame:
    """Return a table with rows added at its end, the table itself unchanged."""
    flat = crs.to_2d() if crs is not None else None
    frame = pd.DataFrame({name: pd.Series(list(rows[name]), dtype=kind) for name, kind in columns.items()})
    own = table.crs if table.crs is not None else flat
    new = gpd.GeoDataFrame(frame, geometry=list(shapes), crs=own)
    return new if not len(table) else gpd.GeoDataFrame(pd.concat([table, new], ignore_index=True), crs=own)
