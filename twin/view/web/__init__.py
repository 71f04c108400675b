"""The browser view as it was built into this installation (its source: ``twin/serve/web``)."""

from __future__ import annotations

from pathlib import Path

from twin.errors import InputError
from twin.language import text

__all__ = ["client_files"]


def client_files() -> Path:
    """Return the folder of the built browser view: ``index.html``, ``assets/`` and ``single.js``.

    Raises
    ------
    InputError
        If this installation was built without it.
    """
    folder = Path(__file__).parent / "static"
    if not (folder / "index.html").is_file():
        raise InputError(text("view.client_missing"))
    return folder
