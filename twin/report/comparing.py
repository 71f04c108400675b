"""The page of a comparison: words first, then the table of differences, maps on one scale, costs, measures, rules.

One HTML file that opens anywhere, without internet and without JavaScript, like the report of a run.
"""

from __future__ import annotations

import os
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

import twin
from twin.language import default_language, text
from twin.report.pieces import figure, paragraphs, section, table
from twin.scenario.indicators import labelled
from twin.scenario.rules import rule_of
from twin.scenario.wording import number, unit_words

if TYPE_CHECKING:
    from twin.scenario.comparison import Comparison
    from twin.view.palettes import Palette

__all__ = ["difference_palette", "write_comparison"]

_ENDS = ("#1b4f9c", "#8fb8e8", "#f5f5f5", "#f0a48a", "#a3182b")
"""Lower, unchanged, higher; light enough in the middle for the shapes of buildings to be seen."""

_LIMITS = (0.05, 0.2, 0.4, 0.6, 1.0)
"""Limits of the steps as shares of the scale's end: round numbers for ends of 1, 2 and 5; the first ends "unchanged"."""

_MARGIN = 40.0  # [m] round what changes


def difference_palette(bound: float, units: str, title: str) -> Palette:
    """Return the colours of differences: blue lower, red higher, the middle step white.

    Parameters
    ----------
    bound : float
        End of the scale on both sides.
    units, title : str
        Of the layer.
    """
    from twin.view.palettes import Palette, blend

    upper = np.array(_LIMITS) * bound
    edges = np.round(np.concatenate([-upper[::-1], upper]), 6)
    steps = len(edges) - 1
    return Palette(edges, blend(list(_ENDS), steps), ("",) * steps, units, title, "ramp")


def write_comparison(comparison: Comparison, path: str | Path, *, language: str | None = None) -> Path:
    """Write the page of a comparison; PNG files of its maps go to the folder ``maps`` beside it.

    Parameters
    ----------
    comparison : Comparison
        From :func:`twin.compare`.
    path : str or pathlib.Path
        HTML file; an older one is replaced when the new one is complete.
    language : {"en", "de"}, optional
        Language of the page.

    Returns
    -------
    pathlib.Path
        The file.
    """
    target, chosen = Path(path), language or default_language()
    document = _html(comparison, chosen, target.parent)
    temporary = target.with_name(f".{target.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    return target


def _html(comparison: Comparison, language: str, folder: Path) -> str:
    parts = [
        ("summary", paragraphs(comparison.text(language).split("\n\n"))),
        ("table", _differences(comparison, language)),
        ("maps", _maps(comparison, language, folder)),
        ("ranking", _ranking(comparison, language)),
        ("measures", _measures(comparison, language)),
        ("rules", _rules(comparison, language)),
    ]
    kept = [(name, content) for name, content in parts if content]
    heads = {
        name: text("comparison.summary" if name == "summary" else f"comparison.h_{name}", language) for name, _ in kept
    }
    title = text("comparison.title", language, baseline=comparison.baseline.name)
    subtitle = text("comparison.subtitle", language, count=len(comparison.variants), baseline=comparison.baseline.name)
    template = Template(resources.files("twin.report").joinpath("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        language=language,
        title=escape(title),
        heading=escape(title),
        description=escape(subtitle, quote=True),
        subtitle=escape(subtitle),
        skip=escape(text("report.skip", language)),
        contents=escape(text("report.contents", language), quote=True),
        links="".join(f'<li><a href="#{name}">{escape(heads[name])}</a></li>' for name, _ in kept),
        other="",
        body="\n".join(section(name, heads[name], content) for name, content in kept),
        made_with=escape(text("report.made_with", language, version=twin.__version__)),
    )


def _column(name: str, language: str) -> str:
    return text(f"comparison.column_{name}", language)


def _differences(comparison: Comparison, language: str) -> str:
    rows = []
    for _, group in labelled(comparison.table, language).groupby("key", sort=False):
        first = group.iloc[0]
        decimals, unit = int(rule_of(first["name"])["decimals"]), str(first["unit"])
        by = {str(row["variant"]): row["difference"] for _, row in group.iterrows()}
        cells = [str(first["label"]), f"{number(first['baseline'], decimals, language)} {unit_words(unit, language)}"]
        for card in comparison.variants:
            known = pd.notna(by.get(card.name))
            shown = number(float(by[card.name]), decimals, language, signed=True) if known else "–"
            cells.append(f"{shown} {unit_words(unit, language, difference=True)}" if known else shown)
        rows.append(cells)
    caption = text("comparison.table_title", language, baseline=comparison.baseline.name)
    names = [comparison.baseline.name, *(card.name for card in comparison.variants)]
    head = [text("scenario.column_indicator", language), *names]
    return table(caption, head, rows, numbers=range(1, len(head)))


def _maps(comparison: Comparison, language: str, folder: Path) -> str:
    """Return maps of differences; each also lies beside the page as PNG, with its numbers as a table."""
    if not comparison.maps:
        return ""
    whole = comparison.baseline.result().site
    pieces = []
    for layer in dict.fromkeys(str(name) for data in comparison.maps.values() for name in data.data_vars):
        rows = []
        window = _window([data[layer] for data in comparison.maps.values() if layer in data])
        site = whole.isel(window)
        for card in comparison.variants:
            data = comparison.maps.get(card.name)
            if data is None or layer not in data:
                continue
            pieces.append(_map(data[layer].isel(window), card.name, card.place, comparison, language, site, folder))
            rows.append(_areas(data[layer], card.name, language))
        step, unit = _step(comparison, layer), next(iter(comparison.maps.values()))[layer].attrs["units"]
        shown = number(step, 2, language)
        head = [_column("variant", language), *(
            text(f"comparison.column_{side}", language, step=shown, unit=unit) for side in ("lower", "higher")
        )]  # fmt: skip
        caption = text("comparison.map_table", language, layer=text(f"comparison.layer_{layer}", language))
        pieces.append(table(caption, head, rows, numbers=(1, 2)))
    return "".join(pieces)


def _window(layers: list[xr.DataArray]) -> dict[str, slice]:
    """Return the part of the grid round all that changes in any variant; the whole where nothing does."""
    changed = np.zeros(layers[0].shape, bool)
    for layer in layers:
        changed |= np.abs(np.nan_to_num(layer.values)) > float(layer.attrs["bound"]) * _LIMITS[0]
    if not changed.any():
        return {"y": slice(None), "x": slice(None)}
    margin = int(_MARGIN / abs(float(layers[0]["x"].values[1] - layers[0]["x"].values[0])))
    spans = {}
    for axis, name in enumerate(("y", "x")):
        at = np.flatnonzero(changed.any(axis=1 - axis))
        spans[name] = slice(max(0, int(at[0]) - margin), min(changed.shape[axis], int(at[-1]) + margin + 1))
    return spans


def _step(comparison: Comparison, layer: str) -> float:
    return next(float(d[layer].attrs["bound"]) for d in comparison.maps.values() if layer in d) * _LIMITS[0]


def _areas(layer: xr.DataArray, variant: str, language: str) -> list[str]:
    step = float(layer.attrs["bound"]) * _LIMITS[0]
    cell = abs(float(layer["x"].values[1] - layer["x"].values[0])) ** 2
    sums = [float((layer.values < -step).sum()) * cell, float((layer.values > step).sum()) * cell]
    return [variant, *(f"{number(one, 0, language)} m²" for one in sums)]


def _map(
    layer: xr.DataArray, variant: str, place: str, comparison: Comparison, language: str, site: xr.Dataset, folder: Path
) -> str:
    from twin.view.maps import draw

    bound, unit = float(layer.attrs["bound"]), str(layer.attrs["units"])
    words = {
        "layer": text(f"comparison.layer_{layer.name}", language),
        "variant": variant,
        "baseline": comparison.baseline.name,
        "bound": f"{bound:g}",
        "unit": unit,
    }
    caption = text("comparison.map_caption", language, **words)
    palette = difference_palette(bound, unit, words["layer"])
    shown = layer.where(np.isfinite(layer)).clip(-bound, bound)
    drawn = draw(shown, site=site, title=caption, language=language, palette=palette)
    (folder / "maps").mkdir(parents=True, exist_ok=True)
    drawn.save(folder / "maps" / f"{place}_minus_baseline_{layer.name}.png")
    changed = layer.values[np.abs(np.nan_to_num(layer.values)) > bound * _LIMITS[0]]
    mean = number(float(changed.mean()), 2, language) if changed.size else "0"
    return figure(drawn.png(dpi=110), text("comparison.map_alt", language, mean=mean, **words), caption)


def _ranking(comparison: Comparison, language: str) -> str:
    ranked = comparison.ranking[comparison.ranking["rank"].notna()]
    if not len(ranked):
        return ""
    names = labelled(pd.DataFrame({"name": ranked["effect"]}), language)["label"]
    rows = []
    for label, row in zip(names, ranked.to_dict("records"), strict=True):
        unit = unit_words(str(row["unit"]), language, difference=True)
        amount = number(row["improvement"], int(rule_of(str(row["effect"]))["decimals"]), language)
        per = number(row["per_effect"], 2 if row["per_effect"] < 100 else 0, language)
        yearly = number(row["yearly"], 0, language)
        rows.append([str(label), str(row["variant"]), f"{amount} {unit}", f"{yearly} €", f"{per} € / {unit or '1'}"])
    head = [_column(name, language) for name in ("effect", "variant", "improvement", "yearly", "per_effect")]
    return table(text("comparison.ranking_title", language), head, rows, numbers=(2, 3, 4))


def _measures(comparison: Comparison, language: str) -> str:
    tables = []
    for card in comparison.variants:
        rows = []
        for row in card.measure_rows:
            kind = text(f"measures.kind_{row['kind']}", language)
            unit = text(f"measures.unit_{row['unit']}", language)
            span = f"{number(row['cost_low'], 0, language)}–{number(row['cost_high'], 0, language)} €"
            basis = text(f"comparison.basis_{row['basis']}", language)
            amounts = [f"{number(row['amount'], 0, language)} {unit}", f"{number(row['cost'], 0, language)} €", span]
            words = f"{kind}: {row['name']}" if row["name"] else kind
            rows.append([words, *amounts, f"{number(row['yearly'], 0, language)} €", f"{basis} {row['year']}"])
        if rows:
            head = [_column(name, language) for name in ("measure", "amount", "cost", "range", "yearly", "basis")]
            tables.append(table(card.name, head, rows, numbers=(1, 2, 3, 4)))
    return "".join(tables)


def _rules(comparison: Comparison, language: str) -> str:
    rows = []
    for _, row in labelled(comparison.table, language).drop_duplicates("name").iterrows():
        rule = rule_of(row["name"])
        rests = text(f"comparison.uncertainty_{row['uncertainty']}", language)
        rows.append([str(row["label"]), rule[f"rule_{language}"], rests])
    head = [text("scenario.column_indicator", language), _column("rule", language), _column("uncertainty", language)]
    return table(text("comparison.h_rules", language), head, rows)
