"""The chapters of watering: who is thirsty, how many litres when, and the tours that bring them."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from twin.report.charts import day_bars
from twin.report.frame import Frame
from twin.report.pictures import Pictures
from twin.report.pieces import figure, paragraphs, png, table
from twin.report.storm import leading_layer
from twin.scenario.watering_words import date_words

if TYPE_CHECKING:
    from pathlib import Path

    from twin.scenario.results import Result

__all__ = ["Trees", "leading_picture"]

_LISTED = 20


class Trees:
    """The chapters of one report on watering.

    Parameters
    ----------
    frame : Frame
        The run and the language.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.plan = frame.result.features["trees_plan"]
        self.data = frame.result.datasets["trees"]

    def _words(self, name: str, digits: int = 0) -> str:
        return self.frame.number(self.frame.value(name), digits)

    def summary(self, *, with_check: bool) -> str:
        """Return the first words and the few large numbers."""
        say = self.frame.say
        last = date_words(pd.Timestamp(self.data["time"].values[-1]), self.frame.language)
        first = date_words(pd.Timestamp(self.data["time"].values[0]), self.frame.language)
        said = [
            say("trees_lead", first=first, last=last, watered=self._words("trees_to_water"),
                of=self.frame.number(float((self.plan["reason"] != "established").sum()), 0),
                litres=self._words("litres_planned"), week=self._words("litres_per_tree_week")),
            self._rules(),
        ]  # fmt: skip
        if "tours" in self.frame.result.features:
            tours = self.frame.result.features["tours"]
            said.append(
                say("trees_tours", tours=len(tours), trees=self._words("tour_trees"), km=self._words("tour_km", 1))
            )
        large = [
            (self._words("trees_to_water"), say("key_trees_water")),
            (f"{self._words('litres_planned')}\u00a0L", say("key_litres")),
            (self._words("trees_at_wilting"), say("key_wilting")),
        ]
        keys = "".join(f"<li><strong>{escape(value)}</strong>{escape(words)}</li>" for value, words in large)
        reality = (
            f'<p class="reality">{escape(self.frame.result.check.sentence(self.frame.language))}</p>'
            if with_check
            else ""
        )
        return f'<div class="lead">{paragraphs(said)}</div><ul class="keys">{keys}</ul>{reality}'

    def _season(self) -> dict[str, Any]:
        """Return the two rules compared, with its dates in words."""
        season = json.loads(self.data.attrs["season"])
        dates = {name: date_words(pd.Timestamp(season[name]), self.frame.language) for name in ("first", "last")}
        return season | dates

    def _rules(self) -> str:
        """Return what watering by need takes and brings beside the calendar rule, in a sentence."""
        season, count = self._season(), max(1, int((self.plan["reason"] != "established").sum()))
        saved = self.frame.value("litres_saved_calendar", "share")
        return self.frame.say(
            "trees_saved" if saved >= 0 else "trees_more",
            first=season["first"],
            last=season["last"],
            trees=self.frame.number(season["trees"], 0),
            share=self.frame.share(abs(saved)),
            **{name: self.frame.number(season[f"litres_{name}"], 0) for name in ("need", "calendar")},
            **{
                f"stress_{n}": self.frame.number(season[f"stress_{n}"] / count, 1) for n in ("need", "calendar", "none")
            },
        )

    def _rules_table(self) -> str:
        season = self._season()
        count = max(1, int(season["trees"]))
        rows = [
            [
                self.frame.say(f"rule_{name}"),
                f"{self.frame.number(season.get(f'litres_{name}', 0.0), 0)}\u00a0L",
                self.frame.number(season.get(f"visits_{name}", 0.0), 0),
                self.frame.number(season[f"stress_{name}"] / count, 1),
            ]
            for name in ("need", "calendar", "none")
        ]
        caption = self.frame.say(
            "rules_table", trees=self.frame.number(season["trees"], 0), first=season["first"], last=season["last"]
        )
        return table(caption, self.frame.columns("rule", "litres", "visits", "stress"), rows, numbers=(1, 2, 3))

    def thirsty(self) -> str:
        """Return the map of thirsty trees and the table of the most urgent ones."""
        from twin.view.watering import plan_map

        image = plan_map(self.plan, self.frame.result.site, language=self.frame.language)
        counts = self.plan["reason"].value_counts()
        alt = self.frame.say(
            "alt_trees", dry=int(counts.get("dry_now", 0)), soon=int(counts.get("dry_soon", 0)), of=len(self.plan)
        )
        return paragraphs([self.frame.say("trees_intro")]) + figure(png(image), alt, kind="map") + self._table()

    def scene(self, drawn: Path | None) -> str:
        """Return the 3D picture of the trees with the litres they get, or the reason why there is none."""
        picture, reason = Pictures(self.frame).scene(None, None, drawn, self.plan)
        return picture or paragraphs([self.frame.say("no_scene", reason=reason)])

    def _table(self) -> str:
        urgent = (
            self.plan[self.plan["litres"] > 0].sort_values(["priority", "id"], ascending=[False, True]).head(_LISTED)
        )
        rows = [
            [
                f"{row['id']} {row['species']}",
                date_words(pd.Timestamp(row["date"]), self.frame.language),
                f"{self.frame.number(row['litres'], 0)}\u00a0L",
                self.frame.share(row["probability"]),
                str(row[f"why_{self.frame.language}"]),
            ]
            for row in urgent.drop(columns="geometry").to_dict("records")
        ]
        columns = self.frame.columns("tree", "date", "litres", "chance", "reason")
        return table(self.frame.say("trees_table", count=len(rows)), columns, rows, numbers=(2, 3)) if rows else ""

    def litres(self) -> str:
        """Return the litres by day as a chart and by week as a table."""
        litres = np.asarray(self.data["litres_due"].values, dtype=float)
        days = pd.DatetimeIndex(self.data["time"].values)
        title = self.frame.say("litres_title")
        names = [date_words(day, self.frame.language) for day in days]
        description = self.frame.say(
            "litres_description", litres=self.frame.number(litres.sum(), 0), most=names[int(litres.argmax())]
        )
        chart = day_bars(names, litres, unit="L", title=title, description=description, language=self.frame.language)
        rows = []
        for start in range(0, days.size, 7):
            part = slice(start, min(start + 7, days.size))
            trees = float(self.data["trees_due"].values[part].sum())
            rows.append([f"{names[start]} – {names[part.stop - 1]}", self.frame.number(trees, 0),
                         f"{self.frame.number(litres[part].sum(), 0)}\u00a0L"])  # fmt: skip
        weeks = table(
            self.frame.say("litres_table"), self.frame.columns("week", "trees", "litres"), rows, numbers=(1, 2)
        )
        return chart + weeks + self._rules_table()

    def tours(self) -> str:
        """Return the map of the tours and their table; empty without tours."""
        features = self.frame.result.features
        if "tours" not in features or features["tours"].empty:
            return ""
        from twin.view.watering import tour_map

        found = features["tours"]
        image = tour_map(self.plan, found, features["tour_stops"], self.frame.result.site, language=self.frame.language)
        alt = self.frame.say("alt_tours", tours=len(found), km=self.frame.number(float(found["km"].sum()), 1))
        rows = [
            [
                f"{row['tour']}: {row['vehicle']}", self.frame.number(row["trees"], 0), f"{self.frame.number(row['litres'], 0)}\u00a0L",
                self.frame.number(row["refills"], 0), f"{self.frame.number(row['km'], 1)}\u00a0km", f"{self.frame.number(row['hours'], 1)}\u00a0h",
            ]
            for row in found.drop(columns="geometry").to_dict("records")
        ]  # fmt: skip
        columns = self.frame.columns("tour", "trees", "litres", "refills", "way", "hours")
        made = table(self.frame.say("tours_table"), columns, rows, numbers=(1, 2, 3, 4, 5))
        return figure(png(image), alt, kind="map") + made + paragraphs([self.frame.say("tours_files")], "note")

    def method(self) -> str:
        """Return how the plan was made and what was left out."""
        attrs = self.data.attrs
        return paragraphs([
            self.frame.say("method_trees", members=int(attrs["members"]), thresholds=str(attrs["thresholds"]), days=int(attrs["days"])),
            self.frame.say("method_trees_left_out"),
        ])  # fmt: skip


def leading_picture(result: Result) -> dict[str, Any]:
    """Return what the 3D picture of a run shows, as options of ``scene``: felt temperature, else flood, else thirsty trees.

    Parameters
    ----------
    result : Result
        A run.
    """
    layer = leading_layer(result)
    return {"layer": layer, "plan": result.features.get("trees_plan") if layer is None else None}
