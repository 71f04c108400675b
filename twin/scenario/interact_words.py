"""What a change says: before and after of the few numbers people are shown, and one plain sentence in three languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import shapely

from twin.language import EASY, LANGUAGES, text
from twin.scenario.indicators import indicator_label
from twin.scenario.rules import rule_of
from twin.scenario.wording import number, unit_words

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.interact import Session

__all__ = ["TONGUES", "Place", "answers", "indicator_rows", "label_of", "own_row"]

TONGUES = (*LANGUAGES, EASY)
"""Languages of citizens' texts."""

_SHOWN = (
    "utci_mean", "area_utci_above_32", "area_utci_above_38", "hours_utci_above_32", "people_hours_utci_above_32",
    "people_utci_above_38", "shade_share", "cool_places", "canopy_share", "sealed_share", "bff",
)  # fmt: skip
_FELT = 0.1  # [K] change that is told
_NEAR = 40.0  # [m] to a street or house that names a place
_LITRES = 100.0  # [L] a week and young tree: the calendar rule of the watering plan
_PLANTED = ("plant_trees", "tree_trench")


@dataclass(frozen=True)
class Place:
    """A named place that answers speak of, such as a bus stop.

    Parameters
    ----------
    name : mapping
        Name by language (en, de, ls); a missing one is taken from another.
    x, y : float
        [m] in the reference system of the city.
    radius : float
        How far round it people stand [m].
    """

    name: Mapping[str, str]
    x: float
    y: float
    radius: float = 6.0

    def called(self, language: str) -> str:
        """Return the name in a language."""
        for tongue in (language, "de", "en", *self.name):
            if self.name.get(tongue):
                return self.name[tongue]
        return ""


def label_of(name: str, label: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an indicator in all languages; plain German where there is one."""
    try:
        plain = text(f"interact.label_{name}", EASY)
    except KeyError:
        plain = label["de"]
    return {**label, EASY: plain}


def _row(
    key: str, label: Mapping[str, str], unit: str, before: float, after: float, decimals: int, better: str
) -> dict[str, Any]:
    """Return a row in the form that the browser knows from the numbers of a result."""
    return {
        "key": key,
        "label": dict(label),
        "unit": {tongue: unit_words(unit, "en" if tongue == "en" else "de") for tongue in TONGUES},
        "time": None,
        "values": {"baseline": _plain(before), "draft": _plain(after)},
        "difference": {"draft": _plain(after - before)},
        "decimals": decimals,
        "better": {"more": 1, "less": -1}.get(better, 0),
    }


def own_row(key: str, unit: str, before: float, after: float, decimals: int, better: str) -> dict[str, Any]:
    """Return a row that is no indicator of a run, such as costs; its labels stand in the texts."""
    labels = {language: text(f"interact.label_{key}", language) for language in TONGUES}
    return _row(key, labels, unit, before, after, decimals, better)


def indicator_rows(before: pd.DataFrame, after: pd.DataFrame, measures: pd.DataFrame) -> list[dict[str, Any]]:
    """Return before, after and difference of the indicators shown, then costs and water for new trees.

    Parameters
    ----------
    before, after : pandas.DataFrame
        Indicators of the baseline and after the change.
    measures : pandas.DataFrame
        Report of the new measures.
    """
    hottest = before[before["name"] == "utci_mean"]
    hour = hottest["time"].iloc[int(np.argmax(hottest["value"].to_numpy()))] if len(hottest) else pd.NaT
    rows = []
    for name in _SHOWN:
        own = before[
            (before["name"] == name) & (before["time"].isna() | (before["time"] == hour) | (name == "shade_share"))
        ]
        if not len(own):
            continue
        row = own.iloc[[0]]
        time = row["time"].iloc[0]
        same = after[(after["name"] == name) & (after["time"].isna() if pd.isna(time) else after["time"] == time)]
        old, new = float(row["value"].iloc[0]), float(same["value"].iloc[0]) if len(same) else float("nan")
        label = {tongue: indicator_label(name, tongue) for tongue in LANGUAGES}
        rule = rule_of(name)
        stamp = None if pd.isna(time) else f"{time:%Y-%m-%dT%H:%MZ}"
        unit, decimals = str(row["unit"].iloc[0]), int(rule["decimals"])
        rows.append(_row(name, label_of(name, label), unit, old, new, decimals, rule["better"]) | {"time": stamp})
    rows.append(own_row("cost", "EUR", 0.0, float(measures["cost"].sum()), 0, "less"))
    rows.append(own_row("yearly", "EUR/a", 0.0, float(measures["yearly"].sum()), 0, "less"))
    young = int(measures.loc[measures["kind"].isin(_PLANTED), "count"].sum())
    if young:
        rows.append(own_row("litres", "L", 0.0, young * _LITRES, 0, "less"))
    return rows


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _things(measures: pd.DataFrame, language: str) -> str:
    """Return what was done in words: ``3 trees, 40 m² of shade sails``."""
    said = []
    for kind, rows in measures.groupby("kind", sort=False):
        count, amount = int(rows["count"].sum()), float(rows["amount"].sum())
        key = f"interact.did_{kind}" + ("_one" if count == 1 else "")
        try:
            said.append(text(key, language, count=count, amount=number(amount, 0, language)))
        except KeyError:
            said.append(text("interact.did_other", language, count=count, kind=kind))
    return ", ".join(said)


def answers(
    session: Session, city: City, measures: pd.DataFrame, utci: np.ndarray, step: int, window: tuple[slice, slice]
) -> dict[str, str]:
    """Return the answer to a change in one sentence, by language.

    Parameters
    ----------
    session : Session
        Tells the baseline and the named places.
    city : City
        After the change.
    measures : pandas.DataFrame
        Report of the new measures.
    utci : numpy.ndarray
        After the change (time, y, x) [degC].
    step : int
        Step that is spoken of.
    window : tuple of slice
        Where anything changes.
    """
    before = session.day.result["utci"].values[step]
    difference = utci[step] - before
    clock = session.times[step].tz_localize("UTC").tz_convert(ZoneInfo(session.scenario.timezone))
    spoken = _where(session, city, difference, window)
    sentences = {}
    for language in TONGUES:
        values = {
            "things": _things(measures, language),
            "clock": text("interact.clock", language, hour=clock.hour, minute=f"{clock.minute:02d}"),
        }
        if spoken is None:
            sentences[language] = text("interact.answer_nothing", language, **values)
            continue
        place, change = spoken
        name = place.called(language) if isinstance(place, Place) else _near(place, language)
        decimals = 0 if language == EASY and abs(change) >= 1.0 else 1
        values |= {"place": name, "degrees": number(abs(change), decimals, language if language == "en" else "de")}
        key = ("less" if change < 0 else "more") + ("_at" if isinstance(place, Place) else "_most")
        sentences[language] = text(f"interact.answer_{key}", language, **values)
    return sentences


def _near(place: str, language: str) -> str:
    return text("interact.near", language, name=place) if place else text("interact.here", language)


def _where(
    session: Session, city: City, difference: np.ndarray, window: tuple[slice, slice]
) -> tuple[Place | str, float] | None:
    """Return the named place that changes most and its mean change [K], else the name of what lies nearest the greatest."""
    site = session.site
    x, y = site["x"].values.astype(float), site["y"].values.astype(float)
    best: tuple[Place, float] | None = None
    for place in session.places:
        rows = np.flatnonzero(np.abs(y - place.y) <= place.radius)
        columns = np.flatnonzero(np.abs(x - place.x) <= place.radius)
        round_it = np.hypot(x[columns][None, :] - place.x, y[rows][:, None] - place.y) <= place.radius
        values = difference[np.ix_(rows, columns)][round_it]
        values = values[np.isfinite(values)]
        if values.size and abs(values.mean()) >= _FELT and (best is None or abs(values.mean()) > abs(best[1])):
            best = place, float(values.mean())
    if best is not None:
        return best
    local = difference[window]
    if not local.size or not np.isfinite(local).any():
        return None
    at = int(np.nanargmin(local)) if -np.nanmin(local) >= np.nanmax(local) else int(np.nanargmax(local))
    change = float(local.ravel()[at])
    if abs(change) < _FELT:
        return None
    row, column = np.unravel_index(at, local.shape)
    point = shapely.Point(x[window[1]][column], y[window[0]][row])
    return _named(city, point), change


def _named(city: City, point: shapely.Point) -> str:
    """Return the name of the street or building nearest a point, empty where none is near."""
    nearest, name = _NEAR, ""
    streets = city.network
    named = streets["name"].astype("string").fillna("").to_numpy() if "name" in streets else np.zeros(0)
    if len(streets):
        far = shapely.distance(np.asarray(streets.geometry.values, dtype=object), point)
        far = np.where((named != "") & np.isfinite(far), far, np.inf)
        at = int(np.argmin(far))
        if far[at] < nearest:
            nearest, name = float(far[at]), str(named[at])
    return name
