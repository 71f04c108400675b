"""Greedy choice of places for trees: each gain equals two full runs, the order is that of brute force."""

import numpy as np
import pytest

from models import heat
from models.layers import InputError


@pytest.fixture
def plaza(make_heat_site, with_building, with_crown):
    site = make_heat_site((110, 120))
    with_building(site, slice(0, 12), slice(0, 120), 12.0)
    with_building(site, slice(98, 110), slice(0, 120), 15.0)
    with_crown(site, slice(60, 66), slice(90, 96), 10.0, 3.0)
    people = np.zeros((110, 120), np.float32)
    people[40:70, 20:60] = 1.0
    people[30:40, 80:110] = 0.3
    site["population"] = (("y", "x"), people)
    return site


PLACES = [(35.5, 55.5), (50.5, 60.5), (95.5, 40.5), (100.5, 75.5), (25.5, 70.5), (41.5, 56.5)]


def at(site, places):
    """Return places counted from the lower left corner of the grid."""
    x0, y0 = float(site.x[0]) - 0.5, float(site.y[-1]) - 0.5
    return np.array(places) + np.array([x0, y0])


def plant(site, place, height=10.0, crown=8.0, trunk=3.0):
    after = site.copy(deep=True)
    far = np.hypot(site.x.values[None, :] - place[0], site.y.values[:, None] - place[1])
    inside = (far <= crown / 2) & (site.building_id.values == 0)
    old = site.canopy_height.values
    under = np.where(old > 0, np.minimum(site.trunk_height.values, trunk), trunk)
    after["canopy_height"].values[inside] = np.maximum(old, height)[inside]
    after["trunk_height"].values[inside] = under[inside]
    return after


def mean_felt(site, weather, steps):
    utci = heat.simulate(site, weather, outputs="utci").utci.isel(time=steps).values.astype(float)
    people = np.where(site.building_id.values == 0, site.population.values.astype(float), 0.0)
    return float((np.nan_to_num(utci) * people).sum() / people.sum() / len(steps))


def test_gains_equal_full_runs_and_order_that_of_brute_force(plaza, make_hot_day):
    weather = make_hot_day().isel(time=slice(8, 16))
    steps = [4, 6]
    places = at(plaza, PLACES)
    found = heat.tree_sites(plaza, places, 3, weather=weather, times=weather.time.values[steps])
    site, left = plaza, list(range(len(places)))
    for rank in range(3):
        before = mean_felt(site, weather, steps)
        gains = {k: before - mean_felt(plant(site, places[k]), weather, steps) for k in left}
        best = max(gains, key=gains.get)
        assert int(found.candidate[rank]) == best
        assert float(found.gain[rank]) == pytest.approx(gains[best], abs=1e-9)
        site = plant(site, places[best])
        left.remove(best)
    assert (found.gain.values > 0).all()
    assert found.x.values.tolist() == places[found.candidate.values, 0].tolist()


def test_trees_go_where_people_are(plaza, make_hot_day):
    weather = make_hot_day().isel(time=slice(10, 16))
    steps = []
    found = heat.tree_sites(plaza, at(plaza, PLACES), 2, weather=weather, progress=steps.append)
    assert steps == [1, 2]
    assert set(found.candidate.values) <= {0, 1, 5}
    everywhere = heat.tree_sites(plaza.drop_vars("population"), at(plaza, PLACES), 1, weather=weather)
    assert float(everywhere.gain[0]) > 0
    assert float(everywhere.gain[0]) < float(found.gain[0])


def test_a_place_where_nobody_gains_is_left_out(plaza, make_hot_day):
    weather = make_hot_day().isel(time=slice(10, 14))
    far = plaza.copy(deep=True)
    far["population"].values[:] = 0.0
    far["population"].values[90:96, 2:6] = 1.0
    found = heat.tree_sites(far, at(plaza, [(110.5, 90.5), (112.5, 80.5)]), 2, weather=weather, height=4.0, trunk=2.0)
    assert found.sizes["rank"] <= 2
    assert (found.gain > 0).all()


@pytest.mark.parametrize(
    ("places", "n", "options", "sentence"),
    [
        ([(500.0, 20.0)], 1, {}, "outside the site"),
        ([(20.0, 105.0)], 1, {}, "on a building"),
        ([(20.0, 50.0)], 2, {}, "n=2 trees"),
        ([(20.0, 50.0)], 1, {"trunk": 12.0}, "cannot be"),
        ([(20.0, 50.0)], 1, {"times": ["2001-01-01T12:00"]}, "use its own times"),
        ([(20.0, np.nan)], 1, {}, "pairs of x and y"),
    ],
)
def test_bad_requests(plaza, make_hot_day, places, n, options, sentence):
    weather = make_hot_day().isel(time=slice(11, 13))
    with pytest.raises(InputError, match=sentence):
        heat.tree_sites(plaza, at(plaza, places), n, weather=weather, **options)


def test_nobody_and_no_sun(plaza, make_hot_day):
    empty = plaza.assign(population=plaza.population * 0.0)
    with pytest.raises(InputError, match="nobody"):
        heat.tree_sites(empty, at(plaza, PLACES), 1, weather=make_hot_day().isel(time=slice(11, 13)))
    with pytest.raises(InputError, match="direct sun"):
        heat.tree_sites(plaza, at(plaza, PLACES), 1, weather=make_hot_day().isel(time=slice(0, 2)))


def test_part_of_a_geometry_is_the_geometry_of_the_part_in_its_place(plaza):
    geometry = heat.prepare(plaza)
    part = geometry.part(slice(20, 60), slice(30, 90))
    assert part.shape == (40, 60)
    for row, column in ((0, 0), (17, 33), (39, 59)):
        for mine, whole in zip(
            part.open_patches(row, column), geometry.open_patches(row + 20, column + 30), strict=True
        ):
            assert np.array_equal(mine, whole)
    assert part.relief.origin == (geometry.relief.origin[0] + 20, geometry.relief.origin[1] + 30)
