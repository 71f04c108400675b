"""Trees: planted at points or along lines, at nursery size or years later; and removed."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import shapely
from pydantic import Field, field_validator, model_validator

from twin.city.gaps import GapLog
from twin.city.model import TREE_COLUMNS
from twin.city.tree_filling import fill_trees
from twin.language import text
from twin.scenario.measures.change import Change, Done, added
from twin.scenario.measures.growth import known_genus, known_names, size_after
from twin.scenario.measures.kinds import LINE, POINT, POLYGON, Measure

__all__ = ["PlantTrees", "RemoveTrees"]

_STEMS_APART = 1.5  # [m] two stems nearer than this are one drawn twice


class Planting(Measure):
    """Keys of trees that are planted, as such or in a trench."""

    species: str = Field(description="Botanical or German name, such as 'Tilia cordata'.")
    spacing: float = Field(default=10.0, ge=2, le=100, description="Distance along a line [m].")
    after: float = Field(default=0.0, ge=0, le=150, description="Years after planting that the run looks at.")
    height: float | None = Field(default=None, ge=1, le=60, description="Height [m], instead of the growth table's.")
    crown_diameter: float | None = Field(default=None, ge=0.5, le=40, description="Crown diameter [m].")
    crown_base: float | None = Field(default=None, ge=0, le=20, description="Underside of the crown above ground [m].")

    @field_validator("species")
    @classmethod
    def _species_known(cls, value: str) -> str:
        if known_genus(value) is None:
            import difflib

            near = difflib.get_close_matches(value.split(" ")[0].capitalize(), known_names(), n=1)
            hint = text("measures.near", word=near[0]) if near else ""
            raise ValueError(text("measures.species_unknown", value=value, near=hint))
        return value

    @model_validator(mode="after")
    def _crown_below_top(self) -> Planting:
        if self.height is not None and (self.crown_base or 0.0) >= self.height:
            raise ValueError(text("measures.crown_base_high", base=self.crown_base, height=self.height))
        return self

    def plant(self, change: Change, points: list[shapely.Point]) -> None:
        """Add trees at points to the city's list; stems in buildings, in water or on each other are refused."""
        self._refuse_places(change, points)
        if not points:
            return
        genus = known_genus(self.species) or ""
        size = size_after(genus, self.after)
        given = {"height": self.height, "crown_diameter": self.crown_diameter, "crown_base": self.crown_base}
        size |= {name: value for name, value in given.items() if value is not None}
        botanical = self.species if self.species.split(" ")[0].capitalize() == genus else genus
        count = len(points)
        rows = {
            "id": [f"M{change.number}-{i + 1}" for i in range(count)],
            "species": [botanical] * count,
            **{name: [size.get(name, np.nan)] * count for name in ("height", "crown_diameter", "crown_base")},
            "trunk_circumference": [size["trunk_circumference"]] * count,
            "planted": [np.nan] * count,
            "crown_shape": [""] * count,
            "filled": [""] * count,
            "source": [change.source] * count,
        }
        trees = change.city.trees
        new = fill_trees(added(trees.iloc[:0], rows, points, TREE_COLUMNS, change.city.crs), GapLog())
        change.exchange(trees=new if not len(trees) else _joined(trees, new))

    def _refuse_places(self, change: Change, points: list[shapely.Point]) -> None:
        stems = np.asarray(change.city.trees.geometry.values, dtype=object)
        tree = shapely.STRtree(np.concatenate([stems, np.array(points, dtype=object)]))
        for number, point in enumerate(points):
            x, y = f"{point.x:.1f}", f"{point.y:.1f}"
            building = change.building_at(point)
            if building is not None:
                change.refuse("tree_in_building", x=x, y=y, id=building)
            elif len(change.water.query(point, predicate="intersects")):
                change.refuse("tree_in_water", x=x, y=y)
            near = tree.query(point, predicate="dwithin", distance=_STEMS_APART)
            if (near[near != len(stems) + number]).size:
                change.refuse("tree_on_tree", x=x, y=y, distance=_STEMS_APART)


def _joined(trees, new):  # type: ignore[no-untyped-def]
    return type(trees)(pd.concat([trees, new], ignore_index=True), crs=trees.crs)


def along(shapes: list[shapely.Geometry], spacing: float) -> list[shapely.Point]:
    """Return points on lines at a spacing, the first half a spacing from the end; points stay as they are.

    Examples
    --------
    >>> [point.x for point in along([shapely.LineString([(0, 0), (30, 0)])], 10.0)]
    [5.0, 15.0, 25.0]
    """
    found: list[shapely.Point] = []
    for shape in shapes:
        if shape.geom_type == POINT:
            found.append(shape)
            continue
        line = shape.exterior if shape.geom_type == POLYGON else shape
        count = max(int(line.length / spacing + 1e-9), 1)
        rest = (line.length - (count - 1) * spacing) / 2.0
        found += [line.interpolate(rest + i * spacing) for i in range(count)]
    return found


class PlantTrees(Planting):
    """``plant_trees``: trees at points, or along a line or street with a spacing."""

    TAKES: ClassVar[tuple[str, ...]] = ("points", "line", "geometry", "file", "street")
    TOUCHES: ClassVar[tuple[str, ...]] = ("canopy_height", "trunk_height")

    kind: Literal["plant_trees"] = Field(description="Which measure.")
    site: Literal["street", "park"] = Field(default="street", description="Where they stand; decides the costs.")

    def apply(self, change: Change) -> Done:
        """Add the trees to the tree list."""
        points = along(change.shapes(self, (POINT, LINE)), self.spacing)
        self.plant(change, points)
        return Done(len(points), len(points), self.site)


class RemoveTrees(Measure):
    """``remove_trees``: trees by id, or all in a polygon."""

    TAKES: ClassVar[tuple[str, ...]] = ("ids", "polygon", "geometry", "file")
    TOUCHES: ClassVar[tuple[str, ...]] = ("canopy_height", "trunk_height")

    kind: Literal["remove_trees"] = Field(description="Which measure.")

    def apply(self, change: Change) -> Done:
        """Take the trees out of the tree list."""
        trees = change.city.trees
        gone = np.zeros(len(trees), bool)
        if self.ids is not None:
            known = trees["id"].astype(str)
            for one in self.ids:
                if not (known == one).any():
                    change.refuse("tree_unknown", id=one, near=change.near(one, known))
            gone = known.isin(self.ids).to_numpy(dtype=bool)
        else:
            shapes = change.shapes(self, (POLYGON,))
            for shape in shapes:
                gone |= shapely.covers(shape, np.asarray(trees.geometry.values, dtype=object))
            if shapes and not gone.any():
                change.refuse("no_tree")
        change.exchange(trees=trees[~gone].reset_index(drop=True))
        return Done(int(gone.sum()), int(gone.sum()))
