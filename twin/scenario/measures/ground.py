"""Ground treated: unsealed, paved so that water passes, brightened, watered, shaded; fountains and mist."""

from __future__ import annotations

from typing import ClassVar, Literal

import shapely
from pydantic import Field

from twin.scenario.measures.change import Change, Done
from twin.scenario.measures.kinds import LINE, POINT, POLYGON, Measure, default_layers

__all__ = ["CoolPavement", "Fountain", "Irrigation", "Mist", "PermeablePaving", "ShadeSail", "Unseal"]

_SURFACE = ("land_cover", "albedo", "emissivity", "imperviousness", "manning_n")
_COVERS = {"grass": "grass", "gravel": "gravel", "planting": "shrub"}


class Strip(Measure):
    """Keys of ground that may be drawn as a line with a width."""

    TAKES: ClassVar[tuple[str, ...]] = ("polygon", "line", "geometry", "file", "street")

    width: float | None = Field(default=None, gt=0, le=60, description="Width of a line [m].")

    def ground(self, change: Change) -> list[shapely.Geometry]:
        """Return the ground that is treated: polygons, and lines as strips."""
        shapes = change.shapes(self, (POLYGON, LINE))
        if self.width is None and any(shape.geom_type == LINE for shape in shapes):
            change.refuse("width_missing")
            return []
        return [s if s.geom_type == POLYGON else s.buffer(float(self.width or 0) / 2, cap_style="flat") for s in shapes]


class Unseal(Strip):
    """``unseal``: sealed ground becomes grass, gravel or planting."""

    TOUCHES: ClassVar[tuple[str, ...]] = _SURFACE

    kind: Literal["unseal"] = Field(description="Which measure.")
    to: Literal["grass", "gravel", "planting"] = Field(default="grass", description="What it becomes.")

    def apply(self, change: Change) -> Done:
        """Paint the new cover above the old one."""
        shapes = change.claim(self.ground(change))
        change.cover(shapes, _COVERS[self.to])
        return Done(len(shapes), sum(shape.area for shape in shapes), self.to)


class PermeablePaving(Strip):
    """``permeable_paving``: stones with joints, porous stones or grass pavers."""

    TOUCHES: ClassVar[tuple[str, ...]] = _SURFACE

    kind: Literal["permeable_paving"] = Field(description="Which measure.")
    form: Literal["joints", "porous", "grass_pavers"] = Field(default="joints", description="Kind of stones.")
    imperviousness: float | None = Field(default=None, ge=0, le=1, description="Share that water cannot enter.")

    def apply(self, change: Change) -> Done:
        """Pave the ground and set its sealed share."""
        shapes = change.claim(self.ground(change))
        change.cover(shapes, "paved")
        layers = default_layers("permeable_paving", self.form, imperviousness=self.imperviousness)
        change.structure(shapes, "permeable_paving", layers=layers)
        return Done(len(shapes), sum(shape.area for shape in shapes), self.form)


class CoolPavement(Strip):
    """``cool_pavement``: brighter ground."""

    TOUCHES: ClassVar[tuple[str, ...]] = ("albedo",)

    kind: Literal["cool_pavement"] = Field(description="Which measure.")
    albedo: float | None = Field(default=None, ge=0.05, le=0.95, description="Share of sunlight reflected.")

    def apply(self, change: Change) -> Done:
        """Set the albedo of the ground."""
        shapes = change.claim(self.ground(change))
        change.structure(shapes, "cool_pavement", layers=default_layers("cool_pavement", albedo=self.albedo))
        return Done(len(shapes), sum(shape.area for shape in shapes))


class Irrigation(Strip):
    """``irrigation``: ground kept moist."""

    TOUCHES: ClassVar[tuple[str, ...]] = ("soil_moisture",)

    kind: Literal["irrigation"] = Field(description="Which measure.")
    soil_moisture: float | None = Field(default=None, ge=0.02, le=0.5, description="Kept at [m3 m-3].")

    def apply(self, change: Change) -> Done:
        """Set the soil moisture of the ground."""
        shapes = [change.free(shape) for shape in self.ground(change)]
        layers = default_layers("irrigation", soil_moisture=self.soil_moisture)
        change.structure(shapes, "irrigation", layers=layers)
        return Done(len(shapes), sum(shape.area for shape in shapes))


class ShadeSail(Measure):
    """``shade_sail``: cloth above the ground."""

    TOUCHES: ClassVar[tuple[str, ...]] = ("canopy_height", "trunk_height")

    kind: Literal["shade_sail"] = Field(description="Which measure.")
    height: float = Field(default=4.0, ge=2.2, le=20, description="Height above ground [m].")

    def apply(self, change: Change) -> Done:
        """Hang the sails; light passes them as it passes foliage."""
        shapes = change.shapes(self, (POLYGON,))
        for shape in shapes:
            building = change.building_at(shape)
            if building is not None:
                change.refuse("sail_in_building", id=building)
        change.structure(shapes, "sail", height=self.height)
        return Done(len(shapes), sum(shape.area for shape in shapes))


class Fountain(Measure):
    """``fountain``: a basin of water."""

    TAKES: ClassVar[tuple[str, ...]] = ("polygon", "points", "geometry", "file")
    TOUCHES: ClassVar[tuple[str, ...]] = _SURFACE

    kind: Literal["fountain"] = Field(description="Which measure.")
    diameter: float = Field(default=4.0, gt=0, le=60, description="Of a fountain drawn as a point [m].")

    def apply(self, change: Change) -> Done:
        """Paint water above the ground."""
        drawn = change.shapes(self, (POINT, POLYGON))
        shapes = change.claim([s if s.geom_type == POLYGON else s.buffer(self.diameter / 2.0) for s in drawn])
        change.cover(shapes, "water")
        return Done(len(shapes), sum(shape.area for shape in shapes))


class Mist(Measure):
    """``mist``: nozzles that cool the air near them; listed and priced, no model computes them."""

    TAKES: ClassVar[tuple[str, ...]] = ("points", "geometry", "file")

    kind: Literal["mist"] = Field(description="Which measure.")

    def apply(self, change: Change) -> Done:
        """Note the nozzles in the table of structures."""
        shapes = change.shapes(self, (POINT,))
        change.structure(shapes, "mist")
        change.log.add("mist_without_physics", layer="structures", severity="info", count=len(shapes), of=len(shapes))
        return Done(len(shapes), len(shapes))
