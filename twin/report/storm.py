"""The chapters of a storm: how deep, how dangerous, how soon, whom it reaches, and where the rain goes."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import LAND_COVER
from twin.report.charts import rain_bars
from twin.report.frame import Frame
from twin.report.pictures import Pictures
from twin.report.pieces import paragraphs, table
from twin.scenario.flood_indicators import balance
from twin.view import labels

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.scenario.results import Result

__all__ = ["SHOWN", "Storm", "flooded", "leading_layer"]

SHOWN = 0.03
"""Depth [m] from which maps show water: thinner films are wet ground."""

_LISTED = 15


class Storm:
    """The chapters about the storm of one report.

    Parameters
    ----------
    frame : Frame
        The run and the language.
    pictures : Pictures
        Draws the maps.
    """

    def __init__(self, frame: Frame, pictures: Pictures) -> None:
        self.frame, self.pictures, self.water = frame, pictures, frame.result.water

    def flooded(self, name: str = "depth_max") -> xr.DataArray:
        """Return a map of the storm where water stands deep enough to be shown."""
        return flooded(self.frame.result, name)

    def summary(self, *, with_check: bool) -> str:
        """Return the first words and the few large numbers."""
        frame = self.frame
        said = [self._event(), self._ground(), self._reached(), self._went()]
        if self.water.attrs.get("warning"):
            said.append(
                frame.say("storm_supercritical", share=frame.share(float(self.water.attrs["supercritical_share"])))
            )
        large = [
            (labels.share(self.frame.value("flood_area_above_10", "share"), frame.language), frame.say("key_flooded")),
            (frame.number(self.frame.value("buildings_above_10"), 0), frame.say("key_buildings")),
            (labels.share(self.frame.value("rain_share_outflow", "share"), frame.language), frame.say("key_outflow")),
        ]
        keys = "".join(f"<li><strong>{escape(value)}</strong>{escape(words)}</li>" for value, words in large)
        reality = f'<p class="reality">{escape(frame.result.check.sentence(frame.language))}</p>' if with_check else ""
        note = paragraphs([frame.say("read_storm")], "note")
        return (
            f'<div class="lead">{paragraphs([s for s in said if s])}</div><ul class="keys">{keys}</ul>{reality}{note}'
        )

    def _event(self) -> str:
        rain, asked = self.frame.result.datasets["rain"], self.frame.result.scenario.rain
        depth = self.frame.number(self.frame.value("rain_depth"), 0)
        minutes = self.frame.number(_edges(rain)[-1], 0)
        if asked is not None and asked.return_period and asked.series is None:
            period = self.frame.number(asked.return_period, 0)
            return self.frame.say("storm_event_period", depth=depth, minutes=minutes, period=period)
        return self.frame.say("storm_event", depth=depth, minutes=minutes)

    def _ground(self) -> str:
        shares = {f"share_{d}": self.frame.share(self.frame.value(f"flood_area_above_{d}", "share")) for d in (10, 50)}
        deepest = self.frame.number(float(np.nanmax(self._outdoors())), 1)
        return self.frame.say("storm_ground", deepest=deepest, **shares)

    def _outdoors(self) -> np.ndarray:
        from twin.scenario.indicators import outdoor_ground

        ground = outdoor_ground(self.frame.result.site)
        values = np.where(ground, self.water["depth_max"].values, np.nan)
        return values if np.isfinite(values).any() else np.zeros(1)

    def _reached(self) -> str:
        count = {f"count_{d}": self.frame.number(self.frame.value(f"buildings_above_{d}"), 0) for d in (10, 30)}
        said = self.frame.say("storm_buildings", **count)
        streets = self.frame.result.features.get("flooded_streets")
        if streets is None or streets.empty:
            return said
        worst = _by_street(streets).head(3)
        worst = worst[worst["depth_max"] >= 0.1]
        if worst.empty:
            return said
        named = [f"{name} ({self._centimetres(row.depth_max)})" for name, row in worst.iterrows()]
        return f"{said} {self.frame.say('storm_streets', list=', '.join(named))}"

    def _centimetres(self, depth: float) -> str:
        return f"{self.frame.number(100.0 * depth, 0)}\u00a0cm"

    def _went(self) -> str:
        parts = {
            name: self.frame.share(self.frame.value(f"rain_share_{name}", "share"))
            for name in ("outflow", "sewer", "infiltrated", "on_ground")
        }
        return self.frame.say("storm_went", **parts)

    def depth(self) -> str:
        """Return the map of the greatest depths with its classes."""
        layer = self.flooded()
        return paragraphs([self.frame.say("depth_intro")]) + self.pictures.large(layer) + self.pictures.steps(layer)

    def danger(self) -> str:
        """Return the map of danger to people from depth and speed."""
        layer = self.flooded("hazard_rating")
        return paragraphs([self.frame.say("danger_intro")]) + self.pictures.large(layer) + self.pictures.steps(layer)

    def arrival(self) -> str:
        """Return the map of the time until the ground is wet."""
        minutes = (self.flooded("arrival_time") / 60.0).rename("arrival_minutes").assign_attrs(units="min")
        if not np.isfinite(minutes.values).any():
            return ""
        return (
            paragraphs([self.frame.say("arrival_intro")]) + self.pictures.large(minutes) + self.pictures.steps(minutes)
        )

    def reached(self) -> str:
        """Return the buildings and streets that stand deepest, as tables."""
        features = self.frame.result.features
        return self._buildings(features.get("flooded_buildings")) + self._streets(features.get("flooded_streets"))

    def _buildings(self, found: gpd.GeoDataFrame | None) -> str:
        if found is None or found.empty:
            return ""
        deepest = found[found["depth_max"] >= 0.1].sort_values("depth_max", ascending=False).head(_LISTED)
        rows = [
            [
                str(row.name_ or row.id), self._centimetres(row.depth_max), self._minutes(row, "arrival"),
                self._minutes(row, "duration"),
            ]
            for row in deepest.rename(columns={"name": "name_"}).itertuples()
        ]  # fmt: skip
        columns = self.frame.columns("building", "depth", "arrival", "duration")
        return table(self.frame.say("buildings_table"), columns, rows, numbers=(1, 2, 3)) if rows else ""

    def _minutes(self, row: object, name: str) -> str:
        value = float(getattr(row, name, np.nan))
        return f"{self.frame.number(value, 0)}\u00a0min" if np.isfinite(value) else "–"

    def _streets(self, found: gpd.GeoDataFrame | None) -> str:
        if found is None or found.empty:
            return ""
        named = _by_street(found)
        named = named[named["depth_max"] >= 0.1].head(_LISTED)
        rows = [
            [
                str(name), self._centimetres(row.depth_max), f"{self.frame.number(row.length_over_10cm, 0)}\u00a0m",
                f"{self.frame.number(row.length_over_30cm, 0)}\u00a0m",
            ]
            for name, row in named.iterrows()
        ]  # fmt: skip
        columns = self.frame.columns("street", "depth", "over_10", "over_30")
        return table(self.frame.say("flooded_streets_table"), columns, rows, numbers=(1, 2, 3)) if rows else ""

    def water_balance(self) -> str:
        """Return the course of the rain and where it went."""
        rain, volumes = self.frame.result.datasets["rain"], balance(self.water)
        edges = _edges(rain)
        words = {"title": self.frame.say("rain_title"), "description": self._event()}
        rates = rain["precipitation"]
        course = rates.values if rates.dims == ("time",) else rates.mean(("y", "x")).values
        chart = rain_bars(edges, np.asarray(course, float), language=self.frame.language, **words)
        total = max(volumes["rain"], 1e-9)
        rows = [
            [
                self.frame.say(f"balance_{name}"),
                f"{self.frame.number(volumes[name], 0)}\u00a0m³",
                f"{self.frame.number(100.0 * volumes[name] / total, 1)}\u00a0%",
            ]
            for name in ("rain", "outflow", "sewer", "infiltrated", "held", "on_ground", "inflow")
            if volumes[name] or name == "rain"
        ]
        error = f"{volumes['error'] / total:.1e}"
        columns = self.frame.columns("where", "volume", "of_rain")
        made = table(self.frame.say("balance_table"), columns, rows, numbers=(1, 2))
        return chart + made + paragraphs([self.frame.say("balance_closes", error=error)], "note")

    def scene(self, drawn: Path | None) -> str:
        """Return the 3D picture with the water surface, or the reason why there is none."""
        picture, reason = self.pictures.scene(self.flooded(), None, drawn)
        return picture or paragraphs([self.frame.say("no_scene", reason=reason)])

    def method(self) -> str:
        """Return how the storm was computed and what was left out."""
        attrs, asked = self.water.attrs, self.frame.result.scenario.run.water
        solver = self.frame.say(f"solver_{attrs.get('solver', 'inertial')}")
        losses = asked.losses if asked is not None else "default"
        said = self.frame.say(
            "method_storm",
            solver=solver,
            minutes=self.frame.number(float(attrs["duration"]) / 60.0, 0),
            steps=self.frame.number(float(attrs["steps"]), 0),
            losses=self.frame.say(f"losses_{losses}"),
        )
        return paragraphs([said, self.frame.say("method_storm_left_out")])


def flooded(result: Result, name: str = "depth_max") -> xr.DataArray:
    """Return a map of a storm as it is shown: without thin films, and without water bodies, whose bed is in no terrain.

    Parameters
    ----------
    result : Result
        A run with a storm.
    name : str
        Layer of ``result.water``.
    """
    layer = result.water[name]
    shown = (result.water["depth_max"] >= SHOWN) & (result.site["land_cover"] != LAND_COVER["water"])
    return layer.where(shown).assign_attrs(layer.attrs).rename(name)


def leading_layer(result: Result) -> xr.DataArray | None:
    """Return what the 3D picture of a run shows: felt temperature, else the flood; None where there is neither."""
    if "utci" in result.heat:
        return result.heat["utci"]
    return flooded(result) if "depth_max" in result.water else None


def _edges(rain: xr.Dataset) -> np.ndarray:
    """Return the edges of the rain's intervals [min] from its start."""
    from models.water.precipitation import interval_edges

    series = rain["precipitation"]
    return np.asarray(interval_edges(series.assign_attrs(rain.attrs | series.attrs)) / 60.0)


def _by_street(sections: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return greatest depth and flooded lengths by street name, deepest first."""
    named = sections[sections["name"].astype(str).str.strip() != ""]
    columns = {"depth_max": "max", "length_over_10cm": "sum", "length_over_30cm": "sum"}
    return pd.DataFrame(named.groupby("name").agg(columns)).sort_values("depth_max", ascending=False)
