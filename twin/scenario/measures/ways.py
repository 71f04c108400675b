"""Streets closed to cars, and new paths."""

from __future__ import annotations

from typing import ClassVar, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import Field

from twin.city.model import NETWORK_COLUMNS
from twin.scenario.measures.change import Change, Done
from twin.scenario.measures.kinds import LINE, POLYGON, Measure

__all__ = ["CloseRoad", "NewPath"]


class CloseRoad(Measure):
    """``close_road``: no cars on a street; walking stays."""

    TAKES: ClassVar[tuple[str, ...]] = ("street", "line", "polygon", "geometry", "file")

    kind: Literal["close_road"] = Field(description="Which measure.")

    def apply(self, change: Change) -> Done:
        """Mark the streets as closed to cars in the network."""
        shapes = change.shapes(self, (LINE, POLYGON))
        network = change.city.network
        closed = network["closed"].to_numpy(dtype=bool).copy() if "closed" in network else np.zeros(len(network), bool)
        lines = np.asarray(network.geometry.values, dtype=object)
        found = np.zeros(len(network), bool)
        for shape in shapes:
            reach = shape.buffer(0.5)
            found |= shapely.length(shapely.intersection(lines, reach)) > 0.5 * shapely.length(lines)
        if self.street is not None:
            found = network["name"].isin(self.street).to_numpy(dtype=bool)
        if shapes and not found.any():
            change.refuse("no_street")
        change.exchange(network=network.assign(closed=closed | found))
        return Done(int(found.sum()), float(shapely.length(lines[found]).sum()))


class NewPath(Measure):
    """``new_path``: a way for walkers and cycles; its ends join the streets near them."""

    TAKES: ClassVar[tuple[str, ...]] = ("line", "geometry", "file")

    kind: Literal["new_path"] = Field(description="Which measure.")
    width: float = Field(default=2.5, gt=0, le=20, description="Width [m].")
    surface: str = Field(default="paving_stones", description="Surface, a value of OpenStreetMap's key surface.")
    steps: bool = Field(default=False, description="Stairs.")
    join: float = Field(default=15.0, ge=0, le=100, description="How near a street must be to an end to be joined [m].")

    def apply(self, change: Change) -> Done:
        """Add the path to the network, and a point on each street it joins."""
        lines = [line for shape in change.shapes(self, (LINE,)) for line in shapely.get_parts(shape)]
        network = change.city.network.copy()
        streets = list(network.geometry)
        paths, loose = [], 0
        for line in lines:
            points = shapely.get_coordinates(line)
            for end in (0, -1):
                joined = _joined(streets, shapely.Point(points[end]), self.join)
                if joined is None:
                    loose += 1
                    continue
                row, streets[row], points[end] = joined[0], joined[1], joined[2]
            paths.append(shapely.LineString(points))
        if loose:
            change.refuse("path_loose", count=loose, join=self.join)
        values = {
            "name": self.name,
            "kind": "steps" if self.steps else "footway",
            "width": self.width,
            "surface": self.surface,
            "source": "scenario",
        }
        known = set(network["id"])
        number = next(k for k in range(1, len(known) + 2) if f"new_path-{k}" not in known)
        rows = pd.DataFrame([{name: values.get(name, np.nan if dtype == "float64" else "") for name, dtype in NETWORK_COLUMNS.items()}
                             | {"id": f"new_path-{number + k}"} for k in range(len(paths))]).astype(NETWORK_COLUMNS)  # fmt: skip
        old = network.set_geometry(gpd.GeoSeries(streets, index=network.index, crs=network.crs))
        table = pd.concat([old, gpd.GeoDataFrame(rows, geometry=paths, crs=network.crs)], ignore_index=True)
        if "closed" in table:
            table["closed"] = table["closed"].fillna(False).astype(bool)
        change.exchange(network=gpd.GeoDataFrame(table, geometry="geometry", crs=network.crs))
        return Done(len(paths), float(sum(path.length for path in paths)))


def _joined(
    streets: list[shapely.LineString], end: shapely.Point, reach: float
) -> tuple[int, shapely.LineString, np.ndarray] | None:
    """Return the nearest street's row, the street with a point where the path meets it, and that point; None if none is near."""
    away = shapely.distance(np.array(streets, dtype=object), end)
    row = int(np.nanargmin(away)) if len(away) and np.isfinite(away).any() else -1
    if row < 0 or away[row] > reach:
        return None
    street = streets[row]
    along = street.project(end)
    meets = shapely.get_coordinates(street.interpolate(along))[0]
    points = shapely.get_coordinates(street)
    at = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    near = int(np.argmin(np.abs(at - along)))
    if abs(at[near] - along) < 0.02:  # a point of the street is there already
        return row, street, points[near]
    return row, shapely.LineString(np.insert(points, int(np.searchsorted(at, along)), meets, axis=0)), meets
