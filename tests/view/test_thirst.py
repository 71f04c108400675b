"""The watering plan in 3D: colours of the reasons, columns as high as the litres, trees left to the rain faint."""

from __future__ import annotations

import os

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

from models.layers import InputError
from twin.city.model import City
from twin.view import graphics
from twin.view.thirst import REASON_COLOURS, columns_mesh, thirsty_trees

CAN_DRAW = not graphics.obstacle("en")
drawn = pytest.mark.skipif(not CAN_DRAW and os.environ.get("CI") != "true", reason=graphics.obstacle("en") or "-")


def plan_of(city: City) -> gpd.GeoDataFrame:
    reasons = [list(REASON_COLOURS)[k % len(REASON_COLOURS)] for k in range(len(city.trees))]
    litres = [100.0 if r == "dry_now" else 40.0 if r == "dry_soon" else 0.0 for r in reasons]
    return gpd.GeoDataFrame({"reason": reasons, "litres": litres}, geometry=city.trees.geometry.to_numpy())


def test_colours_litres_and_legend(square_city: City) -> None:
    found = thirsty_trees(square_city, plan_of(square_city), "de")
    assert found.colours[0].tolist() == [165, 15, 21]
    assert found.aside.sum() == (plan_of(square_city)["reason"] == "established").sum()
    assert len(found.palette) == len(set(plan_of(square_city)["reason"]))
    assert found.palette.labels[0].startswith("jetzt trocken")


def test_columns_rise_by_the_litres(square_city: City, square_site: xr.Dataset) -> None:
    plan, ground = plan_of(square_city), square_site["terrain_height"]
    x, y = ground["x"].values, ground["y"].values
    area = (x.min(), y.min(), x.max(), y.max())
    mesh = columns_mesh(square_city, plan["litres"].to_numpy(), ground, (0.0, 0.0, 0.0), area=area, width=1.0)
    watered = np.flatnonzero(plan["litres"].to_numpy() > 0)
    assert set(mesh.owner) == set(watered)
    for row in watered:
        z = mesh.points[mesh.triangles[mesh.owner == row]][..., 2]
        expected = square_city.trees["height"].to_numpy(float)[row] + 0.2 * plan["litres"].iloc[row]
        assert z.max() - z.min() == pytest.approx(expected, abs=0.05)


def test_a_plan_of_another_city_is_refused(square_city: City) -> None:
    with pytest.raises(InputError, match="4 trees"):
        thirsty_trees(square_city, plan_of(square_city).head(4), "en")


@drawn
def test_the_picture_shows_red_trees_and_blue_columns(square_city: City, square_site: xr.Dataset) -> None:
    from twin.view.scenes import picture

    options = {"site": square_site, "language": "en", "size": (800, 500), "legend": False}
    pixels = picture(square_city, plan=plan_of(square_city), **options).astype(int)  # type: ignore[union-attr]
    plain = picture(square_city, **options).astype(int)  # type: ignore[union-attr]

    def share(image: np.ndarray, strong: int, weak: tuple[int, int]) -> float:
        return float(
            np.mean([(image[..., strong] > 1.6 * image[..., w] + 15) for w in weak], axis=0).__eq__(1.0).mean()
        )

    assert share(pixels, 0, (1, 2)) > 0.001 > share(plain, 0, (1, 2))
    assert share(pixels, 2, (0, 1)) > 0.0004 > share(plain, 2, (0, 1))
