"""The accuracy that the heat model promises, each with its limit; the whole table: docs/validation/heat.md."""

import importlib
import sys

import numpy as np
import pytest

from models import heat


@pytest.fixture
def benchmark_module(monkeypatch):
    """Return a script of ``benchmarks`` as a module."""
    from pathlib import Path

    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    return importlib.import_module


@pytest.mark.parametrize("posture", ["standing", "sitting"])
@pytest.mark.parametrize("temperature", [-20.0, 10.0, 45.0])
def test_surroundings_of_one_temperature_give_it_back(posture, temperature):
    sides = dict.fromkeys(
        ("down", "up", "north", "east", "south", "west"), 5.670374419e-8 * (temperature + 273.15) ** 4
    )
    found = heat.mean_radiant_temperature(dict.fromkeys(sides, 0.0), sides, posture=posture)
    assert float(found) == pytest.approx(temperature, abs=1e-6)


@pytest.mark.reference
def test_measured_radiation_in_gothenburg(shared, benchmark_module):
    script = benchmark_module("heat_validation")
    found = script.errors(shared / "reference" / "heat")  # no options: the one set of parameters
    tmrt = found.Tmrt.dropna()
    assert len(tmrt) == 55
    assert np.sqrt((tmrt**2).mean()) <= 5.5
    assert abs(tmrt.mean()) <= 1.5
    assert abs(found.Ldown.mean()) <= 15.0


def test_solweig_with_equal_parameters(tmp_path, benchmark_module):
    pytest.importorskip("solweig", reason="the package solweig (extra 'test' on Linux) is not installed")
    script = benchmark_module("heat_compat")
    site, weather, maps, _ = script.run_both(sys.executable, 90, tmp_path)
    geometry = script.marched(site, heat.prepare(site))
    found = script.compat(site, script.peer_sky(weather), geometry)
    mae, rmse, _ = script.scores(found, maps, site.building_id.values == 0)
    assert mae <= 0.4
    assert rmse <= 0.8
