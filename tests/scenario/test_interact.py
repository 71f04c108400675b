"""A change asked in a session gives the cells and numbers of a run of the same scenario, in a window, and says so plainly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import twin
from twin.errors import InputError
from twin.scenario.interact import Cancelled, Session
from twin.scenario.interact_words import Place
from twin.scenario.schema import parse_scenario, read_scenario

AREA = [571860.0, 5676320.0, 572020.0, 5676440.0]
SQUARE = [[571930, 5676380], [571940, 5676380], [571940, 5676390], [571930, 5676390]]
STOP = Place({"de": "Bushaltestelle Markt", "en": "the bus stop"}, 571933.0, 5676381.0)
TREES = {
    "kind": "plant_trees",
    "points": [[571930, 5676380], [571940, 5676385]],
    "species": "Tilia cordata",
    "after": 20,
}
CHANGES: dict[str, list[dict[str, Any]]] = {
    "trees": [TREES],
    "sail": [{"kind": "shade_sail", "polygon": SQUARE}],
    "unseal": [{"kind": "unseal", "polygon": SQUARE}],
    "swale and roof": [
        {"kind": "swale", "polygon": SQUARE},
        {
            "kind": "green_roof",
            "polygon": [[571860, 5676320], [572020, 5676320], [572020, 5676440], [571860, 5676440]],
            "max_tilt": 45,
        },
    ],
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("people") / "persons.csv"
    file.write_text("x,y,persons\n571900,5676400,300\n572000,5676400,120\n")
    return file


def _settings(people: Path, **more: Any) -> dict[str, Any]:
    persons = {"path": str(people), "crs": "EPSG:25832"}
    return {"name": "x", "baseline": "hitzetag.toml", "resolution": 2.0, "area": AREA, "population": persons, **more}


@pytest.fixture(scope="module")
def session(samples: Path, people: Path) -> Session:
    scenario = parse_scenario(_settings(people), file=samples / "small.toml")
    return Session.prepare(scenario, places=[STOP], storm=samples / "starkregen.toml")


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_equals_the_run_of_the_same_scenario(session: Session, samples: Path, people: Path, name: str) -> None:
    found = session.change(CHANGES[name])
    scenario = parse_scenario(_settings(people, measure=CHANGES[name]), file=samples / "small.toml")
    expected = twin.run(scenario, progress=False)
    for layer in ("tmrt", "utci"):
        np.testing.assert_array_equal(found.heat[layer].values, expected.heat[layer].values)
        assert found.heat[layer].attrs == expected.heat[layer].attrs
    pd.testing.assert_frame_equal(found.indicators, expected.indicators)
    pd.testing.assert_frame_equal(found.measures, expected.measures)
    shown = {row["key"]: row["values"]["draft"] for row in found.rows}
    table = expected.table("en").set_index("name")["value"]
    assert shown["cost"] == expected.measures["cost"].sum()
    for key in ("hours_utci_above_32", "canopy_share", "sealed_share", "people_hours_utci_above_32"):
        assert shown[key] == pytest.approx(float(table[key]), abs=1e-9), key
    outside = np.ones(found.heat["utci"].shape[1:], bool)
    outside[found.window] = False
    before = session.day.result["utci"].values
    np.testing.assert_array_equal(found.heat["utci"].values[:, outside], before[:, outside])


def test_trees_are_told_at_the_bus_stop_in_three_languages(session: Session) -> None:
    found = session.change([TREES])
    step = session.afternoon()
    assert session.times[step].hour == 13, "15 o'clock in summer in Berlin"
    assert found.text("en").startswith("2 trees: ")
    assert found.text("en").endswith("K less at the bus stop at 15:00.")
    assert "2 Bäume" in found.text("de")
    assert "Bushaltestelle Markt" in found.text("ls")
    assert "K " not in found.text("ls")
    labels = {row["key"]: row["label"] for row in found.rows}
    assert labels["litres"]["ls"].startswith("So viel Wasser")
    assert next(row["values"]["draft"] for row in found.rows if row["key"] == "litres") == 200.0


def test_the_asked_hour_comes_first_then_the_answer_then_the_rest(session: Session) -> None:
    kinds = [(e.kind, e.data["step"] if e.kind == "layer" else None) for e in session.steps([TREES], first=9)]
    layers = [step for kind, step in kinds if kind == "layer"]
    assert layers[0] == 9
    assert sorted(layers) == list(range(len(session.times)))
    order = [kind for kind, _ in kinds if kind != "progress"]
    assert order[:3] == ["costs", "layer", "answer"]
    assert order[-1] == "done"


def test_a_storm_is_an_estimate_that_says_so(session: Session) -> None:
    found = session.change([{"kind": "unseal", "polygon": SQUARE}], storm=True)
    assert found.storm is not None
    assert found.storm.after["runoff"] < found.storm.before["runoff"]
    kept = found.storm.after["kept"] - found.storm.before["kept"]
    assert kept == pytest.approx(found.storm.before["runoff"] - found.storm.after["runoff"], rel=0.05, abs=0.2)
    assert all(row.get("estimate") for row in found.rows if row["key"] in ("runoff", "kept", "flooded"))
    assert "sewer" in found.storm.note()["en"]
    assert float(found.storm.depth.max()) < 0.5


def test_a_change_that_nobody_waits_for_ends(session: Session) -> None:
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        list(session.steps([TREES], cancelled=lambda: next(asked)))


def test_bad_measures_are_told_at_once(session: Session) -> None:
    with pytest.raises(InputError, match="outside"):
        session.change([{**TREES, "points": [[571000.0, 5676000.0]]}])
    with pytest.raises(InputError, match="kind"):
        session.change([{"kind": "plant_treez", "points": [[571930, 5676380]]}])


def test_a_scenario_without_heat_is_refused(samples: Path) -> None:
    with pytest.raises(InputError, match="no heat run"):
        Session.prepare(read_scenario(samples / "starkregen.toml"))


def test_a_session_on_a_planned_scenario_adds_to_its_measures(samples: Path, people: Path) -> None:
    first = {"kind": "plant_trees", "points": [[571900, 5676400]], "species": "Tilia cordata"}
    planned = Session.prepare(parse_scenario(_settings(people, measure=[first]), file=samples / "small.toml"))
    found = planned.change([TREES])
    assert list(found.measures["count"]) == [2]
    assert len(planned.planned([TREES]).measure) == 2
