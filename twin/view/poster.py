"""A poster of a result as tagged PDF: map, legend, numbers and a sentence on what they rest on, on A1 or A3.

The browser Chromium prints it, because it writes PDF with the structure that screen readers need; where it is missing,
one sentence says so.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from html import escape
from os import PathLike
from pathlib import Path
from typing import Literal

from twin.errors import InputError
from twin.language import default_language, text
from twin.scenario.results import Result
from twin.scenario.rules import rule_of
from twin.scenario.wording import number, unit_words
from twin.view.maps import draw
from twin.view.moving import leading

__all__ = ["chromium", "poster_html", "write_poster"]

_SIZES = {"A1": ("594mm", "841mm", 30.0, "8.4mm"), "A3": ("297mm", "420mm", 15.0, "4.2mm")}
_MAPS = {"A1": "500mm", "A3": "250mm"}  # most height of the map
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_STYLE = """@page {{ size: {width} {height}; margin: 0 }}
body {{ margin: 0; font-family: "DejaVu Sans", sans-serif; font-size: {text}; color: #1b1d1f }}
header {{ background: #00585f; color: #fff; padding: 1em 1.4em }} h1 {{ margin: 0; font-size: 2.4em }} h1 + p {{ margin: .2em 0 0; font-size: 1.2em }}
main {{ padding: 1em 1.4em }} img {{ width: 100%; height: auto; max-height: {map}; object-fit: contain }} h2 {{ margin: .6em 0 .3em }}
table {{ border-collapse: collapse; width: 100% }} th, td {{ text-align: left; padding: .25em .5em .25em 0; border-bottom: 1px solid #bbb; font-weight: 400 }}
td {{ text-align: right; font-weight: 700; white-space: nowrap }} p.note {{ color: #45494d }}"""


def chromium() -> str | None:
    """Return the path of a Chromium browser; None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def poster_html(result: Result, paper: Literal["A1", "A3"] = "A3", language: str | None = None) -> str:
    """Return the poster as a page, with its map inside."""
    chosen = language or default_language()
    width, height, inches, size = _SIZES[paper]
    with tempfile.TemporaryDirectory(prefix="twin-poster-") as temporary:
        picture = Path(temporary) / "map.png"
        layer = leading(result)
        draw(layer, site=result.site, language=chosen, timezone=result.scenario.timezone, width=min(inches, 15.0)).save(
            picture
        )
        data = base64.b64encode(picture.read_bytes()).decode("ascii")
    rows = []
    for row in result.table(chosen).to_dict("records"):
        unit = unit_words(str(row["unit"]), chosen)
        value = f"{number(row['value'], int(rule_of(row['name'])['decimals']), chosen)} {unit}"
        rows.append(f'<tr><th scope="row">{escape(str(row["label"]))}</th><td>{escape(value)}</td></tr>')
    place = str(result.site.attrs.get("city", ""))
    alternative = text("view.poster_map", chosen, name=str(layer.attrs.get("long_name", layer.name)), place=place)
    sources = "; ".join(dict.fromkeys(v for v in map(str, result.sources.get("attribution", [])) if v and v != "nan"))
    return (
        f'<!doctype html><html lang="{chosen}"><head><meta charset="utf-8"><title>{escape(result.name)}</title>'
        f"<style>{_STYLE.format(width=width, height=height, text=size, map=_MAPS[paper])}</style></head><body>"
        f"<header><h1>{escape(result.name)}</h1><p>{escape(place)}</p></header><main>"
        f'<img alt="{escape(alternative)}" src="data:image/png;base64,{data}">'
        f"<h2>{escape(text('view.poster_numbers', chosen))}</h2><table>{''.join(rows[-12:])}</table>"
        f'<p class="note">{escape(result.check.sentence(chosen))} {escape(text("web.sources", chosen, list=sources) if sources else "")}</p>'
        "</main></body></html>"
    )


def write_poster(
    result: Result, file: str | PathLike[str], *, paper: Literal["A1", "A3"] = "A3", language: str | None = None
) -> Path:
    """Print a poster of a result to PDF.

    Parameters
    ----------
    result : Result
        With heat or water.
    file : path
        PDF file.
    paper : {"A1", "A3"}
        Size, upright.
    language : {"en", "de"}, optional
        Of all words.

    Raises
    ------
    InputError
        If there is no Chromium, or it does not print.
    """
    program = chromium()
    if program is None:
        raise InputError(text("view.poster_browser"))
    target = Path(file).absolute()
    with tempfile.TemporaryDirectory(prefix="twin-poster-") as temporary:
        page, made = Path(temporary) / "poster.html", Path(temporary) / "poster.pdf"
        page.write_text(poster_html(result, paper, language), encoding="utf-8")
        command = [
            *(
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
            ),
            *("--no-pdf-header-footer", "--export-tagged-pdf", "--generate-pdf-document-outline"),
            *(f"--user-data-dir={temporary}/profile", f"--print-to-pdf={made}", page.as_uri()),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        if not made.is_file():
            told = (done.stderr.strip().splitlines() or [""])[-1]
            raise InputError(text("view.poster_failed", reason=told[:200]))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, target)
    return target
