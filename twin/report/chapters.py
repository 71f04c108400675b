"""The chapters people read first: summary, maps, charts and the 3D picture."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from models.heat import comfort_classes
from twin.report import summary
from twin.report.charts import class_bars, day_curves
from twin.report.facts import Facts, class_shares, collect
from twin.report.frame import Frame
from twin.report.pictures import Pictures, swatch
from twin.report.pieces import paragraphs, table
from twin.report.shade import FROM, TO
from twin.view import labels
from twin.view.moments import hottest, nearest_hour
from twin.view.palettes import Palette, class_palette

__all__ = ["Chapters"]

NIGHT = 23
"""Local hour of the map of air temperature at night."""


class Chapters:
    """The chapters of one report; its numbers are worked out once.

    Parameters
    ----------
    frame : Frame
        The run and the language.
    drawn : pathlib.Path or None
        A 3D picture drawn before.
    with_scene : bool
        Whether a 3D picture may be drawn.
    """

    def __init__(self, frame: Frame, drawn: Path | None, with_scene: bool) -> None:
        self.frame, self.drawn, self.with_scene = frame, drawn, with_scene
        self.pictures = Pictures(frame)
        self.facts: Facts | None = collect(frame.result) if "utci" in frame.result.heat else None
        self.classes: Palette = class_palette("utci_classes.csv", frame.language)
        self.codes = [c.code for c in sorted(comfort_classes("utci"), key=lambda c: c.lower)]

    def summary(self) -> str:
        """Return the first words, the few large numbers and how far to trust them."""
        reality = f'<p class="reality">{escape(self.frame.result.check.sentence(self.frame.language))}</p>'
        if self.facts is None:
            return paragraphs([self.frame.say("no_utci")]) + reality
        figures = "".join(
            f"<li><strong>{escape(value)}</strong>{escape(words)}</li>"
            for value, words in summary.key_figures(self.facts, self.frame.language)
        )
        lead = paragraphs(summary.sentences(self.frame.result, self.facts, self.frame.language))
        note = paragraphs([self.frame.say("read_utci")], "note")
        return f'<div class="lead">{lead}</div><ul class="keys">{figures}</ul>{reality}{note}'

    def hottest(self) -> str:
        """Return the map of the hottest hour, its classes and the streets."""
        if self.facts is None:
            return ""
        return (
            self.pictures.large(self.frame.result.heat["utci"], self.facts.hottest) + self._legend() + self._streets()
        )

    def _legend(self) -> str:
        """Return the ten classes as a table, the ones that occur at the hottest hour in bold."""
        assert self.facts is not None
        now = class_shares(self.frame.result.indicators)
        now = now[now["time"] == pd.Timestamp(self.facts.hottest)].set_index("code")
        rows = []
        for number, code in reversed(list(enumerate(self.codes))):
            share = float(now["share"].get(code, 0.0))
            limits = labels.span(
                self.classes.edges[number], self.classes.edges[number + 1], "°C", 0, self.frame.language
            )
            colours = swatch(self.classes, number)
            size = labels.area(float(now["area"].get(code, 0.0)), self.frame.language) if share else "–"
            part = self.frame.share(share) if share else "–"
            rows.append([f"{colours}{escape(self.classes.labels[number])}", escape(limits), escape(size), escape(part)])
        names = self.frame.columns("class", "limits", "area", "share")
        made = table(
            self.frame.say("legend_table", clock=self.frame.clock(self.facts.hottest)),
            names,
            rows,
            numbers=(2, 3),
            raw=True,
        )
        head, *lines = made.split("<tbody>")[1].split("<tr>")
        marked = "".join(f'<tr class="{"absent" if line.count("–</td>") == 2 else "occurs"}">{line}' for line in lines)
        return f"{made.split('<tbody>')[0]}<tbody>{head}{marked}"

    def _streets(self) -> str:
        assert self.facts is not None
        rows = [
            [str(n), f"{labels.number(float(v), 1, self.frame.language)} °C"] for n, v in self.facts.streets.items()
        ]
        caption = self.frame.say("streets_table", clock=self.frame.clock(self.facts.hottest))
        return (
            table(caption, [self.frame.say("column_street"), self.frame.say("column_utci")], rows, numbers=(1,))
            if rows
            else ""
        )

    def day(self) -> str:
        """Return small maps through the day."""
        return (
            ""
            if self.facts is None
            else paragraphs([self.frame.say("day_intro")]) + self.pictures.day(self.frame.result.heat["utci"])
        )

    def classes_by_hour(self) -> str:
        """Return shares of the classes hour by hour, as chart and table, and the day as curves."""
        if self.facts is None:
            return ""
        shares = class_shares(self.frame.result.indicators)
        options: dict[str, Any] = {"language": self.frame.language, "timezone": self.frame.zone}
        words = {"title": self.frame.say("bars_title"), "description": self.frame.say("bars_text")}
        bars = class_bars(shares, self.codes, self.classes, **words, **options)
        wide = shares.pivot(index="time", columns="code", values="share").fillna(0.0)
        occurring = [(n, c) for n, c in enumerate(self.codes) if wide.get(c, pd.Series([0.0])).max() > 0]
        rows = [
            [
                self.frame.clock(pd.Timestamp(str(time)).to_datetime64()),
                *(self.frame.share(float(row[code])) for _, code in occurring),
            ]
            for time, row in wide.iterrows()
        ]
        columns = [self.frame.say("column_time"), *(self.classes.labels[n] for n, _ in occurring)]
        numbers = table(self.frame.say("classes_table"), columns, rows, numbers=range(1, len(columns)))
        keys = "".join(
            f'<li><span class="swatch" style="background:{self.classes.hexadecimal(n)}"></span>'
            f"{escape(self.classes.labels[n])}</li>"
            for n, _ in occurring
        )
        chart = f'{_scrolling(bars, words["title"])}<ul class="chips">{keys}</ul>'
        return chart + numbers + _scrolling(self._curves(), self.frame.say("curves_title"))

    def _curves(self) -> str:
        assert self.facts is not None
        rows = self.frame.result.indicators
        by_name = {
            n: rows[(rows["name"] == n) & rows["time"].notna()].sort_values("time") for n in ("utci_mean", "utci_p95")
        }
        times = by_name["utci_mean"]["time"].to_numpy()
        curves: list[tuple[str, Any, str]] = [
            (self.frame.say("curve_mean"), by_name["utci_mean"]["value"].to_numpy(float), "mean"),
            (self.frame.say("curve_p95"), by_name["utci_p95"]["value"].to_numpy(float), "p95"),
        ]
        weather = self.frame.result.datasets.get("weather")
        if weather is not None and "air_temperature" in weather and weather["air_temperature"].dims == ("time",):
            air = weather["air_temperature"].reindex(time=times, method=None).values
            curves.append((self.frame.say("curve_air"), air, "air"))
        limits = [
            (
                float(self.classes.edges[n]),
                self.frame.say("limit", value=int(self.classes.edges[n]), label=self.classes.labels[n]),
            )
            for n in range(len(self.classes))
            if self.classes.edges[n] >= 26
        ]
        said = self.frame.say(
            "curves_text",
            mean=labels.number(self.facts.mean, 1, self.frame.language),
            clock=self.frame.clock(self.facts.hottest),
        )
        words = {"title": self.frame.say("curves_title"), "description": said}
        return day_curves(
            list(times), curves, limits=limits, **words, language=self.frame.language, timezone=self.frame.zone
        )

    def tmrt(self) -> str:
        """Return the map of mean radiant temperature."""
        if "tmrt" not in self.frame.result.heat:
            return ""
        layer = self.frame.result.heat["tmrt"]
        time = self.facts.hottest if self.facts else layer["time"].values[hottest(layer)]
        return (
            paragraphs([self.frame.say("tmrt_intro")])
            + self.pictures.large(layer, time)
            + self.pictures.steps(layer, time)
        )

    def layer(self, name: str) -> str:
        """Return the map of another layer that the run was asked for, with its classes or steps; empty without it."""
        if name not in self.frame.result.heat:
            return ""
        layer = self.frame.result.heat[name]
        time = self.facts.hottest if self.facts else layer["time"].values[hottest(layer)]
        told = paragraphs([self.frame.say(f"{name}_intro")])
        return told + self.pictures.large(layer, time) + self.pictures.steps(layer, time)

    def air(self) -> str:
        """Return air temperature in the afternoon and at night where it differs from place to place."""
        heat = self.frame.result.heat
        if "air_temperature" not in heat:
            return ""
        asked = self.frame.result.scenario.run.heat
        if asked is None or asked.air == "station":
            return paragraphs([self.frame.say("air_temperature_one")])
        times = heat["time"].values
        night = nearest_hour(times, NIGHT, timezone=self.frame.zone)
        layer = heat["air_temperature"]
        return self.layer("air_temperature") + (self.pictures.large(layer, times[night]) if night is not None else "")

    def shade(self) -> str:
        """Return the map of hours of shade."""
        picture = self.pictures.shade()
        return paragraphs([self.frame.say("shade_intro", first=FROM, last=TO)]) + picture if picture else ""

    def scene(self) -> str:
        """Return the 3D picture or the reason why there is none."""
        if not self.with_scene and self.drawn is None:
            return paragraphs([self.frame.say("no_scene", reason=self.frame.say("no_scene_wanted"))])
        name = "utci" if self.facts else str(next(iter(self.frame.result.heat.data_vars)))
        time = self.facts.hottest if self.facts else self.frame.result.heat["time"].values[0]
        picture, reason = self.pictures.scene(self.frame.result.heat[name], time, self.drawn)
        return picture or paragraphs([self.frame.say("no_scene", reason=reason)])


def _scrolling(chart: str, name: str) -> str:
    """Let a chart scroll by itself on narrow screens."""
    return f'<div class="chart-frame" role="region" tabindex="0" aria-label="{escape(name, quote=True)}">{chart}</div>'
