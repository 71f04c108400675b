"""Tiles: no seam, no bit of difference, nothing done twice, and no chunk with two writers."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

import twin
from models import heat
from models.heat.parts import lowest_ray, part_rim, simulate_part
from models.heat.skyline import skyline
from models.layers import LAND_COVER
from twin.errors import InputError
from twin.scenario.tiles_store import TileStore
from twin.scenario.tiles_workers import each, in_order


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")


def tiles_town(rows=150, columns=190, cell=2.0) -> xr.Dataset:
    """Houses, a tower, trees, lawns and a slope."""
    rng = np.random.default_rng(5)
    yy, xx = np.mgrid[:rows, :columns]
    ground = (60.0 + 0.05 * xx + 0.4 * np.sin(yy / 9.0)).astype(np.float32)
    layers = {
        "terrain_height": ground,
        "surface_height": ground.copy(),
        "canopy_height": np.zeros((rows, columns), np.float32),
        "trunk_height": np.zeros((rows, columns), np.float32),
        "building_id": np.zeros((rows, columns), np.int32),
        "land_cover": np.full((rows, columns), LAND_COVER["asphalt"], np.uint8),
    }
    layers["land_cover"][np.sin(yy / 14.0) * np.cos(xx / 11.0) > 0.2] = LAND_COVER["grass"]
    houses = [
        (int(rng.integers(0, rows - 10)), int(rng.integers(0, columns - 10)), rng.uniform(4, 15)) for _ in range(40)
    ]
    for i, j, high in [*houses, (rows // 2, columns // 3, 45.0)]:
        part = (slice(i, i + 6), slice(j, j + 8))
        layers["surface_height"][part] = ground[part] + np.float32(high)
        layers["building_id"][part] = 1
        layers["land_cover"][part] = LAND_COVER["building"]
    for _ in range(80):
        i, j = rng.integers(0, rows - 4), rng.integers(0, columns - 4)
        layers["canopy_height"][i : i + 3, j : j + 3] = rng.uniform(5, 14)
        layers["trunk_height"][i : i + 3, j : j + 3] = 2.0
    coordinates = {
        "y": (np.arange(rows)[::-1] + 0.5) * cell + 5_700_000.0,
        "x": (np.arange(columns) + 0.5) * cell + 400_000.0,
    }
    attrs = {"latitude": 51.0, "longitude": 7.0, "convergence": 0.7}
    return xr.Dataset({name: (("y", "x"), values) for name, values in layers.items()}, coordinates, attrs)


def tiles_weather(hours=24) -> xr.Dataset:
    """A clear day from its first hour; the sun stands low in the morning and in the evening."""
    times = pd.date_range("2022-07-19T00:00", periods=hours, freq="h")
    high = np.clip(np.sin((times.hour.to_numpy(float) - 4.0) / 16.0 * np.pi), 0.0, None)
    high[(times.hour < 4) | (times.hour > 20)] = 0.0
    values = {
        "air_temperature": 25.0 + 8.0 * np.cos((times.hour.to_numpy(float) - 15.0) / 24 * 2 * np.pi),
        "relative_humidity": np.full(hours, 40.0),
        "wind_speed": np.full(hours, 2.0),
        "global_radiation": 850.0 * high,
    }
    data = {name: ("time", value) for name, value in values.items()}
    return xr.Dataset(data, {"time": times.to_numpy()}, {"interval": "end"})


@pytest.fixture(scope="module")
def town():
    return tiles_town()


@pytest.fixture(scope="module")
def day():
    return tiles_weather().isel(time=slice(3, 12))


@pytest.fixture(scope="module")
def whole(town, day):
    return heat.simulate(town, day)


@pytest.mark.parametrize("tile", [190, 64, 51])
def test_tiles_are_the_whole_to_the_last_bit(town, day, whole, tile, tmp_path):
    steps: list[tuple[int, int]] = []
    found = twin.tiles.heat(town, day, folder=tmp_path, tile=tile, progress=lambda *done: steps.append(done))
    count = -(-150 // tile) * -(-190 // tile)
    assert steps == [(number, count) for number in range(count + 1)]
    xr.testing.assert_identical(found.load(), whole)


def test_air_and_wind_of_each_cell_and_the_sky_view(town, tmp_path):
    day = tiles_weather()
    options = {"outputs": ("utci", "air_temperature", "pet", "shadow"), "air": "local", "wind": "local"}
    found = twin.tiles.heat(town, day, folder=tmp_path, tile=100, sky_view=True, **options)
    xr.testing.assert_identical(found.drop_vars("svf_building").load(), heat.simulate(town, day, **options))
    assert np.array_equal(found["svf_building"].values, heat.sky_view_factor(town)["svf_building"].values)


def test_only_what_reaches_into_a_part_is_looked_at(town, day):
    tall = skyline(town)
    far = (slice(0, 20), slice(170, 190))
    assert max(tall.around(far).reach(60.0)) < max(tall.around(far).reach(10.0))
    window = tall.window(far, 40.0, part_rim(2.0))
    assert window[0].stop < 150
    assert window[1].start > 0
    flat = town.assign(surface_height=town.terrain_height * 0 + 60, terrain_height=town.terrain_height * 0 + 60)
    flat = flat.assign(canopy_height=flat.canopy_height * 0, trunk_height=flat.trunk_height * 0)
    assert max(skyline(flat).around(far).reach(6.0)) <= 5
    assert lowest_ray(town, day) == pytest.approx(min(6.0, lowest_ray(town, day)))
    with pytest.raises(InputError, match="wind_share"):
        simulate_part(town, day, far, wind="local")


def test_what_is_done_is_not_done_again(town, day, whole, tmp_path):
    first: list[twin.tiles.Finished] = []

    class EnoughError(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done == 4:
            raise EnoughError

    with pytest.raises(EnoughError):
        twin.tiles.heat(town, day, folder=tmp_path, tile=64, progress=stop, finished=first)
    assert len(first) == 4
    second: list[twin.tiles.Finished] = []
    found = twin.tiles.heat(town, day, folder=tmp_path, tile=64, finished=second)
    assert sorted(cost.number for cost in second) == [4, 5, 6, 7, 8]
    xr.testing.assert_identical(found.load(), whole)
    third: list[twin.tiles.Finished] = []
    twin.tiles.heat(town, day, folder=tmp_path, tile=64, finished=third)
    assert third == []


def test_a_run_on_other_inputs_is_not_gone_on_with(town, day, tmp_path):
    twin.tiles.heat(town, day.isel(time=slice(7, 9)), folder=tmp_path, tile=100, outputs=("tmrt",))
    warmer = day.assign(air_temperature=day.air_temperature + 1.0)
    with pytest.raises(InputError, match=r"changed: weather\)"):
        twin.tiles.heat(town, warmer.isel(time=slice(7, 9)), folder=tmp_path, tile=100, outputs=("tmrt",))
    with pytest.raises(InputError, match=r"changed: options\)"):
        twin.tiles.heat(town, day.isel(time=slice(7, 9)), folder=tmp_path, tile=100, outputs=("utci",))
    planted = town.assign(canopy_height=town.canopy_height.copy(deep=True))
    planted["canopy_height"].values[planted.building_id.values == 0] += 1.0
    with pytest.raises(InputError, match=r"changed: site\)"):
        twin.tiles.heat(planted, day.isel(time=slice(7, 9)), folder=tmp_path, tile=100, outputs=("tmrt",))


def test_a_folder_of_something_else_is_left_alone(town, day, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds thesis\.txt"):
        twin.tiles.heat(town, day, folder=tmp_path, tile=100)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_chunks_and_shards_with_two_writers_are_refused(tmp_path):
    layout = twin.tiles.Layout((96, 96), 32)
    sizes = {"shape": (2, 96, 96), "dtype": "float32"}
    good = zarr.create_array(tmp_path / "good", chunks=(1, 16, 16), shards=(1, 32, 32), **sizes)
    twin.tiles.require_whole_chunks(good, layout)
    for name, chunks, shards in (("a", (1, 48, 32), None), ("b", (1, 32, 64), None), ("c", (1, 16, 16), (1, 96, 96))):
        bad = zarr.create_array(tmp_path / name, chunks=chunks, shards=shards, **sizes)
        with pytest.raises(InputError, match="two tiles would write into one file"):
            twin.tiles.require_whole_chunks(bad, layout)
    template = xr.Dataset({"a": (("y", "x"), np.zeros((2, 2), np.float32))})
    (tmp_path / "store").mkdir()
    with pytest.raises(InputError, match="chunks"):
        TileStore.begin(tmp_path / "store", template, layout, {}, chunk=48)


def test_a_tile_without_a_value_is_done_all_the_same(tmp_path):
    template = xr.Dataset({"a": (("y", "x"), np.zeros((2, 2), np.float32))})
    store = TileStore.begin(tmp_path, template, twin.tiles.Layout((4, 6), 3), {"a": "b"})
    store.write(1, {"a": np.full((3, 3), np.nan, np.float32)})
    store.write(2, {"a": np.ones((1, 3), np.float32)})
    assert store.unfinished() == [0, 3]
    assert np.nansum(store.layers()["a"].values) == 3.0
    with pytest.raises(ValueError, match="Tile 0"):
        store.write(0, {"a": np.zeros((2, 2), np.float32)})


def test_tiles_fit_the_memory_and_keep_workers_busy():
    def needed(layout: twin.tiles.Layout) -> float:
        return 1000.0 * layout.tile**2

    gib = 1024**3
    one = twin.tiles.choose_layout((2250, 2250), needed, workers=1, ceiling=gib)
    assert needed(one) + 0.4 * gib <= gib
    two = twin.tiles.choose_layout((2250, 2250), needed, workers=2, ceiling=gib)
    assert len(two) % 2 == 0 or two.cost(2) <= min(twin.tiles.Layout((2250, 2250), t).cost(2) for t in (750, 563, 450))
    parts = list(two)
    assert sum((r.stop - r.start) * (c.stop - c.start) for r, c in parts) == 2250 * 2250
    with pytest.raises(InputError, match="Not even small tiles fit"):
        twin.tiles.choose_layout((2250, 2250), lambda _layout: 1e15, workers=2)


def test_executors_give_the_same(town, day, whole, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        found = twin.tiles.heat(town, day, folder=tmp_path / "threads", tile=100, workers=pool)
    xr.testing.assert_identical(found.load(), whole)
    with pytest.raises(InputError, match="Workers of the type str"):
        twin.tiles.heat(town, day, folder=tmp_path / "no", tile=100, workers="two")
    with pytest.raises(InputError, match="0 workers"):
        twin.tiles.heat(town, day, folder=tmp_path / "none", tile=100, workers=0)


def test_a_dask_cluster_gives_the_same(town, day, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        twin.tiles.connected(cluster.scheduler_address) as client,
    ):
        found = twin.tiles.heat(town, day, folder=tmp_path, tile=100, workers=client)
    xr.testing.assert_identical(found.load(), whole)
    with pytest.raises(InputError, match="No Dask scheduler answers"), twin.tiles.connected("not an address"):
        pass


def test_without_dask_processes_do_and_a_scheduler_names_the_extra():
    code = (
        "import sys; sys.modules['dask'] = sys.modules['distributed'] = None\n"
        "import twin; from twin.errors import InputError\n"
        "from twin.scenario.tiles_workers import each\n"
        "assert dict(each(abs, [-1, 2], workers=2)) == {-1: 1, 2: 2}\n"
        "try:\n    twin.tiles.connected('tcp://127.0.0.1:1').__enter__()\n"
        "except InputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert "urban-twin[scale]" in done.stdout


def tiles_smoothed(layers: xr.Dataset) -> xr.Dataset:
    """A map of one's own: mean of three by three cells, edges repeated."""
    padded = np.pad(layers["terrain_height"].values.astype(np.float64), 1, mode="edge")
    rows, columns = layers["terrain_height"].shape
    total = sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3))
    return xr.Dataset({"smooth": (("y", "x"), total / 9.0, {"units": "m"})}, layers.coords)


def test_maps_of_ones_own(town, tmp_path):
    found = twin.tiles.map_tiles(tiles_smoothed, town, halo=2.0, folder=tmp_path, tile=47)
    xr.testing.assert_identical(found.load().drop_vars("spatial_ref", errors="ignore"), tiles_smoothed(town))
    with pytest.raises(InputError, match="halo"):
        twin.tiles.map_tiles(tiles_smoothed, town, halo=-1.0, folder=tmp_path)
    with pytest.raises(InputError, match=r"changed: halo\)"):
        twin.tiles.map_tiles(tiles_smoothed, town, halo=20.0, folder=tmp_path)


def test_the_first_of_each_group_goes_first():
    with ThreadPoolExecutor(3) as pool:
        came = [item for item, _ in in_order(str, [1, 2, 3, 4, 5], ["a", "a", "b", "a", "b"], workers=pool)]
    assert came.index(1) < min(came.index(2), came.index(4))
    assert came.index(3) < came.index(5)
    assert [found for _, found in each(abs, [-3, -3, 4])] == [3, 3, 4]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_part_of_any_town_under_a_low_sun(seed, town):
    rng = np.random.default_rng(seed)
    times = pd.date_range("2022-07-19T03:40", periods=5, freq="10min")
    values = {"air_temperature": 20.0, "relative_humidity": 60.0, "wind_speed": 1.0, "global_radiation": 60.0,
              "direct_normal_radiation": 150.0, "diffuse_radiation": 40.0}  # fmt: skip
    data = {name: ("time", np.full(5, value)) for name, value in values.items()}
    dawn = xr.Dataset(data, {"time": times.to_numpy()}, {"interval": "instant"})
    assert lowest_ray(town, dawn) < 3.0
    rise = town.terrain_height + rng.uniform(0.0, 0.4) * np.arange(190, dtype=np.float32)
    roofs = rise + (town.surface_height - town.terrain_height) * rng.uniform(0.2, 1.5)
    site = town.assign(terrain_height=rise.astype(np.float32), surface_height=roofs.astype(np.float32))
    outputs = ("tmrt", "shadow")
    whole = heat.simulate(site, dawn, outputs=outputs)
    tall, low = skyline(site), lowest_ray(site, dawn)
    for _ in range(4):
        i, j = int(rng.integers(0, 130)), int(rng.integers(0, 170))
        part = (slice(i, min(i + int(rng.integers(5, 60)), 150)), slice(j, min(j + int(rng.integers(5, 60)), 190)))
        window = tall.window(part, low, part_rim(2.0))
        own = tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip(part, window, strict=True))
        found = simulate_part(site.isel(y=window[0], x=window[1]), dawn, (own[0], own[1]), outputs=outputs)
        xr.testing.assert_identical(found, whole.isel(y=part[0], x=part[1]))
