"""Buildings dressed: green roofs, green facades, cool roofs."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.city.roofs import top_level
from twin.scenario.measures.change import Change, Done
from twin.scenario.measures.kinds import Measure, default_layers

__all__ = ["CoolRoof", "GreenFacade", "GreenRoof"]


def roof_tilt(change: Change, rows: list[int]) -> np.ndarray:
    """Return the mean tilt of buildings' roofs by area [deg]; 0 where no roof is known."""
    surfaces = change.city.surfaces
    roofs = surfaces[(surfaces["kind"] == "RoofSurface").to_numpy(dtype=bool)]
    top = top_level(change.city.objects["parent"].to_numpy(dtype=np.int64))
    of, area, tilt = top[roofs["object"].to_numpy(dtype=np.int64)], roofs["area"].to_numpy(), roofs["tilt"].to_numpy()
    count = len(change.city.objects)
    weight = np.bincount(of, area, count)
    sums = np.bincount(of, area * np.nan_to_num(tilt), count)
    mean = np.divide(sums, weight, out=np.zeros(count), where=weight > 0)
    return np.asarray(mean[rows])


class _Roof(Measure):
    """Keys of measures on whole roofs."""

    TAKES: ClassVar[tuple[str, ...]] = ("ids", "points", "polygon", "geometry", "file")


class GreenRoof(_Roof):
    """``green_roof``: roofs of buildings by id, or of all with flat enough roofs in a polygon."""

    TOUCHES: ClassVar[tuple[str, ...]] = ("land_cover", "albedo", "emissivity", "imperviousness", "manning_n")

    kind: Literal["green_roof"] = Field(description="Which measure.")
    depth: Literal["extensive", "intensive"] = Field(default="extensive", description="Thin or deep substrate.")
    max_tilt: float = Field(default=15.0, ge=0, le=45, description="Steeper roofs are left as they are [deg].")

    def apply(self, change: Change) -> Done:
        """Mark the buildings; the rasteriser gives their roofs the land cover ``green_roof``."""
        rows = change.buildings(self)
        tilt = roof_tilt(change, rows)
        flat = [row for row, steep in zip(rows, tilt > self.max_tilt, strict=True) if not steep]
        if self.ids is not None:
            for row, degrees in zip(rows, tilt, strict=True):
                if degrees > self.max_tilt:
                    one = change.city.objects["id"].iloc[row]
                    change.refuse("roof_steep", id=one, tilt=f"{degrees:.0f}", most=f"{self.max_tilt:g}")
        elif rows and not flat:
            change.refuse("no_flat_roof", count=len(rows), most=f"{self.max_tilt:g}")
        change.mark(flat, green_roof=True, green_roof_depth=self.depth)
        return Done(len(flat), float(change.footprint_area(flat).sum()), self.depth)


class CoolRoof(_Roof):
    """``cool_roof``: a bright roof."""

    TOUCHES: ClassVar[tuple[str, ...]] = ("albedo",)

    kind: Literal["cool_roof"] = Field(description="Which measure.")
    albedo: float | None = Field(default=None, ge=0.05, le=0.95, description="Share of sunlight reflected.")

    def apply(self, change: Change) -> Done:
        """Give the buildings' roofs an albedo."""
        rows = change.buildings(self)
        for row in rows:
            attributes = change.city.objects["attributes"].iloc[row]
            if isinstance(attributes, dict) and attributes.get("green_roof"):
                change.refuse("roof_green_already", id=change.city.objects["id"].iloc[row])
        change.mark(rows, roof_albedo=default_layers("cool_roof", albedo=self.albedo)["albedo"])
        return Done(len(rows), float(change.footprint_area(rows).sum()))


class GreenFacade(Measure):
    """``green_facade``: climbers on the walls of buildings, up to a height."""

    TAKES: ClassVar[tuple[str, ...]] = ("ids", "points", "polygon", "geometry", "file")

    kind: Literal["green_facade"] = Field(description="Which measure.")
    height: float = Field(default=8.0, gt=0, le=40, description="How high the plants climb [m].")
    share: float = Field(default=0.5, gt=0, le=1, description="Share of the walls' length that they cover.")

    def apply(self, change: Change) -> Done:
        """Mark the buildings; counted in the biotope area factor, the heat model has one kind of wall."""
        rows = change.buildings(self)
        tree, top = change.footprints
        areas = []
        for row in rows:
            length = sum(shape.exterior.length for shape in tree.geometries[top == row] if shape.geom_type == "Polygon")
            areas.append(length * self.share * self.height)
            change.mark([row], green_facade_area=areas[-1])
        change.log.add(
            "facade_without_physics",
            layer="objects",
            severity="info",
            count=len(rows),
            places=change.city.objects["id"].iloc[rows],
        )
        return Done(len(rows), float(sum(areas)))
