"""[run.trees] of the sample district: every tree has a reason in both languages, tours keep their limits, hand-outs open."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import twin
from twin.city import gaps
from twin.errors import InputError
from twin.report import write_report
from twin.scenario.results import Result
from twin.scenario.schema import parse_scenario, read_scenario
from twin.scenario.tree_inputs import read_table_of

pytest.importorskip("pyvrp")


@pytest.fixture(scope="module")
def watered(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    scenario = read_scenario(samples / "giessplan.toml")
    trees = scenario.run.trees
    tours = trees.tours.model_copy(update={"iterations": 300})
    runs = scenario.run.model_copy(update={"trees": trees.model_copy(update={"tours": tours})})
    coarse = scenario.model_copy(update={"resolution": 5.0, "run": runs})
    folder = tmp_path_factory.mktemp("watering") / "result"
    return twin.run(coarse, output=folder, progress=False), folder


def test_every_tree_has_litres_and_a_reason(watered: tuple[Result, Path]) -> None:
    result, _ = watered
    plan = result.features["trees_plan"]
    assert len(plan) == len(result.city.trees) == 951
    assert plan["id"].is_unique
    assert (plan["why_de"].str.len() > 20).all()
    assert (plan["why_en"].str.len() > 20).all()
    assert (plan["simple_de"].str.split().str.len() < 20).all()
    given = plan["litres"] > 0
    assert given.equals(plan["date"] != "")
    assert given.sum() > 30
    assert (plan.loc[given, "date"] >= "2022-07-20").all()
    assert (plan.loc[plan["age"] > 15, "reason"] == "established").all()
    row = plan[given].iloc[0]
    assert f"{row['litres']:.0f} L" in row["why_de"]
    own = plan.set_index("id").loc[["0587", "0631", "0791", "0361"]]
    assert (own["weight"] == 1.0).all()


def test_numbers_agree_with_the_plan(watered: tuple[Result, Path]) -> None:
    result, _ = watered
    plan = result.features["trees_plan"]
    value = result.indicators.set_index("name")["value"]
    assert value["litres_planned"] == pytest.approx(plan["litres"].sum())
    assert value["trees_to_water"] == (plan["litres"] > 0).sum()
    in_charge = int((plan["reason"] != "established").sum())
    season = json.loads(result.datasets["trees"].attrs["season"])
    weeks = -(-(pd.Timestamp(season["last"]) - pd.Timestamp(season["first"])).days // 7)
    assert season["trees"] == in_charge
    assert season["litres_calendar"] == 100.0 * in_charge * weeks
    assert value["litres_saved_calendar"] == pytest.approx(season["litres_calendar"] - season["litres_need"])
    assert value["stress_days_need"] < value["stress_days_none"]
    assert float(result.datasets["trees"]["litres_due"].sum()) == pytest.approx(plan["litres"].sum())
    table = result.table("de")
    assert table["label"].str.len().min() > 5


def test_tours_bring_what_the_plan_says(watered: tuple[Result, Path]) -> None:
    result, folder = watered
    plan, stops = result.features["trees_plan"].set_index("id"), result.features["tour_stops"]
    trees = stops[stops["kind"] == "tree"]
    assert trees["id"].is_unique
    assert np.allclose(trees["litres"], plan.loc[trees["id"], "litres"])
    assert (plan.loc[trees["id"], "tour"] > 0).all()
    assert (stops["load"] >= -1e-6).all()
    assert (stops.groupby("tour")["leave"].max() - stops.groupby("tour")["arrive"].min() <= 8.0 + 1e-6).all()
    longer = result.features["tours"].geometry.length / 1000.0
    assert np.allclose(longer, result.features["tours"]["km"], rtol=0.01)  # drawn along the ways that were counted
    gpx = ElementTree.parse(folder / "tours" / "tour_1.gpx").getroot()
    points = gpx.findall(".//{http://www.topografix.com/GPX/1/1}rtept")
    assert len(points) == (stops["tour"] == 1).sum()
    assert 51.2 < float(points[0].get("lat")) < 51.3
    printed = (folder / "tours" / "tour_1.de.html").read_text("utf-8")
    assert printed.count("class=box") == ((stops["tour"] == 1) & (stops["kind"] == "tree")).sum()
    assert "Gießtour 1: Tankwagen" in printed


def test_gap_rows_speak_both_languages(watered: tuple[Result, Path]) -> None:
    result, _ = watered
    for language in ("de", "en"):
        said = gaps.sentences(result.gaps, language).set_index("message").index
        assert any("800 hPa" in message for message in said)
        assert any("Sl3" in message for message in said)
    codes = set(result.gaps["code"])
    assert {"trees_forecast_alone", "trees_sky_open", "trees_reading_refused", "trees_soil_of_scenario"} <= codes
    roles = set(result.sources["role"])
    assert {"run.trees.weather.path", "run.trees.sensors"} <= roles


def test_saved_and_opened_again(watered: tuple[Result, Path], tmp_path: Path) -> None:
    result, folder = watered
    again = Result.open(folder)
    assert again.features["trees_plan"]["why_de"].tolist() == result.features["trees_plan"]["why_de"].tolist()
    assert gpd.read_file(folder / "features.gpkg", layer="tours").crs is not None
    assert "trees" in json.loads((folder / "result.json").read_text("utf-8"))["scenario"]["run"]
    for language, words in (
        ("de", ("Wer Durst hat", "Die 20 dringendsten")),
        ("en", ("Who is thirsty", "Litres by day")),
    ):
        page = write_report(again, tmp_path / f"{language}.html", language=language, picture=False).read_text("utf-8")
        assert all(word in page for word in words)
        assert page.count("<img") >= 2
        assert {"de": "nach drei Regeln", "en": "by three rules"}[language] in page


def test_the_3d_picture_of_the_report_shows_the_plan(watered: tuple[Result, Path], tmp_path: Path) -> None:
    result, _ = watered
    page = write_report(result, tmp_path / "a.html", language="en", picture=True).read_text("utf-8")
    assert "Thirsty trees from above" in page
    assert "blue column at each tree" in page or "There is no 3D picture" in page
    assert "Thirsty trees from above" not in write_report(result, tmp_path / "b.html", picture=False).read_text("utf-8")


def settings(samples: Path, **trees: object) -> dict[str, object]:
    weather = {"path": str(samples / "wetter_sommer.csv"), "interval": "end"}
    return {
        "name": "t", "city": str(samples / "city.toml"), "resolution": 5.0,
        "run": {"trees": {"weather": weather, "days": 7, **trees}},
    }  # fmt: skip


def test_without_forecast_the_last_days_stand_in(samples: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.csv"
    known.write_text("id;soil;trench_volume;connected_area\n0309;Ut3;6;80\n9999;Ut3;0;0\n", encoding="utf-8")
    log = tmp_path / "log.csv"
    log.write_text("tree,date,litres\n0309,2022-06-20,100\n0000,2022-06-20,100\n", encoding="utf-8")
    asked = settings(samples, table=str(known), waterings=str(log), shade=False)
    result = twin.run(parse_scenario(asked), progress=False)
    plan = result.features["trees_plan"].set_index("id")
    assert plan.loc["0309", "soil"] == "Ut3"
    assert (plan["date"].replace("", "2022-07-20") >= "2022-07-13").all()
    assert {"trees_hindcast", "trees_table_unknown", "trees_watering_left", "trees_missing"} <= set(result.gaps["code"])
    assert "tours" not in result.features


def test_short_forecasts_and_small_trucks_are_told(samples: Path) -> None:
    weather = {"path": str(samples / "wettervorhersage.csv"), "interval": "end"}
    tours = {
        "depot": [571745.0, 5676330.0],
        "within": 3,
        "iterations": 20,
        "vehicles": [{"name": "Karre", "capacity": 90}],
    }
    asked = settings(samples, forecast=weather, tours=tours, oldest=15, shade=False)
    asked["run"]["trees"]["days"] = 30  # type: ignore[index]
    result = twin.run(parse_scenario(asked), progress=False)
    told = result.gaps.set_index("code")
    assert told.loc["trees_forecast_short", "count"] == 16
    assert told.loc["tours_unserved", "count"].sum() > 0
    said = " ".join(gaps.sentences(result.gaps, "de")["message"])
    assert "fasst" in said or "klein" in said
    plan, stops = result.features["trees_plan"], result.features["tour_stops"]
    served = stops.loc[stops["kind"] == "tree", "id"]
    assert (plan.set_index("id").loc[served, "litres"] <= 90).all()
    assert len(plan) == len(result.city.trees)


@pytest.mark.parametrize(
    ("trees", "words"),
    [({"soil": "Mondstaub"}, "Mondstaub"), ({"thresholds": "x"}, "thresholds"), ({"sensors": "no.csv"}, "no.csv")],
)
def test_faults_of_the_file(samples: Path, trees: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_scenario(settings(samples, **trees))


def test_faults_of_tables(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("# note\nbaum;date;litres\nA;2022-01-01;1,5\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"log\.csv.*tree"):
        read_table_of(path, ("tree", "date", "litres"), ("litres",))
    path.write_text("# note\ntree;date;litres\n007;2022-01-01;1,5\n", encoding="utf-8")
    table = read_table_of(path, ("tree", "date", "litres"), ("litres",))
    assert table["tree"].tolist() == ["007"]
    assert table["litres"].tolist() == [1.5]
    assert isinstance(table, pd.DataFrame)
