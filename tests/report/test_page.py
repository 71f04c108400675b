"""The report opens anywhere, says the same in both languages, and can be read without seeing the pictures."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import string
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.image import imread

from models.layers import InputError
from twin.report import evidence, write_report
from twin.report.chapters import Chapters
from twin.report.frame import Frame
from twin.scenario.indicators import heat_indicators, site_indicators
from twin.scenario.results import Result

LANGUAGES = ("de", "en")
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Outline(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag that opens closes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] not in ("style", "script"):
            self.text.append(data)


def read(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    outline.close()
    assert outline.stack == []
    return outline


def texts_of(room: str, language: str) -> dict[str, str]:
    return tomllib.loads(
        resources.files("twin").joinpath("texts", f"{room}.{language}.toml").read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("room", ["report", "view"])
def test_both_languages_have_the_same_texts_and_values(room: str) -> None:
    german, english = texts_of(room, "de"), texts_of(room, "en")
    assert german.keys() == english.keys()
    for key in german:
        fields = [{f for _, f, _, _ in string.Formatter().parse(t[key]) if f} for t in (german, english)]
        assert fields[0] == fields[1], key
        if len(german[key]) > 24:
            assert german[key] != english[key], key


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_asks_nobody(pages: dict[str, str], language: str) -> None:
    outline = read(pages[language])
    for tag, attributes in outline.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base")
        for name in ("src", "srcset", "action", "data", "poster", "xlink:href"):
            value = attributes.get(name) or ""
            assert not value or value.startswith("data:"), (tag, name, value[:60])
        target = attributes.get("href") or ""
        assert re.fullmatch(r"#[a-z]+|report\.(de|en)\.html|", target), target
        assert not any(name.startswith("on") for name in attributes)
    style = pages[language].split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in pages[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_has_language_title_and_ordered_headings(pages: dict[str, str], language: str) -> None:
    outline = read(pages[language])
    tags = outline.tags
    assert next(a for t, a in tags if t == "html")["lang"] == language
    levels = [int(t[1]) for t, _ in tags if re.fullmatch(r"h[1-6]", t)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    ids = [str(a["id"]) for _, a in tags if a.get("id")]
    assert len(ids) == len(set(ids))
    targets = [str(a["href"])[1:] for t, a in tags if t == "a" and str(a.get("href", "")).startswith("#")]
    assert set(targets) <= set(ids)
    assert len(targets) >= 12
    labelled = [i for _, a in tags for i in str(a.get("aria-labelledby") or "").split()]
    assert set(labelled) <= set(ids)
    assert tags[[t for t, _ in tags].index("body") + 1][1].get("class") == "skip"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pictures_are_there_are_not_blank_and_are_told(pages: dict[str, str], language: str) -> None:
    images = [a for t, a in read(pages[language]).tags if t == "img"]
    assert len(images) >= 8
    for image in images:
        assert len(str(image["alt"])) > 40
        kind, data = str(image["src"]).split(",", 1)
        content = base64.b64decode(data, validate=True)
        suffix = kind.removeprefix("data:image/").removesuffix(";base64")
        pixels = imread(io.BytesIO(content), format=suffix)[..., :3].astype(float)
        scale = 255.0 if pixels.max() > 1 else 1.0
        assert (pixels / scale).std() > 0.05
        assert (int(str(image["width"])), int(str(image["height"]))) == (pixels.shape[1], pixels.shape[0])
    assert len({str(a["alt"]) for a in images}) >= len(images) - 1  # the hottest hour may be one of the small maps


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_have_headers_and_captions(pages: dict[str, str], language: str) -> None:
    page = pages[language]
    tables = re.findall(r"<table>.*?</table>", page, re.S)
    assert len(tables) >= 8
    for table in tables:
        assert table.count("<caption>") == 1
        head, body = table.split("</thead>")
        columns = head.count('<th scope="col"')
        assert columns >= 2
        rows = re.findall(r"<tr.*?</tr>", body, re.S)
        assert rows
        for row in rows:
            assert row.count('<th scope="row"') == 1
            assert row.count("<td") == columns - 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_charts_have_a_text_alternative(pages: dict[str, str], language: str) -> None:
    charts = re.findall(r"<svg .*?</svg>", pages[language], re.S)
    assert len(charts) == 2
    for chart in charts:
        assert 'role="img"' in chart
        assert len(re.findall(r"<title id=", chart)) == 1
        assert len(re.findall(r"<desc id=", chart)) == 1
        assert "nan" not in chart


def contrast(first: str, second: str) -> float:
    """Contrast ratio of WCAG 2.2 (relative luminance)."""

    def luminance(colour: str) -> float:
        colour = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_all_words(pages: dict[str, str]) -> None:
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # the usual reference pair
    style = pages["en"].split("<style>")[1].split("</style>")[0]
    named = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style))
    colours = set(re.findall(r"[ {;]color: (#[0-9a-f]{3,6})", style)) | set(
        re.findall(r"fill: (#[0-9a-f]{3,6})", style)
    )
    colours |= {named[n] for n in re.findall(r"[ {;](?:color|fill): var\(--(\w+)\)", style)}
    assert len(colours) >= 4
    for colour in colours:
        for ground in ("#ffffff", named["wash"], "#fdf8e3"):
            assert contrast(colour, ground) >= 4.5, (colour, ground)


def test_numbers_of_the_page_are_those_of_the_run(pages: dict[str, str], sample_result: Result) -> None:
    rows = sample_result.indicators
    mean = rows[rows["name"] == "utci_mean"]
    hottest = mean.loc[mean["value"].idxmax()]
    assert f"{hottest['value']:.1f}\u00a0°C" in pages["en"]
    assert f"{hottest['value']:.1f}\u00a0°C".replace(".", ",") in pages["de"]
    local = pd.Timestamp(hottest["time"], tz="UTC").tz_convert("Europe/Berlin")
    assert f"{local:%H:%M}\u00a0Uhr\u00a0MESZ" in pages["de"]
    above = rows[(rows["name"] == "area_utci_above_38") & (rows["time"] == hottest["time"])]["share"].item()
    assert f"{100 * above:.0f}\u00a0%" in pages["en"]
    for source in sample_result.sources.itertuples():
        assert str(source.sha256) in pages["en"]
        assert str(source.path) in pages["de"]
    assert sample_result.check.sentence("en") in "".join(read(pages["en"]).text)
    for version in sample_result.provenance["versions"].values():
        assert f"<td>{version}</td>" in pages["en"]


def test_every_gap_is_told(pages: dict[str, str], sample_result: Result) -> None:
    from twin.city.gaps import sentences

    for language in LANGUAGES:
        said = "".join(read(pages[language]).text)
        for message in sentences(sample_result.gaps, language)["message"]:
            assert message in said


def test_shares_of_an_hour_add_up(pages: dict[str, str], sample_result: Result) -> None:
    from twin.report.facts import class_shares

    shares = class_shares(sample_result.indicators)
    np.testing.assert_allclose(shares.groupby("time")["share"].sum(), 1.0, atol=1e-9)
    bars = re.findall(r"<svg .*?</svg>", pages["en"], re.S)[0]
    tall = [float(h) for h in re.findall(r'height="([\d.]+)" fill', bars)]
    assert sum(tall) == pytest.approx(24 * (340 - 16 - 58), rel=1e-3)


def test_page_is_small_and_old_page_survives_a_failure(
    pages: dict[str, str], sample_result: Result, tmp_path: Path
) -> None:
    assert all(len(page.encode()) < 5_000_000 for page in pages.values())
    file = tmp_path / "report.html"
    file.write_text("old", encoding="utf-8")
    broken = Result(**{**sample_result.__dict__, "indicators": pd.DataFrame({"name": ["a"]})})
    with pytest.raises(KeyError):
        write_report(broken, file, language="en", picture=False)
    assert file.read_text(encoding="utf-8") == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["report.html"]


def test_reopened_result_makes_a_page_too(sample_result: Result, tmp_path: Path) -> None:
    opened = Result.open(sample_result.save(tmp_path / "result"))
    page = write_report(opened, tmp_path / "again.html", language="de", picture=False).read_text(encoding="utf-8")
    assert read(page).tags
    assert "Es gibt kein 3D-Bild: Es war nicht verlangt." in page
    assert "Lindenau am Wehr" in page


@pytest.mark.parametrize("name", ["shadow", "surface_temperature"])
def test_a_run_without_felt_temperature_has_a_page(sample_result: Result, tmp_path: Path, name: str) -> None:
    heat = sample_result.heat[["utci"]].rename(utci=name)
    result = dataclasses.replace(
        sample_result,
        datasets={**sample_result.datasets, "heat": heat},
        indicators=pd.concat([site_indicators(sample_result.site), heat_indicators(sample_result.site, heat)]),
    )
    page = write_report(result, tmp_path / "r.html", language="en", picture=False).read_text(encoding="utf-8")
    assert 'id="shade"' in page
    assert 'id="hottest"' not in page


def test_names_are_escaped(sample_result: Result, tmp_path: Path) -> None:
    named = Result(**{**sample_result.__dict__, "name": '<script>alert(1)</script> & "Platz"'})
    page = write_report(named, tmp_path / "x.html", language="en", picture=False, other='"><script>').read_text(
        encoding="utf-8"
    )
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Platz&quot;" in page


def test_reason_is_on_the_page_where_nothing_can_draw(sample_result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.view import scenes

    def refuse(_language: str | None = None) -> None:
        raise InputError("3D pictures need libEGL.so.1: run 'apt-get install libegl1'.")

    monkeypatch.setattr(scenes, "require_graphics", refuse)
    said = Chapters(Frame(sample_result, "en"), None, True).scene()
    assert "<img" not in said
    assert "There is no 3D picture: 3D pictures need libEGL.so.1: run &#x27;apt-get install libegl1&#x27;." in said


def test_picture_drawn_before_is_taken(sample_result: Result, tmp_path: Path) -> None:
    from matplotlib.image import imsave

    imsave(tmp_path / "scene.png", np.random.default_rng(0).integers(0, 256, (50, 80, 3), np.uint8))
    said = Chapters(Frame(sample_result, "en"), tmp_path / "scene.png", True).scene()
    assert 'width="80" height="50"' in said


def test_same_run_same_page(pages: dict[str, str], sample_result: Result, tmp_path: Path) -> None:
    again = write_report(sample_result, tmp_path / "b.html", language="en", other="report.de.html").read_text(
        encoding="utf-8"
    )
    assert again == pages["en"]


def test_importing_the_report_is_light() -> None:
    code = "import sys, twin.report\nprint([m for m in ('pyvista', 'matplotlib', 'numba') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def asked_for(result: Result, **options: Any) -> Result:
    """The result as if its scenario had asked for other options of the heat run."""
    heat = result.scenario.run.heat.model_copy(update=options)
    run = result.scenario.run.model_copy(update={"heat": heat})
    return dataclasses.replace(result, scenario=result.scenario.model_copy(update={"run": run}))


@pytest.mark.parametrize(
    ("air", "wind", "said"),
    [
        ("station", "station", "differences of air temperature, humidity and wind from place"),
        ("station", "local", "slowed by the buildings"),
        ("local", "station", "humidity and wind are those of the weather"),
        ("local", "local", "surfaces, air temperature and wind."),
    ],
)
def test_the_method_tells_which_air_and_wind_were_used(sample_result: Result, air: str, wind: str, said: str) -> None:
    assert said in evidence.method(Frame(asked_for(sample_result, air=air, wind=wind), "en"))


def test_other_layers_have_maps_and_legends(sample_result: Result) -> None:
    utci = sample_result.heat["utci"].isel(time=[14, 20])
    heat = xr.Dataset(dict.fromkeys(("pet", "surface_temperature", "air_temperature"), utci))
    local = asked_for(sample_result, air="local")
    chapters = Chapters(Frame(dataclasses.replace(local, datasets={**local.datasets, "heat": heat}), "de"), None, False)
    pet = chapters.layer("pet")
    assert pet.count("<img") == 1
    assert "Karte Physiologisch äquivalente Temperatur (PET), 17:00" in pet
    assert "Starke Wärmebelastung: 35 bis 41\u00a0°C</th>" in pet
    shares = [float(v) for v in re.findall(r'number">(\d+)\u00a0%', pet)]
    assert sum(shares) == pytest.approx(100.0, abs=2.0)
    assert "Oberflächentemperatur" in chapters.layer("surface_temperature")
    assert chapters.air().count("<img") == 2  # by day and at 23:00
    assert chapters.layer("wbgt") == ""
    one = Chapters(
        Frame(dataclasses.replace(sample_result, datasets=chapters.frame.result.datasets), "de"), None, False
    )
    assert "<img" not in one.air()
    assert "air = &quot;local&quot;" in one.air()
