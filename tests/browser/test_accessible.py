"""Keyboard, names, contrast, reflow and sizes of the page, in three languages (WCAG 2.2 AA and best practice)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.fixture(scope="module")
def shown(visit: Any, single_file: Path) -> Iterator[Any]:
    opened = visit(single_file.as_uri())
    yield opened
    opened.close()


def _open_all(shown: Any) -> None:
    shown.page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")


@pytest.mark.parametrize("language", ["de", "en", "ls"])
def test_no_rule_is_broken_before_and_after_use(shown: Any, language: str) -> None:
    shown.set(f"{{language: '{language}', compare: 'off', picked: null}}")
    assert shown.page.evaluate("document.documentElement.lang") == ("en" if language == "en" else "de")
    _open_all(shown)
    assert violations(shown.page) == []
    shown.set("{compare: 'swipe', hatch: true, picked: {kind: 'building', row: 0, x: 0, y: 0}}")
    shown.page.locator(".info h3").wait_for()
    assert violations(shown.page) == []


def test_the_audit_can_fail(shown: Any) -> None:
    shown.page.evaluate(
        "{ const b = document.createElement('button'); b.id = 'spoiled'; document.querySelector('main').append(b); }"
    )
    assert any(fault.startswith("button-name") for fault in violations(shown.page))
    shown.page.evaluate("document.getElementById('spoiled').remove()")


def test_narrow_screens_reflow_and_kiosks_have_large_targets(visit: Any, single_file: Path) -> None:
    for size, query, least in (((320, 640), "", 24), ((1080, 720), "?kiosk", 44)):
        opened = visit(single_file.as_uri() + query, size=size)
        try:
            _open_all(opened)
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= size[0]
            small = opened.page.evaluate(
                """(least) => [...document.querySelectorAll('button, select, summary, input, a')].filter((e) => e.checkVisibility() && !e.classList.contains('skip'))
                .map((e) => [e.outerHTML.slice(0, 80), (e.type === 'checkbox' ? e.parentElement : e).getBoundingClientRect()])
                .filter(([, box]) => box.height < least || box.width < least).map(([name]) => name)""",
                least,
            )
            assert small == []
            assert violations(opened.page) == []
        finally:
            opened.close()


def test_the_whole_page_works_by_keyboard(shown: Any) -> None:
    shown.set("{language: 'de', compare: 'off', picked: null, layer: 'utci'}")
    page = shown.page
    page.locator("canvas.view").focus()
    start = page.evaluate("window.twin.eye()")
    for key in ("ArrowRight", "ArrowUp", "+", "PageDown", "Shift+ArrowLeft"):
        before = page.evaluate("window.twin.eye()")
        page.keyboard.press(key)
        assert page.evaluate("window.twin.eye()") != before, key
    page.keyboard.press("Home")
    assert page.evaluate("window.twin.eye()") == pytest.approx(start, abs=1e-6)
    page.keyboard.press("Enter")
    shown.wait("window.twin.state.picked !== null")
    name = page.evaluate("window.twin.name(window.twin.state.picked)")
    shown.wait(f"document.querySelector('.status').textContent.includes({json.dumps(name)})")
    page.keyboard.press("Escape")
    assert shown.state("picked") is None
    page.keyboard.press("Tab")  # no trap: the focus leaves the canvas
    assert page.evaluate("document.activeElement.tagName") != "CANVAS"


def test_the_table_and_the_view_stay_in_step(shown: Any) -> None:
    shown.set("{language: 'de', compare: 'off', picked: null, layer: 'utci_facade'}")
    _open_all(shown)
    page = shown.page
    table = page.get_by_role("region", name="Gebäude, Werte")
    row = table.locator("tbody button").nth(1)
    row.focus()
    row.press("Enter")
    shown.wait("window.twin.state.picked !== null")
    assert shown.state("picked.kind") == "building"
    shown.wait("document.querySelectorAll('tr.here').length === 1")
    value = table.locator("tr.here td").nth(1).inner_text()
    assert value in page.locator(".info .value").first.inner_text()


def test_search_finds_a_street_without_umlauts_typed(shown: Any) -> None:
    shown.set("{language: 'de', picked: null}")
    _open_all(shown)
    page = shown.page
    box = page.get_by_label("Straße, Gebäude oder Messstelle")
    name = page.evaluate("window.twin.places()[0]")
    box.fill(name[:6].lower())
    page.locator(".found button").first.press("Enter")
    shown.wait("window.twin.state.picked !== null")


def test_measuring_by_keyboard_says_the_length(shown: Any) -> None:
    shown.set("{language: 'de', picked: null}")
    _open_all(shown)
    page = shown.page
    page.get_by_role("button", name="Messen beginnen").click()
    points = []
    for east in (0, 30):
        page.evaluate(f"window.twin.look({east}, 0, 120, 180, 60)")
        shown.settle()
        points.append(page.evaluate("window.twin.pick()"))
        page.locator("canvas.view").focus()
        page.keyboard.press("Enter")
    shown.wait("document.querySelector('.status').textContent.startsWith('Länge')")
    length = float(page.locator(".status").inner_text().split()[1].replace(",", "."))
    first, second = points
    assert length == pytest.approx(math.hypot(second["x"] - first["x"], second["y"] - first["y"]), abs=0.06)
    page.get_by_role("button", name="Messen beenden").click()
