"""What all tests share: where real data and reference values lie, and a clean place to work."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("TWIN_CACHE", str(Path(tempfile.gettempdir()) / "urban-twin-test-cache"))  # not the user's own


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real city data and reference values beside the checkout; required where ``CI=true``."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        reason = "real data and reference values are not beside this checkout (../shared)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of the made sample district."""
    return ROOT / "data" / "samples"
