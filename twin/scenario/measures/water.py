"""Rain kept where it falls, and led: swales, trenches, basins, cisterns, walls, kerbs, culverts."""

from __future__ import annotations

from typing import ClassVar, Literal

import shapely
from pydantic import Field

from twin.scenario.measures.change import Change, Done
from twin.scenario.measures.ground import Strip
from twin.scenario.measures.kinds import LINE, POINT, POLYGON, Measure
from twin.scenario.measures.trees import Planting, along

__all__ = ["Cistern", "Culvert", "RaiseKerb", "RetentionBasin", "Swale", "TreeTrench", "Trench", "Wall"]

_LOWERED = ("terrain_height", "surface_height", "land_cover", "albedo", "emissivity", "imperviousness", "manning_n")
_RAISED = ("terrain_height", "surface_height")


class Swale(Strip):
    """``swale``: a grassed hollow that rain seeps away in."""

    TOUCHES: ClassVar[tuple[str, ...]] = _LOWERED

    kind: Literal["swale"] = Field(description="Which measure.")
    depth: float = Field(default=0.3, gt=0, le=1.0, description="Below the ground round it [m].")

    def apply(self, change: Change) -> Done:
        """Lower the ground and grow grass on it."""
        shapes = change.claim(self.ground(change))
        change.cover(shapes, "grass")
        change.structure(shapes, "swale", depth=self.depth)
        return Done(len(shapes), sum(shape.area for shape in shapes))


class RetentionBasin(Measure):
    """``retention_basin``: an open basin, grassed."""

    TOUCHES: ClassVar[tuple[str, ...]] = _LOWERED

    kind: Literal["retention_basin"] = Field(description="Which measure.")
    depth: float = Field(default=1.0, gt=0, le=6, description="Below the ground round it [m].")

    def apply(self, change: Change) -> Done:
        """Lower the ground and grow grass on it."""
        shapes = change.claim(change.shapes(self, (POLYGON,)))
        change.cover(shapes, "grass")
        change.structure(shapes, "basin", depth=self.depth)
        return Done(len(shapes), sum(shape.area for shape in shapes) * self.depth)


class Trench(Strip):
    """``trench``: storage of gravel or crates below the ground."""

    kind: Literal["trench"] = Field(description="Which measure.")
    depth: float = Field(default=1.0, gt=0, le=5, description="Thickness of the storage [m].")
    pores: float = Field(default=0.35, gt=0, le=0.97, description="Share of it that holds water.")

    def apply(self, change: Change) -> Done:
        """Note the storage; the water model takes its volume."""
        shapes = [change.free(shape) for shape in self.ground(change)]
        held = [shape.area * self.depth * self.pores for shape in shapes]
        change.structure(shapes, "trench", volume=held, pores=self.pores)
        return Done(len(shapes), sum(held))


class TreeTrench(Planting):
    """``tree_trench``: trees in a planted hollow above an underground storage."""

    TAKES: ClassVar[tuple[str, ...]] = ("line", "geometry", "file")
    TOUCHES: ClassVar[tuple[str, ...]] = (*_LOWERED, "canopy_height", "trunk_height")

    kind: Literal["tree_trench"] = Field(description="Which measure.")
    width: float = Field(default=2.5, ge=1, le=10, description="Of the hollow [m].")
    depth: float = Field(default=0.2, ge=0, le=1, description="Of the hollow [m].")
    storage: float = Field(default=4.0, ge=0, le=50, description="Underground storage a tree [m3].")

    def apply(self, change: Change) -> Done:
        """Plant the trees, lower the ground between them and note the storage."""
        lines = change.shapes(self, (LINE,))
        points = along(lines, self.spacing)
        self.plant(change, points)
        ground = change.claim([line.buffer(self.width / 2.0, cap_style="flat") for line in lines])
        change.cover(ground, "shrub")
        volume = [self.storage * len(along([line], self.spacing)) for line in lines]
        change.structure(ground, "tree_trench", depth=self.depth, volume=volume)
        return Done(len(points), len(points))


class Cistern(Measure):
    """``cistern``: roof water kept in a tank."""

    TAKES: ClassVar[tuple[str, ...]] = ("ids", "points", "geometry", "file")

    kind: Literal["cistern"] = Field(description="Which measure.")
    volume: float = Field(gt=0, le=5000, description="Of each tank [m3].")

    def apply(self, change: Change) -> Done:
        """Note the tanks at their buildings."""
        if self.ids is not None:
            rows = change.buildings(self)
            tree, top = change.footprints
            shapes = [shapely.point_on_surface(shapely.union_all(tree.geometries[top == row])) for row in rows]
            names = [str(change.city.objects["id"].iloc[row]) for row in rows]
            for shape, name in zip(shapes, names, strict=True):
                change.structure([shape], "cistern", volume=self.volume, building=name)
        else:
            shapes = change.shapes(self, (POINT,))
            change.structure(shapes, "cistern", volume=self.volume)
        return Done(len(shapes), len(shapes) * self.volume)


class RaiseKerb(Measure):
    """``raise_kerb``: a kerb that holds water back."""

    TAKES: ClassVar[tuple[str, ...]] = ("line", "geometry", "file", "street")
    TOUCHES: ClassVar[tuple[str, ...]] = _RAISED

    kind: Literal["raise_kerb"] = Field(description="Which measure.")
    height: float = Field(default=0.15, gt=0, le=0.5, description="Above the ground [m].")

    def apply(self, change: Change) -> Done:
        """Raise the ground along the line."""
        shapes = change.shapes(self, (LINE,))
        change.structure(shapes, "kerb", height=self.height)
        return Done(len(shapes), sum(shape.length for shape in shapes))


class Wall(Measure):
    """``wall``: a wall or dam that water goes round."""

    TAKES: ClassVar[tuple[str, ...]] = ("line", "geometry", "file")
    TOUCHES: ClassVar[tuple[str, ...]] = _RAISED

    kind: Literal["wall"] = Field(description="Which measure.")
    height: float = Field(default=1.0, gt=0, le=10, description="Above the ground [m].")
    width: float | None = Field(default=None, gt=0, le=30, description="Of a dam [m]; a wall is one cell wide.")

    def apply(self, change: Change) -> Done:
        """Raise the ground along the line."""
        shapes = change.shapes(self, (LINE,))
        for shape in shapes:
            building = change.building_at(shape)
            if building is not None:
                change.log.add("wall_through_building", layer="structures", severity="info", count=1, places=[building])
        change.structure(shapes, "wall", height=self.height, width=self.width or float("nan"))
        return Done(len(shapes), sum(shape.length for shape in shapes) * self.height)


class Culvert(Measure):
    """``culvert``: a pipe under a road or dam, from the first point of the line to the last."""

    TAKES: ClassVar[tuple[str, ...]] = ("line", "geometry", "file")

    kind: Literal["culvert"] = Field(description="Which measure.")
    diameter: float = Field(gt=0, le=6, description="Inside [m].")
    manning_n: float = Field(default=0.013, ge=0.008, le=0.05, description="Roughness of the pipe [s m-1/3].")

    def apply(self, change: Change) -> Done:
        """Note the pipe; the water model links its ends."""
        shapes = change.shapes(self, (LINE,))
        change.structure(shapes, "culvert", width=self.diameter, manning=self.manning_n)
        return Done(len(shapes), sum(shape.length for shape in shapes))
