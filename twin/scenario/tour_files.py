"""What a driver takes along: a GPX route and a list to print for each tour."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape as xml_escape

import pandas as pd

from twin.language import LANGUAGES, text
from twin.scenario.wording import number

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["write_tour_files"]

_STYLE = (
    "body{font:15px/1.35 sans-serif;margin:1.5em;color:#111}h1{font-size:1.3em;margin-bottom:.2em}"
    "table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #999;padding:.35em;text-align:left;"
    "vertical-align:top}td.n,th.n{text-align:right}.box{display:inline-block;width:1em;height:1em;border:1px solid #111}"
    "tr{break-inside:avoid}"
)


def write_tour_files(features: Mapping[str, gpd.GeoDataFrame], folder: Path) -> list[Path]:
    """Write ``tour_N.gpx`` and ``tour_N.de.html``, ``tour_N.en.html`` for each tour; nothing where there is none.

    Parameters
    ----------
    features : mapping
        ``tours``, ``tour_stops`` and ``trees_plan`` of a run.
    folder : pathlib.Path
        Folder, made when it is needed.

    Returns
    -------
    list of pathlib.Path
        The files.
    """
    if "tour_stops" not in features or features["tour_stops"].empty:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    plan = features["trees_plan"].set_index("id")
    stops = features["tour_stops"]
    degrees = stops.to_crs("EPSG:4326") if stops.crs is not None else None
    written = []
    for tour in features["tours"].drop(columns="geometry").to_dict("records"):
        rows = stops[stops["tour"] == tour["tour"]]
        if degrees is not None:
            path = folder / f"tour_{tour['tour']}.gpx"
            path.write_text(_gpx(tour, degrees[degrees["tour"] == tour["tour"]], plan), encoding="utf-8")
            written.append(path)
        for language in LANGUAGES:
            path = folder / f"tour_{tour['tour']}.{language}.html"
            path.write_text(_list(tour, rows, plan, language), encoding="utf-8")
            written.append(path)
    return written


def _what(row: Mapping[Any, Any], plan: pd.DataFrame, language: str) -> str:
    species = str(plan["species"].get(row["id"], "")) if row["kind"] == "tree" else ""
    return text(f"trees.list_{row['kind']}", language, id=row["id"], species=species)


def _gpx(tour: Mapping[Any, Any], stops: gpd.GeoDataFrame, plan: pd.DataFrame) -> str:
    """Return the tour as a route of GPX 1.1 (https://www.topografix.com/GPX/1/1/), stops in driving order."""
    title = xml_escape(text("trees.list_title", "de", **tour))
    points = []
    for point, row in zip(stops.geometry, stops.drop(columns="geometry").to_dict("records"), strict=True):
        litres = f"{row['litres']:.0f} L" if row["kind"] == "tree" else ""
        points.append(
            f'    <rtept lat="{point.y:.7f}" lon="{point.x:.7f}"><name>{xml_escape(_what(row, plan, "de"))}</name>'
            f"<desc>{litres}</desc><type>{row['kind']}</type></rtept>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="urban-twin" '
        'xmlns="http://www.topografix.com/GPX/1/1">\n'
        f"  <rte><name>{title}</name>\n" + "\n".join(points) + "\n  </rte>\n</gpx>\n"
    )


def _clock(hour: float) -> str:
    minutes = round(60 * hour)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _list(tour: Mapping[Any, Any], stops: pd.DataFrame, plan: pd.DataFrame, language: str) -> str:
    """Return the list as a page that prints on A4."""
    title = escape(text("trees.list_title", language, **tour))
    sums = {
        name: number(float(str(tour[name])), 1 if name in ("km", "hours") else 0, language)
        for name in ("trees", "litres", "refills", "km", "hours")
    }
    names = ("order", "time", "what", "litres", "load", "done")
    head = "".join(f"<th>{escape(text(f'trees.list_{name}', language))}</th>" for name in names)
    rows = []
    for row in stops.drop(columns="geometry").to_dict("records"):
        tree = row["kind"] == "tree"
        why = escape(str(plan[f"why_{language}"].get(row["id"], ""))) if tree else ""
        rows.append(
            f"<tr><td>{row['order']}</td><td>{_clock(row['arrive'])}</td><td>{escape(_what(row, plan, language))}"
            f"<br><small>{why}</small></td><td class=n>{number(row['litres'], 0, language) if tree else ''}</td>"
            f"<td class=n>{number(row['load'], 0, language)}</td><td>{'<span class=box></span>' if tree else ''}</td></tr>"
        )
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(text('trees.list_sum', language, **sums))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"<p>{escape(text('trees.list_note', language))}</p></html>\n"
    )
