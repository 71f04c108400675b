"""The one-file page in a real browser, from ``file://`` without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pvlib
import pytest


@pytest.fixture(scope="module")
def shown(visit: Any, single_file: Path) -> Iterator[Any]:
    opened = visit(single_file.as_uri())
    yield opened
    opened.close()


def _value(shown: Any, x: float, y: float, *, second: bool = False) -> int | None:
    return shown.page.evaluate(f"window.twin.valueAt({x}, {y}, {json.dumps(second)})")


def test_it_opens_without_a_request_and_draws_the_city(shown: Any, single_file: Path) -> None:
    stats = shown.settle()
    assert shown.requests == [single_file.as_uri()]
    assert shown.faults == []
    assert stats["tiles"] >= 1
    assert stats["triangles"] > 5_000
    assert stats["calls"] <= 150
    assert shown.page.title().startswith("Platz 2035")


def test_nothing_is_drawn_while_nothing_changes(shown: Any) -> None:
    before = shown.settle()["frames"]
    after = shown.page.evaluate(
        "new Promise((done) => { let k = 0; const tick = () => ++k > 20 ? done(window.twin.stats.frames) : requestAnimationFrame(tick); tick(); })"
    )
    assert after <= before + 1


def test_swipe_shows_both_variants_at_their_own_hours(shown: Any, results: Any) -> None:
    shown.set("{compare: 'swipe', split: 0.4, time: 2, layer: 'utci'}")
    layer = json.loads(shown.page.evaluate("JSON.stringify(window.twin.layer('utci'))"))
    for number, second in ((0, False), (1, True)):
        heat = results[number].heat["utci"]
        for x, y in ((2.0, 3.0), (-80.0, 70.0), (60.0, -40.0)):
            # the page's own origin is the middle of the grid
            middle = float(heat["x"].mean()) + x, float(heat["y"].mean()) + y
            truth = float(heat.isel(time=2).sel(x=middle[0], y=middle[1], method="nearest"))
            byte = _value(shown, x, y, second=second)
            if pd.isna(truth):
                assert byte == 255
            else:
                assert layer["scale"]["offset"] + layer["scale"]["factor"] * byte == pytest.approx(
                    truth, abs=layer["scale"]["factor"]
                )
    divider = shown.page.locator(".divider").bounding_box()
    frame = shown.page.locator("canvas.view").bounding_box()
    assert divider["x"] + divider["width"] / 2 == pytest.approx(frame["x"] + 0.4 * frame["width"], abs=2)
    left, right = (shown.page.locator(f".side.{side}").inner_text() for side in ("left", "right"))
    assert (left, right) == ("Heute", "Platz 2035")


def test_the_divider_can_be_dragged_and_set_by_keys(shown: Any) -> None:
    shown.set("{compare: 'swipe', split: 0.5}")
    box = shown.page.locator(".divider").bounding_box()
    mouse = shown.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2 + 90, box["y"] + 60)
    mouse.up()
    assert shown.state("split") > 0.55
    slider = shown.page.get_by_label("Trennlinie verschieben")
    slider.focus()
    before = shown.state("split")
    slider.press("ArrowLeft")
    assert shown.state("split") < before
    shown.set("{compare: 'off'}")


def test_time_slider_and_player_change_the_layer(shown: Any) -> None:
    shown.set("{compare: 'off', time: 0, layer: 'utci'}")
    x, y = next((x, y) for x in range(-90, 90, 7) for y in range(-90, 90, 7) if _value(shown, x, y) != 255)
    early = _value(shown, x, y)
    slider = shown.page.get_by_label("Uhrzeit wählen")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    shown.settle()
    assert shown.state("time") == 3
    assert _value(shown, x, y) > early
    assert "14:00" in shown.page.locator(".now output").first.inner_text()
    play = shown.page.get_by_role("button", name="Tag abspielen")
    play.click()
    shown.wait("window.twin.state.time !== 3")
    shown.page.get_by_role("button", name="Anhalten").click()


def test_the_sun_stands_where_pvlib_says(shown: Any) -> None:
    place = shown.page.evaluate("window.twin.horizontal(49.87, 23.4, 67.5)")
    assert place["altitude"] == pytest.approx(32.01, abs=0.01)
    assert place["azimuth"] == pytest.approx(269.15, abs=0.01)
    for stamp in ("2025-06-21T12:00:00Z", "2025-12-21T08:30:00Z", "2026-03-01T15:45:00Z", "2024-09-10T05:15:00Z"):
        found = shown.page.evaluate(f"window.twin.sun('{stamp}', 51.235, 10.03)")
        true = pvlib.solarposition.get_solarposition(pd.DatetimeIndex([stamp]), 51.235, 10.03)
        assert found["altitude"] == pytest.approx(float(true["elevation"].iloc[0]), abs=0.05)
        assert found["azimuth"] == pytest.approx(float(true["azimuth"].iloc[0]), abs=0.05)


def test_shadows_move_with_the_sun(shown: Any) -> None:
    pictures = []
    for stamp in ("2025-06-21T06:00Z", "2025-06-21T16:00Z"):
        shown.set(f"{{layer: null, sunFollows: false, sun: new Date('{stamp}'), compare: 'off'}}")
        pictures.append(shown.page.locator("canvas.view").screenshot())
    assert pictures[0] != pictures[1]
    shown.set("{layer: 'utci', sunFollows: true}")


def test_a_link_brings_the_view_back(shown: Any, visit: Any, single_file: Path) -> None:
    shown.set("{layer: 'utci_facade', time: 4, compare: 'swipe', split: 0.25, hatch: true}")
    shown.page.locator("summary", has_text="Teilen").click()
    shown.page.get_by_role("button", name="Link erzeugen").click()
    link = shown.page.get_by_label("Link zu dieser Ansicht", exact=True).input_value()
    assert shown.page.locator("svg.qr").count() == 1
    again = visit(link)
    try:
        for key in ("layer", "time", "compare", "split", "hatch"):
            assert again.state(key) == shown.state(key)
    finally:
        again.close()
    shown.set("{layer: 'utci', compare: 'off', hatch: false}")


def test_touch_picks_a_building(visit: Any, single_file: Path) -> None:
    opened = visit(single_file.as_uri(), has_touch=True, size=(600, 700))
    try:
        box = opened.page.locator("canvas.view").bounding_box()
        spot = opened.page.evaluate(
            """() => { const c = document.querySelector('canvas.view'); for (let y = 40; y < c.clientHeight - 40; y += 40) for (let x = 20;
            x < c.clientWidth - 80; x += 40) { const p = window.twin.pick(x, y); if (p && p.kind === 'building') return [x, y, p.row]; } return null; }"""
        )
        assert spot is not None
        opened.page.touchscreen.tap(box["x"] + spot[0], box["y"] + spot[1])
        opened.wait("window.twin.state.picked !== null")
        assert opened.state("picked.kind") == "building"
        assert opened.state("picked.row") == spot[2]
        assert "Gebäude" in opened.page.locator(".info h3").inner_text()
    finally:
        opened.close()
