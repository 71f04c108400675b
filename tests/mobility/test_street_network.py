"""From a loaded city to the network of the mobility models."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr

from models import mobility
from twin.city.model import City
from twin.city.street_network import heights_at, street_network
from twin.errors import InputError


def _plane() -> xr.DataArray:
    x, y = np.arange(0.5, 101), np.arange(100.5, 0, -1)
    return xr.DataArray(np.add.outer(0.02 * y, 0.05 * x), coords={"y": y, "x": x}, dims=("y", "x"))


def _city(**columns) -> City:
    lines = [shapely.LineString([(10, 10), (60, 10)]), shapely.LineString([(60, 10), (60, 90)])]
    data = {
        "id": ["a", "b"],
        "name": ["", ""],
        "kind": ["footway", "steps"],
        "width": [2.0, np.nan],
        "source": ["x", "x"],
    }
    return City(crs=None, network=gpd.GeoDataFrame(data | columns, geometry=lines), terrain=_plane())


def test_slopes_come_from_the_terrain():
    net = street_network(_city())
    assert net.edges.set_index("id")["slope"].to_dict() == pytest.approx({"a": 0.05, "b": 0.02})
    assert net.edges["steps"].tolist() == [False, True]
    assert mobility.barrier_free(net).reasons["reason"].tolist() == ["steps"]


def test_columns_of_openstreetmap_are_understood():
    city = _city(
        oneway=["yes", "-1"], bridge=["yes", "no"], layer=["1", None], kerb=["raised", "flush"], surface=["Sett", ""]
    )
    walk, drive = street_network(city), street_network(city, walking=False)
    assert walk.arcs == 4
    assert drive.edges["oneway"].tolist() == ["forward", "backward"]
    assert walk.edges["bridge"].tolist() == [True, False]
    assert walk.edges["layer"].tolist() == [1, 0]
    assert walk.edges["kerb"].tolist() == [12.0, 0.0]
    assert walk.edges["surface"].tolist() == ["sett", ""]


def test_heights_are_those_of_the_plane_and_missing_outside():
    z = heights_at(_plane(), np.array([[20.25, 30.75], [500.0, 5.0]]))
    assert z[0] == pytest.approx(0.02 * 30.75 + 0.05 * 20.25)
    assert np.isnan(z[1])


def test_without_terrain_slopes_are_reported_missing():
    net = street_network(_city().replace(terrain=None))
    assert net.report["code"].tolist() == ["slope_missing"]
    with pytest.raises(InputError, match="no streets"):
        street_network(City(crs=None))


def test_sample_district_routes(samples):
    import twin

    city = twin.load(samples / "city.toml")
    net = street_network(city)
    seconds = mobility.walking_seconds(net)
    main = np.flatnonzero(net.components() == 0)
    assert len(main) > 10
    start, end = main[net.xy[main].sum(axis=1).argmin()], main[net.xy[main].sum(axis=1).argmax()]
    rng = np.random.default_rng(0)
    dose = net.on_arcs(rng.uniform(0, 5, len(net.edges))) * seconds / 60.0
    table = mobility.route_choices(net, seconds, dose, int(start), int(end), detour=1.6)
    assert len(table) >= 1
    assert (np.diff(table["dose"]) < 0).all()
    assert (np.diff(table["seconds"]) > 0).all()
    apart = np.hypot(*(net.xy[end] - net.xy[start]))
    assert net.length[table["arcs"].iloc[0]].sum() >= apart
