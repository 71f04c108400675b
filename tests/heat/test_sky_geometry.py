"""Sky view, shadows: analytic cases, plain-Python twin, properties, golden arrays."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from models import heat
from models.heat.geometry import prepare, sun_bits
from models.heat.relief import relief_of
from models.heat.sky import sky_patches
from models.layers import InputError
from models.parallel import set_threads


def plain_sun_bits(surface, under, top, cell, azimuth, elevation, origin):
    """Walk each ray towards the sun cell by cell (the slow way): 1 open, plus 2 where a crown comes first."""
    az = math.radians(azimuth)
    down, right = -math.cos(az), math.sin(az)
    rows_major = abs(down) >= abs(right) - 1e-12
    along, across = (down, right) if rows_major else (right, down)
    slope = 0.0 if abs(across / along) < 1e-9 else across / along
    step = cell * math.hypot(1.0, slope)
    rise = math.tan(math.radians(min(elevation, 89.9))) * step
    towards = 1 if along > 0 else -1
    rows, columns = surface.shape
    out = np.zeros(surface.shape, np.uint8)
    for row in range(rows):
        for column in range(columns):
            p0, q0 = (row, column) if rows_major else (column, row)
            start = origin[0] if rows_major else origin[1]
            shift0 = math.floor(slope * (start + p0) + 0.5)
            height, crown, open_ = surface[row, column], False, True
            major, minor = (rows, columns) if rows_major else (columns, rows)
            if top[row, column] > height and max(under[row, column], height) - height <= 0.5 * rise:
                crown = True
            n = 1
            while open_ and not crown:
                p = p0 + towards * n
                if not 0 <= p < major:
                    break
                q = q0 + math.floor(slope * (start + p) + 0.5) - shift0
                if not 0 <= q < minor:
                    break
                i, j = (p, q) if rows_major else (q, p)
                ray = height + rise * n
                if surface[i, j] > ray:
                    open_ = False
                elif top[i, j] > surface[i, j]:
                    low, high = max(under[i, j], surface[i, j]) - 0.5 * rise, top[i, j] + 0.5 * rise
                    crown = low <= ray < high
                n += 1
            while open_ and crown:  # what stands behind the crown
                p = p0 + towards * n
                q = q0 + math.floor(slope * (start + p) + 0.5) - shift0
                if not (0 <= p < major and 0 <= q < minor):
                    break
                i, j = (p, q) if rows_major else (q, p)
                open_ = surface[i, j] <= height + rise * n
                n += 1
            out[row, column] = open_ + 2 * crown
    return out


def rough_site(make, seed, cell=1.0, shape=(30, 34)):
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    site = make(shape, cell, terrain=0.15 * xx + 1.5 * np.sin(yy / 5.0))
    for _ in range(5):
        i, j = rng.integers(0, shape[0] - 6), rng.integers(0, shape[1] - 6)
        site["surface_height"].values[i : i + 5, j : j + 4] += rng.uniform(4, 15)
    for _ in range(8):
        i, j = rng.integers(0, shape[0] - 4), rng.integers(0, shape[1] - 4)
        top = rng.uniform(4, 18)
        site["canopy_height"].values[i : i + 3, j : j + 4] = top
        site["trunk_height"].values[i : i + 3, j : j + 4] = top * rng.uniform(0.1, 0.6)
    return site


@pytest.mark.parametrize("azimuth", [0.0, 33.0, 45.0, 77.7, 90.0, 143.0, 180.0, 201.5, 270.0, 311.0])
@pytest.mark.parametrize("elevation", [6.0, 30.0, 66.0])
def test_sweep_equals_plain_ray_walk(make_heat_site, azimuth, elevation):
    site = rough_site(make_heat_site, seed=int(azimuth))
    relief = relief_of(site)
    found, _ = sun_bits(relief, azimuth, elevation)
    shape = relief.shape
    expected = plain_sun_bits(
        *(a.reshape(shape).astype(float) for a in (relief.surface, relief.under, relief.top)), 1.0, azimuth, elevation,
        relief.origin,
    )  # fmt: skip
    found = found.reshape(shape)
    assert np.array_equal(found & 1, expected & 1)
    # crowns are kept in bits of 0.125 m: rays that graze an edge may fall to either side
    assert ((found >> 1) != (expected >> 1)).mean() < 0.02


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0, 2.0])
def test_infinite_canyon(make_heat_site, with_building, ratio):
    width, length = 20, 601
    site = make_heat_site((61, length))
    height = ratio * width
    with_building(site, slice(0, 20), slice(None), height)
    with_building(site, slice(41, 61), slice(None), height)
    svf = heat.sky_view_factor(site).svf.values
    # middle row 30; the walls' cells are centred 11 m away: the sweep sees the wall in the middle of its first cell
    expected = math.cos(math.atan(2.0 * height / 22.0))
    assert svf[30, length // 2] == pytest.approx(expected, abs=0.02)


def test_basin(make_heat_site):
    # a round basin whose rim rises to the same angle everywhere: SVF = cos^2 of that angle
    yy, xx = np.mgrid[:121, :121] - 60
    site = make_heat_site((121, 121))
    site["surface_height"].values[np.hypot(yy, xx) >= 50] = 50.0 * math.tan(math.radians(24.0))
    svf = heat.sky_view_factor(site).svf_building.values[60, 60]
    assert svf == pytest.approx(math.cos(math.radians(24.0)) ** 2, abs=0.015)


@pytest.mark.parametrize("cell", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("azimuth", "elevation"), [(180.0, 30.0), (90.0, 20.0), (225.0, 45.0)])
def test_length_of_a_shadow(make_heat_site, with_building, cell, azimuth, elevation):
    n = int(120 / cell)
    site = make_heat_site((n, n), cell)
    b = slice(int(50 / cell), int(70 / cell))
    with_building(site, b, b, 10.0)
    lit = heat.shadow(site, azimuth, elevation).values
    az = math.radians(azimuth)
    # from the middle of the roof away from the sun: shaded cells beyond the building
    shaded, at = [], 0.0
    while at < 60.0:
        y = int((60 + math.cos(az) * at) / cell)
        x = int((60 - math.sin(az) * at) / cell)
        if site.building_id.values[y, x] == 0 and lit[y, x] < 0.5:
            shaded.append(at)
        at += cell / 4
    edge = 10.0 / max(abs(math.sin(az)), abs(math.cos(az)))
    expected = 10.0 / math.tan(math.radians(elevation))
    assert max(shaded) - edge == pytest.approx(expected, abs=1.5 * cell)


def test_slope_shades_itself_and_lit_slope_does_not(make_heat_site):
    x = np.arange(60.0)
    ridge = np.minimum(x, 59 - x) * 0.6  # 31 degrees on both flanks, ridge north-south
    site = make_heat_site((20, 60), terrain=ridge[None, :])
    lit = heat.shadow(site, 90.0, 20.0).values
    assert (lit[:, 32:] == 1.0).all()  # the flank that faces the eastern sun
    assert (lit[:, 5:28] == 0.0).all()  # the flank behind the ridge
    assert (heat.shadow(site, 90.0, 40.0).values == 1.0).all()


def test_low_sun_shines_under_a_crown(make_heat_site, with_crown):
    site = make_heat_site((60, 60))
    with_crown(site, slice(28, 32), slice(28, 32), 10.0, 4.0)
    low = heat.shadow(site, 180.0, 20.0, transmissivity=0.0).values
    assert low[29, 29] == 1.0  # under the crown: the beam comes in below it
    distance = 7.0 / math.tan(math.radians(20.0))  # the middle of the crown casts its shade here
    assert low[30 - round(distance), 30] == 0.0
    high = heat.shadow(site, 180.0, 75.0).values
    assert high[29, 29] == pytest.approx(0.03)
    assert heat.shadow(site, 180.0, -3.0).values.max() == 0.0


def test_crown_on_a_steep_hill_is_not_lost(make_heat_site, with_crown):
    # a tree on the brink of a 60 m cliff shades the plain below it
    terrain = np.where(np.arange(200) < 20, 60.0, 0.0)[None, :]
    site = make_heat_site((7, 200), terrain=terrain)
    with_crown(site, slice(3, 4), slice(19, 20), 20.0, 10.0)
    lit = heat.shadow(site, 270.0, 30.0, transmissivity=0.0).values
    away = 75.0 / math.tan(math.radians(30.0))
    assert lit[3, 19 + round(away)] == 0.0
    assert lit[0, 19 + round(away)] == 1.0


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_an_obstacle_never_opens_the_sky(heat_site_factory, data):
    seed, i, j = data.draw(st.integers(0, 10_000)), data.draw(st.integers(0, 24)), data.draw(st.integers(0, 28))
    height, tree = data.draw(st.floats(0.5, 40.0)), data.draw(st.booleans())
    site = rough_site(heat_site_factory, seed, shape=(28, 32))
    before = heat.sky_view_factor(site)
    changed = site.copy(deep=True)
    if tree:
        changed["canopy_height"].values[i : i + 3, j : j + 3] = np.maximum(
            changed["canopy_height"].values[i : i + 3, j : j + 3], height
        )
        changed["trunk_height"].values[i : i + 3, j : j + 3] = 0.0
    else:
        changed["surface_height"].values[i : i + 3, j : j + 3] += height
    after = heat.sky_view_factor(changed)
    ground = changed.surface_height.values == site.surface_height.values
    # a house in place of a crown takes the crown away, which reaches half a cell further
    swapped = not tree and (site.canopy_height.values[i : i + 3, j : j + 3] > 0).any()
    for name in ("svf_building",) if swapped else ("svf", "svf_building"):
        assert (after[name].values >= -1e-6).all()
        assert (after[name].values <= 1 + 1e-6).all()
        assert (after[name].values <= before[name].values + 1e-5)[ground].all()


def test_threads_give_the_same_bits(make_heat_site):
    site = rough_site(make_heat_site, 5)
    set_threads(1)
    one = prepare(site)
    set_threads(3)
    three = prepare(site)
    set_threads(None)
    assert np.array_equal(one.open_bits, three.open_bits)
    assert np.array_equal(one.crown_bits, three.crown_bits)


def test_kept_on_disk(make_heat_site, tmp_path):
    site = rough_site(make_heat_site, 6)
    first = prepare(site, cache=tmp_path)
    files = list(tmp_path.iterdir())
    assert [f.name for f in files] == [f"sky-{first.key}.npy"]
    stamp = files[0].stat().st_mtime_ns
    again = prepare(site, cache=tmp_path)
    assert files[0].stat().st_mtime_ns == stamp
    assert np.array_equal(again.open_bits, first.open_bits)
    site["surface_height"].values[3, 3] += 1.0
    assert prepare(site, cache=tmp_path).key != first.key


def test_open_patches_agree_with_the_sum(make_heat_site):
    site = rough_site(make_heat_site, 7)
    geometry = prepare(site)
    opened, crowned = geometry.open_patches(4, 9)
    weights = sky_patches().horizontal
    assert geometry.patch_sum(weights)[4, 9] == pytest.approx(weights[opened].sum(), abs=1e-6)
    assert geometry.patch_sum(weights, crowns=False)[4, 9] == pytest.approx(weights[opened & ~crowned].sum(), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.drop_vars("trunk_height"), "no layer 'trunk_height'"),
        (lambda s: s.assign(canopy_height=s.canopy_height + 150.0), "above ground"),
        (lambda s: s.assign(trunk_height=s.canopy_height + 1.0, canopy_height=s.canopy_height + 1.0), "below its top"),
        (lambda s: s.assign(surface_height=s.surface_height - 5.0), "one datum"),
        (lambda s: s.assign(terrain_height=s.terrain_height.where(s.terrain_height > 99.0)), "without a value"),
        (lambda s: s.assign(canopy_height=s.canopy_height - 1.0), "not be negative"),
        (lambda s: s.isel(y=slice(None, None, -1)), "north edge"),
    ],
)
def test_bad_heights_are_named(make_heat_site, change, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        heat.sky_view_factor(change(make_heat_site()))
    assert str(error.value).count("\n") == 0


@pytest.mark.reference
def test_golden_shadows_and_sky_view(shared):
    data = np.load(shared / "reference" / "heat" / "golden_umep" / "athens_shadow_svf.npz")
    dsm, crown, trunk = data["dsm"], data["cdsm"], data["tdsm"]
    canopy = np.where(crown > 0, np.maximum(crown - dsm, 0), 0)
    under = np.where(crown > 0, np.maximum(trunk - dsm, 0), 0)
    canopy[under >= canopy] = 0
    under[canopy == 0] = 0
    n = dsm.shape[0]
    layers = {"terrain_height": dsm, "surface_height": dsm, "canopy_height": canopy, "trunk_height": under}
    site = xr.Dataset(
        {k: (("y", "x"), v.astype("f4")) for k, v in layers.items()},
        coords={"y": np.arange(n)[::-1] * 1.0, "x": np.arange(n) * 1.0},
    )
    geometry = prepare(site)
    for name, azimuth, elevation in (("morning", 90.0, 30.0), ("noon", 180.0, 60.0)):
        found = sun_bits(geometry.relief, azimuth, elevation)[0].reshape(dsm.shape)
        golden = data[f"{name}_bldg_sh"]
        assert ((found & 1) == golden).mean() >= 0.995
        both = ((found & 1) == 1) & (golden == 1)  # the golden crowns leave out what walls shade
        assert ((found >> 1) == 1 - data[f"{name}_veg_sh"])[both].mean() >= 0.995
    _, building, crowns = geometry.sky_view_factor()
    for ours, golden in ((building, data["svf_total"]), (crowns, data["svf_veg"])):
        error = np.abs(ours - golden)
        assert error.mean() <= 0.012
        assert np.percentile(error, 95) <= 0.03


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_update_gives_the_bits_of_a_full_run(make_heat_site, with_crown, with_building, seed):
    site = rough_site(make_heat_site, seed, shape=(60, 75))
    before = prepare(site)
    after = site.copy(deep=True)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        i, j = rng.integers(0, 50), rng.integers(0, 60)
        with_crown(after, slice(i, i + 4), slice(j, j + 4), rng.uniform(5, 30), 2.0)
    after["canopy_height"].values[30:34, 30:36] = 0.0
    after["trunk_height"].values[30:34, 30:36] = 0.0
    with_building(after, slice(10, 14), slice(40, 50), 35.0)
    found, full = before.update(after), prepare(after)
    assert np.array_equal(found.open_bits, full.open_bits)
    assert np.array_equal(found.crown_bits, full.crown_bits)
    assert found.key == full.key
    assert not np.array_equal(found.open_bits, before.open_bits)
    assert before.update(site) is before
    with pytest.raises(InputError, match="another grid"):
        before.update(after.isel(x=slice(0, 40)))


def test_damaged_cache_is_made_again(make_heat_site, tmp_path, caplog):
    site = rough_site(make_heat_site, 9)
    first = prepare(site, cache=tmp_path)
    path = tmp_path / f"sky-{first.key}.npy"
    path.write_bytes(path.read_bytes()[:200])
    again = prepare(site, cache=tmp_path)
    assert np.array_equal(again.open_bits, first.open_bits)
    assert "damaged" in caplog.text
    assert np.load(path).shape == (2, *first.open_bits.shape)


def test_halves_of_the_sky(make_heat_site, with_building):
    site = with_building(make_heat_site((60, 61)), slice(0, 30), slice(None), 400.0)
    found = heat.sky_view_factor(site, halves=True).isel(y=30, x=30)  # a high wall close by in the north
    assert float(found.svf_north) < 0.06  # the ray of a patch on the border stands for both of its halves
    assert float(found.svf_south) > 0.94
    assert float(found.svf_east) == pytest.approx(0.5, abs=0.02)
    assert float(found.svf_west) == pytest.approx(0.5, abs=0.02)
    whole = heat.sky_view_factor(rough_site(make_heat_site, 4), halves=True)
    for a, b in (("north", "south"), ("east", "west")):
        mean = 0.5 * (whole[f"svf_{a}"] + whole[f"svf_{b}"])
        assert np.abs(mean - whole.svf).max() < 2e-3
    assert sky_patches().half.sum(axis=0) == pytest.approx(np.full(153, 2.0), abs=2e-3)


def test_only_the_named_area_may_change(make_heat_site, with_crown):
    site = rough_site(make_heat_site, 8, shape=(40, 50))
    after = with_crown(site.copy(deep=True), slice(10, 13), slice(20, 23), 25.0, 3.0)
    x, y = site.x.values, site.y.values
    area = (x[19], y[14], x[24], y[8])
    before = prepare(site)
    assert np.array_equal(before.update(after, area).crown_bits, prepare(after).crown_bits)
    with pytest.raises(InputError, match="outside changed_area"):
        before.update(after, (x[0], y[39], x[10], y[30]))
