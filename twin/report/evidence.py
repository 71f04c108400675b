"""What the numbers rest on: indicators, comparison with reality, gaps, sources, method and weather, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from twin.city.gaps import sentences as gap_sentences
from twin.report.frame import Frame
from twin.report.pieces import paragraphs, table
from twin.scenario.rules import rule_of
from twin.scenario.wording import unit_words
from twin.view import labels

__all__ = ["check", "gaps", "indicators", "method", "sources"]


def indicators(frame: Frame) -> str:
    """Return the indicators of the whole run and of the hottest hour."""
    rows = []
    for row in _rows(frame.result.table(frame.language)):
        unit = str(row.unit)
        value = labels.area(float(row.value), frame.language) if unit == "m2" else _told(frame, row)
        time = frame.say("whole_run") if pd.isna(row.time) else frame.clock(np.datetime64(row.time))
        share = "" if pd.isna(row.share) else frame.share(float(row.share))
        certainty = frame.say(f"certainty_{row.uncertainty}")
        rows.append([str(row.label), time, value, share, certainty])
    columns = frame.columns("indicator", "when", "value", "share", "certainty")
    return table(frame.say("indicators_table"), columns, rows, numbers=(2, 3))


def _told(frame: Frame, row: Any) -> str:
    """Return a value with the decimals of its indicator and its unit."""
    digits = int(rule_of(str(row.name))["decimals"])
    return (
        f"{labels.number(float(row.value), digits, frame.language)} {unit_words(str(row.unit), frame.language)}".strip()
    )


def check(frame: Frame) -> str:
    """Return what measurements say about the run."""
    check = frame.result.check
    said = paragraphs([check.sentence(frame.language)])
    if not check.compared:
        return said
    rows = [
        [
            str(r.station),
            str(r.variable),
            _value(frame, float(r.bias), str(r.unit)),
            _value(frame, float(r.rmse), str(r.unit)),
            str(r.n),
        ]
        for r in _rows(check.table)
    ]
    columns = frame.columns("station", "variable", "bias", "rmse", "count")
    return said + table(frame.say("check_table"), columns, rows, numbers=(2, 3, 4))


def gaps(frame: Frame) -> str:
    """Return what was missing or doubtful, and what was assumed."""
    if frame.result.gaps.empty:
        return paragraphs([frame.say("gaps_none")])
    rows = [
        [r.message, frame.say(f"severity_{r.severity}"), r.default or "–", r.remedy or "–", r.places or "–"]
        for r in _rows(gap_sentences(frame.result.gaps, frame.language))
    ]
    columns = frame.columns("message", "severity", "default", "remedy", "places")
    return paragraphs([frame.say("gaps_intro")]) + table(frame.say("gaps_table"), columns, rows)


def sources(frame: Frame) -> str:
    """Return the input files with licence and hash."""
    rows = []
    for r in _rows(frame.result.sources.fillna("")):
        said = ", ".join(part for part in (str(r.licence) or frame.say("licence_unknown"), str(r.attribution)) if part)
        rows.append(
            [
                escape(str(r.path)),
                escape(str(r.role)),
                escape(said),
                f'<span class="hash">{escape(str(r.sha256))}</span>',
            ]
        )
    columns = frame.columns("file", "role", "licence", "hash")
    return table(frame.say("sources_table"), columns, rows, raw=True)


def method(frame: Frame) -> str:
    """Return how the numbers came about and what was left out."""
    site, heat, provenance = frame.result.site, frame.result.heat, frame.result.provenance
    crs = str(provenance.get("grid", {}).get("crs", "")) or "–"
    grid = {"cell": frame.cell_text(), "rows": site.sizes["y"], "columns": site.sizes["x"], "crs": crs}
    asked = frame.result.scenario.run.heat
    local = (asked is not None and asked.air == "local", asked is not None and asked.wind == "local")
    left_out = {
        (False, False): "",
        (False, True): "_local_wind",
        (True, False): "_local_air",
        (True, True): "_local_both",
    }
    said = [frame.say("method_grid", **grid)]
    if heat.data_vars:
        said += [frame.say("method_heat", steps=heat.sizes["time"]), frame.say(f"method_left_out{left_out[local]}")]
    said.append(frame.say("method_same"))
    versions = [[str(n), str(v)] for n, v in provenance.get("versions", {}).items()]
    listed = table(frame.say("versions_table"), [frame.say("column_package"), frame.say("column_version")], versions)
    return paragraphs(said) + _weather(frame) + (listed if versions else "")


def _value(frame: Frame, value: float, unit: str) -> str:
    if unit in ("1", "m"):
        return f"{labels.number(value, 0, frame.language)} {unit if unit == 'm' else ''}".strip()
    return f"{labels.number(value, 1, frame.language)} {unit.replace('degC', '°C')}"


def _weather(frame: Frame) -> str:
    """Return the weather that drove the run, step by step."""
    weather = frame.result.datasets.get("weather")
    shown = {
        "air_temperature": "air",
        "relative_humidity": "humidity",
        "wind_speed": "wind",
        "global_radiation": "radiation",
    }
    if weather is None:
        return ""
    names = [n for n in shown if n in weather and weather[n].dims == ("time",)]
    units = {"air_temperature": "°C", "relative_humidity": "%", "wind_speed": "m/s", "global_radiation": "W/m²"}
    digits = {"relative_humidity": 0, "global_radiation": 0}
    rows = [
        [
            frame.clock(time),
            *(labels.number(float(weather[n].values[i]), digits.get(n, 1), frame.language) for n in names),
        ]
        for i, time in enumerate(weather["time"].values)
    ]
    columns = [frame.say("column_time"), *(f"{frame.say(f'column_{shown[n]}')} [{units[n]}]" for n in names)]
    return table(frame.say("weather_table"), columns, rows, numbers=range(1, len(columns)))


def _rows(table_of: pd.DataFrame) -> Iterator[Any]:
    """Return the rows of a table as named tuples."""
    yield from table_of.itertuples(index=False)
