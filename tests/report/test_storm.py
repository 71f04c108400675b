"""The storm chapters: said from the numbers of the run, readable without pictures, in both languages."""

from __future__ import annotations

import re

import pytest

import twin
from twin.report import write_report
from twin.report.storm import flooded, leading_layer
from twin.scenario.flood_indicators import balance
from twin.scenario.schema import parse_scenario


@pytest.fixture(scope="module")
def storm(samples):
    settings = {
        "name": "Wolkenbruch",
        "city": str(samples / "city.toml"),
        "resolution": 4.0,
        "rain": {"table": str(samples / "starkregen.csv"), "return_period": 100, "duration": 30},
        "run": {"water": {"after": 10.0, "sewer_capacity": 20.0}},
    }
    return twin.run(parse_scenario(settings), progress=False)


@pytest.fixture(scope="module")
def storm_pages(storm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("storm")
    return {
        language: write_report(storm, folder / f"{language}.html", language=language, picture=False).read_text("utf-8")
        for language in ("de", "en")
    }


def plain(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ")


def test_first_words_are_the_numbers_of_the_run(storm, storm_pages):
    value = storm.indicators.set_index("name")["value"]
    words = plain(storm_pages["en"])
    assert "In 30 minutes 33 mm of rain fall" in words
    assert "once in 100 years" in words
    assert f"At {value['buildings_above_10']:.0f} buildings water reaches 10 cm" in words
    assert "Wolkenbruch: Bericht zu Starkregen" in plain(storm_pages["de"])
    assert "Hitze" not in plain(storm_pages["de"]).split("Indikatoren")[0]


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_chapter_has_a_map_or_a_table_with_words(storm_pages, language):
    page = storm_pages[language]
    chapters = [
        "summary",
        "depth",
        "danger",
        "arrival",
        "reached",
        "balance",
        "indicators",
        "check",
        "gaps",
        "sources",
        "method",
    ]
    assert re.findall(r'<section id="(\w+)"', page) == chapters
    assert page.count("<img ") == 3
    assert all(alt.strip() for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert not re.search(r"(src|href)=\"https?:", page)
    body = plain(page.split("<main")[-1])
    assert "{" not in body
    assert "nan" not in plain(page).lower().split()


def test_balance_table_adds_up(storm, storm_pages):
    volumes = balance(storm.water)
    chapter = storm_pages["en"].split('id="balance"')[1].split("</section>")[0]
    shares = [float(v) for v in re.findall(r">([\d.]+)\u00a0%<", chapter)]
    assert shares[0] == 100.0
    assert sum(shares[1:]) == pytest.approx(100.0 + 100.0 * volumes["inflow"] / volumes["rain"], abs=0.4)
    assert chapter.count("<rect") == 6


def test_maps_leave_out_films_and_water_bodies(storm):
    shown = flooded(storm)
    from models.layers import LAND_COVER

    assert float(shown.min()) >= 0.03
    assert shown.where(storm.site["land_cover"] == LAND_COVER["water"]).isnull().all()
    assert leading_layer(storm).name == "depth_max"
