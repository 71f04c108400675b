"""Soils: published available water, the curve and its inverse, units of tension, names."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models.water.soils as s
from models.layers import InputError

# theta(pF 1.8) - theta(pF 4.2) [vol-%] from Wessolek et al. 2009, Table 10, and KA5 at 40 / 80 cm
AVAILABLE = {"Ss": 12.3, "Sl3": 16.7, "Su3": 17.5, "Ls3": 16.2, "Lu": 17.8, "Ut3": 22.6, "Tu3": 14.3}
KA5 = {"Ss": (16, 14), "Sl3": (18, 17), "Ls3": (16, 14), "Ut3": (25, 23), "Tt": (13, 12), "gS": (13, 11)}


def test_available_water_of_the_curves() -> None:
    for name, expected in AVAILABLE.items():
        assert 100.0 * s.soil(name).available == pytest.approx(expected, abs=0.1)


def test_available_water_of_ka5_by_depth() -> None:
    table = s.soil_table()
    for name, (at_40, at_80) in KA5.items():
        assert table.loc[name, "available_40cm"] == at_40
        assert table.loc[name, "available_80cm"] == at_80
    classes = table["available_40cm"].dropna()
    assert len(classes) == 34
    assert (table["field_capacity_40cm"] - table["available_40cm"]).dropna().gt(0).all()


@pytest.mark.reference
def test_curves_are_those_of_the_reference_table(shared) -> None:
    with (shared / "reference/trees/ka5_van_genuchten_wessolek2009_tab10.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 38
    for row in rows:
        found = s.soil(row["tex.KA5"])
        expected = [float(row[k]) for k in ("thr", "ths", "alpha", "n", "ksat")]
        assert [found.residual, found.saturated, found.alpha, found.n, found.conductivity] == expected


def test_substrates_hold_what_their_source_says() -> None:
    table = s.soil_table()
    for name, available, wilting in (
        ("medium_sand", 10.0, 4.0),
        ("fine_sand", 13.5, 5.0),
        ("loamy_sand", 14.0, 6.0),
        ("mineral_tree_substrate", 23.0, 3.0),
        ("structural_soil", 16.7, 3.0),
    ):
        assert table.loc[name, "available"] == pytest.approx(available, abs=0.05)
        assert table.loc[name, "wilting_point"] == pytest.approx(wilting, abs=0.05)


@given(st.floats(1.0, 1e5), st.sampled_from(["Ss", "Sl3", "Ut3", "Lt2", "mineral_tree_substrate"]))
def test_inverse_of_the_curve(tension: float, name: str) -> None:
    assert float(s.tension_at(s.water_content(tension, name), name)) == pytest.approx(tension, rel=1e-5)


def test_ends_of_the_curve() -> None:
    loam = s.soil("Ls3")
    assert float(s.water_content(-20.0, loam)) == loam.saturated
    assert float(s.tension_at(0.60, loam)) == 0.0
    assert np.isinf(s.tension_at(loam.residual, loam))
    assert float(s.relative_extractable_water(loam.wilting_point, loam)) == 0.0
    assert float(s.relative_extractable_water(loam.field_capacity, loam)) == 1.0


def test_one_soil_a_value() -> None:
    both = s.water_content([800.0, 800.0], ["Ss", "Ut3"])
    assert both.tolist() == [float(s.water_content(800.0, "Ss")), float(s.water_content(800.0, "Ut3"))]


def test_eighty_kilopascal_is_not_one_dryness() -> None:
    # facts of practice: 80 kPa stands for 31, 32, 42 and 47 % of the available water
    for name, share in (("Ss", 0.31), ("Sl3", 0.32), ("Ls3", 0.42), ("Ut3", 0.47)):
        assert float(s.relative_extractable_water(s.water_content(800.0, name), name)) == pytest.approx(
            share, abs=0.006
        )


def test_units_of_tension() -> None:
    assert s.convert_tension(1.0, "bar", "hPa") == 1000.0
    assert s.convert_tension(80.0, "cbar", "kPa") == pytest.approx(80.0)
    assert s.convert_tension(4.2, "pF", "hPa") == pytest.approx(15848.93, abs=0.01)
    assert s.convert_tension(100.0, "cmH2O", "hPa") == pytest.approx(98.0665)
    assert s.convert_tension(1.58, "MPa", "pF") == pytest.approx(4.2, abs=0.002)
    with pytest.raises(InputError, match="psi"):
        s.convert_tension(1.0, "psi", "hPa")


def test_names_of_soils() -> None:
    found = s.recognise_soils(pd.Series([" SL3 ", "Feinsand", "Baumsubstrat", "cheese", np.nan, 7]))
    assert found.tolist() == ["Sl3", "fS", "mineral_tree_substrate", "", "", ""]
    with pytest.raises(InputError, match="Sl3"):
        s.soil("S13")
