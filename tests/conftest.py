"""What all tests share: where real data and reference values lie, and a clean place to work."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("TWIN_CACHE", str(Path(tempfile.gettempdir()) / "urban-twin-test-cache"))  # not the user's own


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real city data and reference values beside the checkout; required where ``CI=true``."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        missing("real data and reference values are not beside this checkout (../shared)")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of the made sample district."""
    return ROOT / "data" / "samples"


_FLAGS = [
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(reason: str) -> None:
    """Skip on a user's machine, fail where ``CI=true``."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium of the system, driven by Playwright; one for all tests of a process."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        missing("the browser tests need Chromium (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the browser tests need Playwright (pip install playwright)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=_FLAGS, chromium_sandbox=False)
        yield browser
        browser.close()
