"""Each source of a flood acts at whole steps of its own, also beside a quicker one."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from models import water


class Clock:
    """A source that gives nothing and notes when it is asked."""

    def __init__(self, name, longest_step):
        self.name, self.longest_step, self.calls = name, longest_step, []

    def step(self, time, duration, _surface):
        self.calls.append((time, duration))

    def account(self):
        return {self.name: 0.0}

    def state(self):
        return {}

    def restore(self, state):
        pass


@pytest.fixture
def plain():
    x = np.arange(12.0)
    layers = {
        "terrain_height": (("y", "x"), np.tile(50.0 - 0.01 * x, (12, 1))),
        "land_cover": (("y", "x"), np.full((12, 12), 2, np.uint8)),
    }
    return xr.Dataset(layers, {"y": -x, "x": x})


def test_every_source_covers_the_whole_run_in_its_own_steps(plain):
    quick, slow, any_step = Clock("quick", 1.0), Clock("slow", 4.0), Clock("any", np.inf)
    rain = water.design_storm(10.0, 5, shape="block")
    found = water.flood(plain, rain, duration=33.0, losses=None, sources=[quick, slow, any_step])
    for source, step in ((quick, 1.0), (slow, 4.0), (any_step, 10.0)):
        times, lengths = np.array(source.calls).T
        assert times == pytest.approx(np.arange(0.0, 33.0, step))
        assert np.sum(lengths) == pytest.approx(33.0)
    assert abs(found.attrs["balance_error"]) < 1e-6


def test_rain_is_the_same_beside_a_quick_source(plain):
    rain = water.design_storm(20.0, 5, shape="block")
    alone = water.flood(plain, rain, duration=400.0, losses=None, dtype="float64")
    beside = water.flood(plain, rain, duration=400.0, losses=None, dtype="float64", sources=[Clock("quick", 1.0)])
    assert float(beside["volume"].sel(term="rain")) == pytest.approx(20e-3 * 144, rel=1e-9)
    assert np.allclose(alone["depth_max"], beside["depth_max"], atol=5e-4)  # flow steps of 1 s instead of 5 s
