"""Buildings gone and come."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import Field, model_validator

from twin.city import bodies
from twin.city.model import OBJECT_COLUMNS, City
from twin.city.roofs import top_level
from twin.errors import InputError
from twin.language import text
from twin.scenario.measures.change import Change, Done, added
from twin.scenario.measures.kinds import POLYGON, Measure

__all__ = ["Demolish", "NewBuilding"]

_TOUCHED = (
    "surface_height", "building_id", "land_cover", "albedo", "emissivity", "imperviousness", "manning_n",
    "canopy_height", "trunk_height",
)  # fmt: skip
_MODELS = (".gml", ".xml", ".json", ".jsonl", ".citygml", ".cityjson")


class Demolish(Measure):
    """``demolish``: buildings with all their parts."""

    TAKES: ClassVar[tuple[str, ...]] = ("ids", "points", "polygon", "geometry", "file")
    TOUCHES: ClassVar[tuple[str, ...]] = _TOUCHED

    kind: Literal["demolish"] = Field(description="Which measure.")
    leaves: Literal["bare_soil", "grass", "gravel", "paved"] = Field(
        default="bare_soil", description="Ground where they stood."
    )

    def apply(self, change: Change) -> Done:
        """Take the buildings out and cover their ground."""
        rows = change.buildings(self)
        if not rows:
            return Done(0, 0.0)
        tree, top = change.footprints
        prints = [shapely.union_all(tree.geometries[top == row]) for row in rows]
        objects = change.city.objects
        height = objects["measured_height"].to_numpy(dtype=float)
        every = top_level(objects["parent"].to_numpy(dtype=np.int64))
        highest = [float(np.nanmax(height[every == r], initial=0.0)) for r in rows]
        volume = sum(one.area * high for one, high in zip(prints, highest, strict=True))
        change.gone |= {str(objects["id"].iloc[row]): change.number for row in rows}
        left = bodies.kept(change.city, ~np.isin(every, rows))
        names = ("objects", "surfaces", "polygons", "boundaries", "shells")
        change.exchange(**{name: getattr(left, name) for name in names})
        change.cover([part for one in prints for part in shapely.get_parts(one)], self.leaves)
        return Done(len(rows), volume)


class NewBuilding(Measure):
    """``new_building``: a footprint with a height, or a CityGML or CityJSON file."""

    TOUCHES: ClassVar[tuple[str, ...]] = _TOUCHED

    kind: Literal["new_building"] = Field(description="Which measure.")
    height: float | None = Field(default=None, gt=2, le=300, description="Of a footprint's flat roof [m].")
    green_roof: bool = Field(default=False, description="Whether its roof is green.")

    @model_validator(mode="after")
    def _height_or_model(self) -> NewBuilding:
        model = self.file is not None and self.file.lower().endswith(_MODELS)
        if not model and self.height is None:
            raise ValueError(text("measures.building_height_missing"))
        return self

    def apply(self, change: Change) -> Done:
        """Add the buildings; those that stand in others or on trees are refused."""
        if self.file is not None and self.height is None:
            return self._of_model(change)
        shapes = change.shapes(self, (POLYGON,))
        self._refuse_places(change, shapes)
        if not shapes:
            return Done(0, 0.0)
        count = len(shapes)
        rows: dict[str, list[Any]] = {n: [np.nan if t == "float64" else ""] * count for n, t in OBJECT_COLUMNS.items()}
        rows |= {
            "id": [f"M{change.number}-{i + 1}" for i in range(count)],
            "kind": ["Building"] * count,
            "parent": [-1] * count,
            "lod": ["0"] * count,
            "measured_height": [self.height] * count,
            "attributes": [{"name": self.name, "green_roof": self.green_roof} for _ in range(count)],
            "source": [change.source] * count,
        }
        change.exchange(objects=added(change.city.objects, rows, shapes, OBJECT_COLUMNS, change.city.crs))
        return Done(count, sum(shape.area for shape in shapes) * float(self.height or 0.0))

    def _of_model(self, change: Change) -> Done:
        """Read buildings of a city model and join them."""
        from twin.city.loading import load

        try:
            model = load(change.folder / str(self.file))
        except InputError as error:
            change.problems.append(f"{change.label}: {error}")
            return Done(0, 0.0)
        if model.crs is not None and change.city.crs is not None:
            model = bodies.moved(model, change.city.crs)
        shapes = list(bodies.footprint_shapes(model)[0])
        outside = [shape for shape in shapes if not shapely.box(*change.area).contains(shape)]
        if outside:
            x, y = outside[0].representative_point().coords[0]
            area = ", ".join(f"{one:.12g}" for one in change.area)
            change.refuse("outside", x=f"{x:.12g}", y=f"{y:.12g}", area=area)
        self._refuse_places(change, shapes)
        if self.green_roof:
            attributes = [
                (a if isinstance(a, dict) else {}) | {"green_roof": True} for a in model.objects["attributes"]
            ]
            model = model.replace(objects=model.objects.assign(attributes=pd.Series(attributes, dtype=object)))
        both = _together(change.city, model)
        names = ("objects", "surfaces", "polygons", "boundaries", "shells")
        change.exchange(**{name: getattr(both, name) for name in names})
        high = model.objects["measured_height"].to_numpy(dtype=float)
        volume = sum(s.area for s in shapes) * float(np.nanmax(high, initial=0.0))
        return Done(int((model.objects["kind"] == "Building").sum()), volume)

    def _refuse_places(self, change: Change, shapes: list[shapely.Geometry]) -> None:
        stems = np.asarray(change.city.trees.geometry.values, dtype=object)
        for shape in shapes:
            building = change.building_at(shape)
            if building is not None:
                change.refuse("building_on_building", id=building)
            inside = int(shapely.covers(shape, stems).sum())
            if inside:
                change.refuse("building_on_trees", count=inside)


def _together(city: City, model: City) -> City:
    flat = gpd.GeoDataFrame(model.objects, geometry="geometry").set_crs(city.objects.crs, allow_override=True)
    return bodies.joined([city, model.replace(objects=flat)], city.crs)
