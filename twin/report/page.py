"""The report of a run: one HTML file that opens anywhere, without internet and without JavaScript.

Plain words first, then maps, then numbers, then what they rest on: gaps, sources, method. Every picture has a text
alternative and its numbers as a table; the page prints on A4.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import twin
from models.heat import comfort_classes
from twin.city.gaps import sentences as gap_sentences
from twin.language import default_language, text
from twin.report import summary
from twin.report.charts import class_bars, day_curves
from twin.report.facts import Facts, class_shares, collect
from twin.report.pictures import Pictures
from twin.report.pieces import paragraphs, section, table
from twin.report.shade import FROM, TO
from twin.view import labels
from twin.view.palettes import Palette, class_palette

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["write_report"]


def write_report(
    result: Result,
    path: str | Path,
    *,
    language: str | None = None,
    picture: bool | Path = True,
    other: str | None = None,
) -> Path:
    """Write the report of a run as one HTML file.

    Parameters
    ----------
    result : Result
        A run, from ``twin.run`` or opened from its folder.
    path : str or pathlib.Path
        HTML file to write; an older one is replaced when the new one is complete.
    language : {"de", "en"}, optional
        Language of the page.
    picture : bool or pathlib.Path
        Whether a 3D picture is drawn, or the file of one drawn before. A ``scene.png`` beside ``path`` is used.
    other : str, optional
        File name of the same report in the other language, for a link at the top.

    Returns
    -------
    pathlib.Path
        The file.

    Examples
    --------
    >>> write_report(twin.run("hitzetag.toml"), "bericht.html", language="de")  # doctest: +SKIP
    """
    target = Path(path)
    beside = target.with_name("scene.png")
    drawn = picture if isinstance(picture, Path) else (beside if beside.is_file() else None)
    document = _Page(result, language or default_language(), drawn, picture is not False).html(other)
    temporary = target.with_name(f".{target.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    return target


class _Page:
    """One report in one language: its numbers, worked out once, and its sections."""

    def __init__(self, result: Result, language: str, drawn: Path | None, scene: bool) -> None:
        self.result, self.language, self.drawn, self.with_scene = result, language, drawn, scene
        self.zone = str(result.scenario.timezone)
        self.pictures = Pictures(result, language)
        self.facts: Facts | None = collect(result) if "utci" in result.heat else None
        self.classes: Palette = class_palette("utci_classes.csv", language)
        self.codes = [c.code for c in sorted(comfort_classes("utci"), key=lambda c: c.lower)]

    def say(self, key: str, **values: Any) -> str:
        return text(f"report.{key}", self.language, **values)

    def clock(self, time: np.datetime64) -> str:
        return labels.clock(time, self.language, self.zone)

    def html(self, other: str | None) -> str:
        """Return the whole page."""
        order: list[tuple[str, Callable[[], str]]] = [
            ("summary", self._summary),
            ("hottest", self._hottest),
            ("day", self._day),
            ("classes", self._class_hours),
            ("tmrt", self._tmrt),
            ("shade", self._shade),
            ("scene", self._scene),
            ("indicators", self._indicators),
            ("check", self._check),
            ("gaps", self._gaps),
            ("sources", self._sources),
            ("method", self._method),
        ]
        made = [(name, build()) for name, build in order]
        parts = [(name, content) for name, content in made if content]
        links = "".join(f'<li><a href="#{name}">{escape(self.say(f"h_{name}"))}</a></li>' for name, _ in parts)
        body = "\n".join(section(name, self.say(f"h_{name}"), content) for name, content in parts)
        template = Template(resources.files("twin.report").joinpath("template.html").read_text(encoding="utf-8"))
        title = self.say("title", name=self.result.name)
        switch = "de" if self.language == "en" else "en"
        link = (
            f'<a class="language" lang="{switch}" hreflang="{switch}" href="{escape(other, quote=True)}">'
            if other
            else ""
        )
        return template.substitute(
            language=self.language,
            title=escape(title),
            heading=escape(title),
            description=escape(self._subtitle(), quote=True),
            subtitle=escape(self._subtitle()),
            skip=escape(self.say("skip")),
            contents=escape(self.say("contents"), quote=True),
            links=links,
            other=f"{link}{escape(self.say('other_language'))}</a>" if other else "",
            body=body,
            made_with=escape(self.say("made_with", version=twin.__version__)),
        )

    def _subtitle(self) -> str:
        site, cell = self.result.site, self._cell()
        size = labels.area(site.sizes["x"] * site.sizes["y"] * cell**2, self.language)
        first = self.facts.hottest if self.facts else self.result.heat["time"].values[0]
        day = labels.day(first, self.language, self.zone)
        place = (
            site.attrs.get("city")
            or (self.result.city.name if self.result.city is not None else "")
            or self.result.name
        )
        return self.say("subtitle", city=place, day=day, cell=self._cell_text(), area=size)

    def _cell(self) -> float:
        x = self.result.site["x"].values
        return abs(float(x[1] - x[0]))

    def _cell_text(self) -> str:
        return labels.number(self._cell(), 0 if self._cell().is_integer() else 2, self.language)

    def _summary(self) -> str:
        reality = f'<p class="reality">{escape(self.result.check.sentence(self.language))}</p>'
        if self.facts is None:
            return paragraphs([self.say("no_utci")]) + reality
        figures = "".join(
            f"<li><strong>{escape(value)}</strong>{escape(words)}</li>"
            for value, words in summary.key_figures(self.facts, self.language)
        )
        lead = paragraphs(summary.sentences(self.result, self.facts, self.language))
        note = paragraphs([self.say("read_utci")], "note")
        return f'<div class="lead">{lead}</div><ul class="keys">{figures}</ul>{reality}{note}'

    def _hottest(self) -> str:
        if self.facts is None:
            return ""
        return self.pictures.large(self.result.heat["utci"], self.facts.hottest) + self._legend() + self._streets()

    def _legend(self) -> str:
        """The ten classes as a table, those that occur at the hottest hour in bold."""
        assert self.facts is not None
        now = class_shares(self.result.indicators)
        now = now[now["time"] == pd.Timestamp(self.facts.hottest)].set_index("code")
        rows = []
        for number, code in reversed(list(enumerate(self.codes))):
            share = float(now["share"].get(code, 0.0))
            limits = labels.span(self.classes.edges[number], self.classes.edges[number + 1], "°C", 0, self.language)
            swatch = f'<span class="swatch" style="background:{self.classes.hexadecimal(number)}"></span>'
            size = labels.area(float(now["area"].get(code, 0.0)), self.language) if share else "–"
            part = labels.share(share, self.language) if share else "–"
            rows.append([f"{swatch}{escape(self.classes.labels[number])}", escape(limits), escape(size), escape(part)])
        names = [self.say(f"column_{n}") for n in ("class", "limits", "area", "share")]
        made = table(
            self.say("legend_table", clock=self.clock(self.facts.hottest)), names, rows, numbers=(2, 3), raw=True
        )
        head, *lines = made.split("<tbody>")[1].split("<tr>")
        marked = "".join(f'<tr class="{"absent" if line.count("–</td>") == 2 else "occurs"}">{line}' for line in lines)
        return f"{made.split('<tbody>')[0]}<tbody>{head}{marked}"

    def _streets(self) -> str:
        assert self.facts is not None
        rows = [[str(n), f"{labels.number(float(v), 1, self.language)} °C"] for n, v in self.facts.streets.items()]
        caption = self.say("streets_table", clock=self.clock(self.facts.hottest))
        return table(caption, [self.say("column_street"), self.say("column_utci")], rows, numbers=(1,)) if rows else ""

    def _day(self) -> str:
        return (
            ""
            if self.facts is None
            else paragraphs([self.say("day_intro")]) + self.pictures.day(self.result.heat["utci"])
        )

    def _class_hours(self) -> str:
        if self.facts is None:
            return ""
        shares = class_shares(self.result.indicators)
        options: dict[str, Any] = {"language": self.language, "timezone": self.zone}
        words = {"title": self.say("bars_title"), "description": self.say("bars_text")}
        bars = class_bars(shares, self.codes, self.classes, **words, **options)
        wide = shares.pivot(index="time", columns="code", values="share").fillna(0.0)
        occurring = [(n, c) for n, c in enumerate(self.codes) if wide.get(c, pd.Series([0.0])).max() > 0]
        rows = [
            [self.clock(np.datetime64(time)), *(labels.share(float(row[code]), self.language) for _, code in occurring)]
            for time, row in wide.iterrows()
        ]
        columns = [self.say("column_time"), *(self.classes.labels[n] for n, _ in occurring)]
        numbers = table(self.say("classes_table"), columns, rows, numbers=range(1, len(columns)))
        return f"{_frame(bars, words['title'])}{numbers}{_frame(self._curves(), self.say('curves_title'))}"

    def _curves(self) -> str:
        assert self.facts is not None
        rows = self.result.indicators
        by_name = {
            n: rows[(rows["name"] == n) & rows["time"].notna()].sort_values("time") for n in ("utci_mean", "utci_p95")
        }
        times = by_name["utci_mean"]["time"].to_numpy()
        curves: list[tuple[str, Any, str]] = [
            (self.say("curve_mean"), by_name["utci_mean"]["value"].to_numpy(float), "mean"),
            (self.say("curve_p95"), by_name["utci_p95"]["value"].to_numpy(float), "p95"),
        ]
        weather = self.result.datasets.get("weather")
        if weather is not None and "air_temperature" in weather and weather["air_temperature"].dims == ("time",):
            air = weather["air_temperature"].reindex(time=times, method=None).values
            curves.append((self.say("curve_air"), air, "air"))
        limits = [
            (
                float(self.classes.edges[n]),
                self.say("limit", value=int(self.classes.edges[n]), label=self.classes.labels[n]),
            )
            for n in range(len(self.classes))
            if self.classes.edges[n] >= 26
        ]
        said = self.say(
            "curves_text", mean=labels.number(self.facts.mean, 1, self.language), clock=self.clock(self.facts.hottest)
        )
        words = {"title": self.say("curves_title"), "description": said}
        return day_curves(list(times), curves, limits=limits, **words, language=self.language, timezone=self.zone)

    def _tmrt(self) -> str:
        if "tmrt" not in self.result.heat:
            return ""
        layer = self.result.heat["tmrt"]
        time = self.facts.hottest if self.facts else layer["time"].values[int(layer.mean(("y", "x")).argmax())]
        return paragraphs([self.say("tmrt_intro")]) + self.pictures.large(layer, time)

    def _shade(self) -> str:
        picture = self.pictures.shade()
        return paragraphs([self.say("shade_intro", first=FROM, last=TO)]) + picture if picture else ""

    def _scene(self) -> str:
        if not self.with_scene and self.drawn is None:
            return paragraphs([self.say("no_scene", reason=self.say("no_scene_wanted"))])
        name = "utci" if self.facts else str(next(iter(self.result.heat.data_vars)))
        time = self.facts.hottest if self.facts else self.result.heat["time"].values[0]
        picture, reason = self.pictures.scene(self.result.heat[name], time, self.drawn)
        return picture or paragraphs([self.say("no_scene", reason=reason)])

    def _indicators(self) -> str:
        rows = []
        for row in self.result.table(self.language).itertuples():
            unit = str(row.unit)
            value = (
                labels.area(float(row.value), self.language) if unit == "m2" else self._value(float(row.value), unit)
            )
            time = self.say("whole_run") if pd.isna(row.time) else self.clock(np.datetime64(row.time))
            share = "" if pd.isna(row.share) else labels.share(float(row.share), self.language)
            certainty = self.say(f"certainty_{row.uncertainty}")
            rows.append([str(row.label), time, value, share, certainty])
        columns = [self.say(f"column_{n}") for n in ("indicator", "when", "value", "share", "certainty")]
        return table(self.say("indicators_table"), columns, rows, numbers=(2, 3))

    def _value(self, value: float, unit: str) -> str:
        return f"{labels.number(value, 1, self.language)} {unit.replace('degC', '°C')}"

    def _check(self) -> str:
        check = self.result.check
        said = paragraphs([check.sentence(self.language)])
        if not check.compared:
            return said
        rows = [
            [
                str(r.station),
                str(r.variable),
                self._value(float(r.bias), str(r.unit)),
                self._value(float(r.rmse), str(r.unit)),
                str(r.n),
            ]
            for r in check.table.itertuples()
        ]
        columns = [self.say(f"column_{n}") for n in ("station", "variable", "bias", "rmse", "count")]
        return said + table(self.say("check_table"), columns, rows, numbers=(2, 3, 4))

    def _gaps(self) -> str:
        if self.result.gaps.empty:
            return paragraphs([self.say("gaps_none")])
        rows = [
            [r.message, self.say(f"severity_{r.severity}"), r.default or "–", r.remedy or "–", r.places or "–"]
            for r in gap_sentences(self.result.gaps, self.language).itertuples()
        ]
        columns = [self.say(f"column_{n}") for n in ("message", "severity", "default", "remedy", "places")]
        return paragraphs([self.say("gaps_intro")]) + table(self.say("gaps_table"), columns, rows)

    def _sources(self) -> str:
        rows = []
        for r in self.result.sources.fillna("").itertuples():
            said = ", ".join(
                part for part in (str(r.licence) or self.say("licence_unknown"), str(r.attribution)) if part
            )
            rows.append(
                [
                    escape(str(r.path)),
                    escape(str(r.role)),
                    escape(said),
                    f'<span class="hash">{escape(str(r.sha256))}</span>',
                ]
            )
        columns = [self.say(f"column_{n}") for n in ("file", "role", "licence", "hash")]
        return table(self.say("sources_table"), columns, rows, raw=True)

    def _method(self) -> str:
        site, heat, provenance = self.result.site, self.result.heat, self.result.provenance
        crs = str(provenance.get("grid", {}).get("crs", "")) or "–"
        grid = {"cell": self._cell_text(), "rows": site.sizes["y"], "columns": site.sizes["x"], "crs": crs}
        said = [
            self.say("method_chain", steps=heat.sizes["time"], **grid),
            self.say("method_left_out"),
            self.say("method_same"),
        ]
        versions = [[str(n), str(v)] for n, v in provenance.get("versions", {}).items()]
        listed = table(self.say("versions_table"), [self.say("column_package"), self.say("column_version")], versions)
        return paragraphs(said) + self._weather() + (listed if versions else "")

    def _weather(self) -> str:
        """The weather that drove the run, step by step."""
        weather = self.result.datasets.get("weather")
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
                self.clock(time),
                *(labels.number(float(weather[n].values[i]), digits.get(n, 1), self.language) for n in names),
            ]
            for i, time in enumerate(weather["time"].values)
        ]
        columns = [self.say("column_time"), *(f"{self.say(f'column_{shown[n]}')} [{units[n]}]" for n in names)]
        return table(self.say("weather_table"), columns, rows, numbers=range(1, len(columns)))


def _frame(chart: str, name: str) -> str:
    """Let a chart scroll by itself on narrow screens."""
    return f'<div class="chart-frame" role="region" tabindex="0" aria-label="{escape(name, quote=True)}">{chart}</div>'
