"""Puts the tables of the vocabulary into the documentation, so that a page cannot differ from the code."""

from __future__ import annotations

import csv
from pathlib import Path

TABLES = Path(__file__).resolve().parents[1] / "models" / "tables"
PLACES = {"LAYERS_TABLE": "layers.csv", "WEATHER_TABLE": "weather.csv", "LAND_COVER_TABLE": "land_cover.csv"}


def _table(name: str) -> str:
    lines = (TABLES / name).read_text(encoding="utf-8").splitlines()
    notes = [line.lstrip("# ").strip() for line in lines if line.startswith("#")]
    rows = list(csv.reader(line for line in lines if line.strip() and not line.startswith("#")))
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*notes, "", head, "|" + "---|" * len(rows[0]), *body])


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the place holders of the vocabulary page by the tables."""
    for place, name in PLACES.items():
        if place in markdown:
            markdown = markdown.replace(place, _table(name))
    return markdown
