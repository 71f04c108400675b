"""The chapters of ways: cool routes, streets that need shade, help during the storm, access and traffic."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from twin.language import text
from twin.report.charts import day_curves
from twin.report.frame import Frame
from twin.report.pieces import figure, paragraphs, png, table
from twin.scenario.mobility_inputs import place_kinds

__all__ = ["Ways"]

_LISTED = 10


class Ways:
    """The chapters of one report on ways, help and traffic.

    Parameters
    ----------
    frame : Frame
        The run and the language.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.data = frame.result.datasets["mobility"]
        self.features = frame.result.features

    def _hour(self) -> str:
        hour = float(self.data.attrs["hour"])
        return f"{int(hour):02d}:{round(hour % 1 * 60):02d}"

    def summary(self, *, with_check: bool) -> str:
        """Return the first words: what cool ways spare, and whom help reaches."""
        say, number = self.frame.say, self.frame.number
        said = []
        if "cool_routes" in self.features and np.isfinite(self.frame.value("way_heat_spared")):
            said.append(say("ways_lead", hour=self._hour(), spared=number(self.frame.value("way_heat_spared"), 0),
                            minutes=number(self.frame.value("way_more_minutes"), 1)))  # fmt: skip
        if np.isfinite(self.frame.value("help_in_time_dry")):
            said.append(say("help_lead", minutes=number(float(self.data.attrs["help_within"]), 0),
                            dry=number(self.frame.value("help_in_time_dry"), 0), worst=number(self.frame.value("help_in_time_worst"), 0),
                            cut=int(np.nan_to_num(self.frame.value("places_cut_off")))))  # fmt: skip
        if not said:
            said.append(say("access_lead", free=number(self.frame.value("barrier_free_streets"), 0)))
        reality = (
            f'<p class="reality">{escape(self.frame.result.check.sentence(self.frame.language))}</p>'
            if with_check
            else ""
        )
        return f'<div class="lead">{paragraphs(said)}</div>{reality}'

    def routes(self) -> str:
        """Return the map of the asked ways, their table and their heat through the day."""
        if "cool_routes" not in self.features or self.features["cool_routes"].empty:
            return ""
        from twin.view.ways import route_map

        frame, routes = self.frame, self.features["cool_routes"]
        image = route_map(routes, frame.result.site, hour=self._hour(), language=frame.language)
        rows = [
            [
                str(row["route"]), frame.say(f"choice_{row['choice']}"), *(frame.number(row[name], digits) for name, digits in (
                    ("metres", 0), ("minutes", 1), ("utci_mean", 1), ("dose", 0))), frame.share(row["less_dose"]),
            ]
            for row in routes.drop(columns="geometry").to_dict("records") if row["choice"] != "none"
        ]  # fmt: skip
        columns = frame.columns("way", "choice", "metres", "minutes", "utci", "dose", "spared")
        listed = table(frame.say("ways_table", hour=self._hour()), columns, rows, numbers=(2, 3, 4, 5, 6))
        alt = frame.say(
            "alt_routes", count=routes["route"].nunique(), spared=frame.number(self.frame.value("way_heat_spared"), 0)
        )
        return (
            paragraphs([frame.say("ways_intro")])
            + figure(png(image), alt, kind="map")
            + listed
            + self._through_the_day()
        )

    def _through_the_day(self) -> str:
        if "dose" not in self.data:
            return ""
        frame, mean = self.frame, self.data["dose"].mean("route").values
        if not np.isfinite(mean).any():
            return ""
        curves = [
            (text("mobility.legend_quickest", frame.language), mean[0].tolist(), "mean"),
            (text("mobility.legend_coolest", frame.language), mean[1].tolist(), "air"),
        ]
        hottest = int(np.nanargmax(mean[0]))
        times = list(self.data["time"].values)
        said = frame.say("dose_description", hour=frame.clock(times[hottest]), most=frame.number(mean[0, hottest], 0))
        return day_curves(times, curves, limits=[], title=frame.say("dose_title"), description=said,
                          language=frame.language, timezone=frame.zone, unit="°C min", name="dose") + paragraphs([said], "note")  # fmt: skip

    def streets(self) -> str:
        """Return the map of heat on the streets, and where shade would serve most walkers."""
        if "streets" not in self.features or "utci" not in self.features["streets"]:
            return ""
        from twin.view.ways import street_map

        frame, streets = self.frame, self.features["streets"]
        image = street_map(streets, frame.result.site, hour=self._hour(), language=frame.language)
        by_name = streets[streets["name"] != ""].groupby("name")
        listed = pd.DataFrame({
            "demand": by_name["shade_demand"].sum(), "utci": by_name["utci"].mean(), "walkers": by_name["walkers"].max(),
        }).sort_values("demand", ascending=False).head(_LISTED)  # fmt: skip
        rows = [
            [str(name), frame.number(row["utci"], 1), frame.number(row["walkers"], 0), frame.number(row["demand"], 0)]
            for name, row in listed.iterrows()
        ]
        first = str(listed.index[0]) if len(listed) else ""
        columns = frame.columns("street", "utci", "walkers", "demand")
        made = table(frame.say("shade_table"), columns, rows, numbers=(1, 2, 3)) if rows else ""
        alt = frame.say("alt_streets", street=first)
        return paragraphs([frame.say("streets_intro", hour=self._hour())]) + figure(png(image), alt, kind="map") + made

    def access(self) -> str:
        """Return who reaches what: without barriers, and with and without heat."""
        frame = self.frame
        said = [frame.say("access_lead", free=frame.number(self.frame.value("barrier_free_streets"), 0))]
        if np.isfinite(self.frame.value("places_within_walk")):
            said.append(frame.say("walk_lead", share=frame.number(self.frame.value("places_within_walk"), 0),
                                  minutes=frame.number(float(self.data.attrs["walking_minutes"]), 0)))  # fmt: skip
        if "reach" not in self.features:
            return paragraphs(said)
        reach = self.features["reach"].drop(columns="geometry")
        cold, hot = (reach[reach["heat"] == flag].set_index("id") for flag in (False, True))
        rows = [
            [f"{row['name']} ({_kind(row['kind'], frame.language)})", frame.number(row["area"] / 1e4, 1), frame.number(hot.loc[key, "area"] / 1e4, 1),
             frame.number(row["goals"], 0), frame.number(hot.loc[key, "goals"], 0)]
            for key, row in cold.iterrows()
        ]  # fmt: skip
        columns = frame.columns("place", "reach_cool", "reach_hot", "goals_cool", "goals_hot")
        caption = frame.say("reach_table", minutes=frame.number(float(self.data.attrs["walking_minutes"]), 0))
        return paragraphs(said) + table(caption, columns, rows, numbers=(1, 2, 3, 4))

    def help(self) -> str:
        """Return the map of closed streets and help, the places it reaches, and its course in time."""
        if "closed_streets" not in self.features:
            return ""
        from twin.view.ways import help_map

        frame, closed, helped = self.frame, self.features["closed_streets"], self.features.get("help")
        within = float(self.data.attrs["help_within"])
        stations = self.features.get("stations")
        xy = np.empty((0, 2)) if stations is None else np.column_stack([stations.geometry.x, stations.geometry.y])
        image = help_map(closed, helped, xy, frame.result.site, within=within, language=frame.language)
        alt = frame.say("alt_help", count=len(closed), length=frame.number(float(closed["length"].sum()), 0))
        made = paragraphs([frame.say("help_intro")]) + figure(png(image), alt, kind="map")
        in_time = bool(self.data.attrs["flood_in_time"])
        if helped is not None and len(helped):
            columns = frame.columns("place", "dry_minutes", "worst_minutes", "late_minutes", "cut_minutes")
            rows = [
                [f"{row['name']} ({_kind(row['kind'], frame.language)})", frame.number(row["dry_minutes"], 1),
                 frame.say("cut_off") if row["cut_off"] else frame.number(row["worst_minutes"], 1),
                 *(frame.number(row[name], 0) if in_time else "–" for name in ("late_minutes", "cut_off_minutes"))]
                for row in helped.drop(columns="geometry").to_dict("records")
            ]  # fmt: skip
            made += table(frame.say("help_table", minutes=frame.number(within, 0)), columns, rows, numbers=(1, 2, 3, 4))
        return made + self._closures() + self._course()

    def _closures(self) -> str:
        frame, closed = self.frame, self.features["closed_streets"].drop(columns="geometry")
        if closed.empty:
            return paragraphs([frame.say("none_closed")])
        rows = [
            [str(row["name"]) or "–", frame.number(row["length"], 0),
             frame.say("full") if row["underpass"] else frame.number(100 * row["depth"], 0),
             *("–" if pd.isna(row[name]) else frame.number(row[name], 0) for name in ("from_minute", "closed_minutes"))]
            for row in closed.sort_values("depth", ascending=False).head(2 * _LISTED).to_dict("records")
        ]  # fmt: skip
        columns = frame.columns("street", "length", "depth_cm", "from_minute", "closed_minutes")
        return table(frame.say("closed_table"), columns, rows, numbers=(1, 2, 3, 4))

    def _course(self) -> str:
        if "share" not in self.data or not self.data.attrs["flood_in_time"]:
            return ""
        frame = self.frame
        every = max(1, int(np.ceil(self.data.sizes["step"] / 14)))
        rows = [
            [frame.number(float(minute), 0), frame.share(float(share)), frame.number(float(cut), 0) if cut == 0 or cut >= 5 else "< 5"]
            for minute, share, cut in zip(self.data["minute"].values[::every], self.data["share"].values[::every],
                                          self.data["cut_off"].values[::every], strict=True)
        ]  # fmt: skip
        return table(frame.say("course_table"), frame.columns("minute", "reached", "cut"), rows, numbers=(0, 1, 2))

    def traffic(self) -> str:
        """Return what the trips of an hour meet, dry and under water."""
        if "traffic" not in self.features:
            return ""
        frame, flows = self.frame, self.features["traffic"]
        said = [frame.say("traffic_lead", hours=frame.number(self.frame.value("vehicle_hours"), 1))]
        if np.isfinite(self.frame.value("vehicle_hours_flood")):
            said.append(frame.say("traffic_flood", hours=frame.number(self.frame.value("vehicle_hours_flood"), 1),
                                  trips=frame.number(self.frame.value("trips_lost_flood"), 0)))  # fmt: skip
        busiest = (
            flows.drop(columns="geometry").sort_values("load", ascending=False).drop_duplicates("name").head(_LISTED)
        )
        wet = "flow_flooded" in flows
        rows = [
            [str(row["name"]) or "–", frame.number(row["flow"], 0), frame.share(row["load"]),
             frame.number(row["flow_flooded"], 0) if wet else "–"]
            for row in busiest.to_dict("records")
        ]  # fmt: skip
        columns = frame.columns("street", "flow", "load", "flow_flooded")
        return paragraphs(said) + table(frame.say("traffic_table"), columns, rows, numbers=(1, 2, 3))

    def method(self) -> str:
        """Return how ways, help and traffic were worked out and what was left out."""
        return paragraphs([self.frame.say("method_ways"), self.frame.say("method_ways_left_out")])


def _kind(kind: str, language: str) -> str:
    return place_kinds()[kind][f"label_{language}"]
