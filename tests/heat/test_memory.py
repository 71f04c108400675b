"""A run that does not fit into memory says so before it starts."""

import numpy as np
import pytest

from models import heat, memory
from models.layers import InputError


@pytest.fixture
def with_free(monkeypatch):
    """Return a function that sets the free memory [bytes]."""
    return lambda free: monkeypatch.setattr(memory, "free_memory", lambda: free)


def test_a_run_too_large_is_refused_in_one_sentence(make_heat_site, make_hot_day, with_free):
    site, day = make_heat_site((30, 40)), make_hot_day()
    geometry = heat.prepare(site)
    with_free(1200 * (140 + 4 * 2 * 24) - 1)
    with pytest.raises(
        InputError, match=r"30 x 40 cells with 2 outputs at 24 steps needs about .*coarser cells"
    ) as error:
        heat.simulate(site, day, geometry=geometry)
    assert "\n" not in str(error.value)
    heat.simulate(site, day.isel(time=slice(0, 2)), geometry=geometry)  # a shorter time fits
    heat.summarise(site, day.isel(time=slice(0, 2)), geometry=geometry, outputs="utci", thresholds=(32.0,))
    with_free(1200 * 150)
    with pytest.raises(InputError, match="maps of the day"):
        heat.summarise(site, day, geometry=geometry)
    with_free(1200 * 80)
    with pytest.raises(InputError, match="sky geometry of 30 x 40 cells"):
        heat.prepare(site)


def test_what_is_free_is_read(tmp_path):
    free = memory.free_memory()
    assert free is None or 1e6 < free < 1e15
    assert memory._of_the_container(str(tmp_path)) is None
    for name, text in (("max", "1000"), ("current", "900"), ("stat", "anon 5\ninactive_file 200\nactive_file 100\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert memory._of_the_container(str(tmp_path)) == 400
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._of_the_container(str(tmp_path)) is None


def test_unknown_memory_refuses_nothing(make_heat_site, with_free):
    with_free(None)
    assert np.isfinite(heat.prepare(make_heat_site((8, 8))).sky_view_factor()[0]).all()
