"""Pages in a real browser: axe (WCAG 2.2 AA and best practice), reflow at 320 px, keyboard, and nothing asked of others."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright")
pytest.importorskip("axe_playwright_python", reason="the browser tests need axe-playwright-python")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

PAGES = ("list", "results", "moderation", "privacy", "accessibility", "about")
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    return chromium


def _filled(server: Any) -> None:
    device = server.device()
    for i in range(3):
        body = {"x": 10.0 * i, "y": 5.0, "topic": "shade", "text": f"A bench <b>{i}</b>, please."}
        number = device.post("/api/comments", json=body).json()["id"]
        if i:
            server.moderate(str(number))
    token = device.headers["x-device"]
    row = {
        "key": "cost",
        "label": {"de": "Kosten", "en": "Costs"},
        "unit": {"de": "EUR"},
        "values": {"baseline": 0, "draft": 9},
        "decimals": 0,
    }
    entries = server.service.entries
    idea = {
        "title": "Trees",
        "author": "A.",
        "measures": [],
        "answer": {"de": "3 Bäume"},
        "indicators": [row],
        "layers": b"",
    }
    server.moderate(f"variant:{entries.add_variant(token, **idea)}")
    server.service.features = {"outline": "M0 0L10 0L10 10Z"}
    entries.answer_survey(token, {"visits": "daily", "heat": 4})


def test_every_page_in_every_language_passes_axe_and_reflows(server: Any, browser: Browser) -> None:
    _filled(server)
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 320, "height": 640})
    page.on("request", lambda request: asked.append(request.url))
    problems = []
    for name in PAGES:
        for language in ("de", "en", "ls"):
            page.goto(f"{server.url}/{name}?lang={language}")
            found = Axe().run(page, options=RULES).response["violations"]
            problems += [f"{name} {language}: {one['id']} {one['nodes'][0]['html'][:120]}" for one in found]
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > 320:
                problems.append(f"{name} {language}: {wide} px wide")
    assert problems == []
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    page.close()


def test_moderation_and_comment_by_keyboard_alone(server: Any, browser: Browser, kit: Any) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/list?lang=en")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#text").focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "Thank you" in page.locator('[role="status"]').inner_text()
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.goto(f"{server.url}/moderation?lang=en")
    page.locator("#token").focus()
    page.keyboard.type(kit.token)
    page.keyboard.press("Enter")
    page.locator('button[value="approved"]').wait_for()
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.locator('button[value="approved"]').focus()
    page.keyboard.press("Enter")
    page.get_by_text("The entry is published.").wait_for()
    assert [one["text"] for one in server.service.entries.published("comment")] == ["by keyboard"]
    page.close()
