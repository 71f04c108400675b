"""What if: a session that answers changes of a city in seconds, with the numbers that a full run of them gives.

A session holds the city, its grid, the heat of the day and what every cell sees of the sky. A change (trees, sails, unsealed
ground, swales, green roofs, ...) is carried out on a new city as in a scenario file; then only the window that it reaches is
worked out again (:mod:`models.heat.changes`). Heat, its indicators and the costs equal those of ``twin run`` on a scenario with
the same measures. The storm is an estimate (:mod:`twin.scenario.interact_storm`), and says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from os import PathLike
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import xarray as xr

from twin.city.model import City
from twin.errors import InputError
from twin.language import text
from twin.scenario.indicators import afternoon_steps, afternoon_sun, heat_indicators, site_indicators
from twin.scenario.inputs import read_rain_of, read_weather_of
from twin.scenario.interact_storm import StormEstimate, estimate_storm
from twin.scenario.interact_words import Place, answers, indicator_rows
from twin.scenario.place_indicators import place_indicators
from twin.scenario.planned import planned_city, planned_site
from twin.scenario.schema import Scenario, parse_scenario, read_scenario

if TYPE_CHECKING:
    from models.heat import PreparedDay

__all__ = ["Cancelled", "Difference", "Event", "Session"]

Measures = Sequence[Mapping[str, Any]]


class Cancelled(Exception):  # noqa: N818  (nothing went wrong)
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Event:
    """One thing a change has to tell on its way: ``kind`` says which, ``data`` holds it.

    Kinds are ``progress`` (share, text key), ``costs`` (report of the measures), ``layer`` (name, step, window, values, before), ``indicators`` (rows),
    ``answer`` (text by language), ``storm`` (estimate) and ``done`` (a :class:`Difference`).
    """

    kind: str
    data: Any


@dataclass(frozen=True, eq=False)
class Difference:
    """What a change makes of the heat of the day, its numbers and its costs.

    Parameters
    ----------
    heat : xarray.Dataset
        The whole grid after the change, as ``twin run`` gives it.
    window : tuple of slice
        Rows and columns outside which nothing changes.
    rows : list of dict
        Before, after and difference of the indicators that people are shown.
    measures : pandas.DataFrame
        What each measure has done and costs.
    answer : mapping
        The answer in a sentence, by language.
    storm : StormEstimate or None
        What a storm makes of it, where the session knows one.
    """

    heat: xr.Dataset
    window: tuple[slice, slice]
    rows: list[dict[str, Any]]
    measures: pd.DataFrame
    answer: Mapping[str, str]
    table: Callable[[], pd.DataFrame] = pd.DataFrame
    """Gives the indicators of all hours."""
    storm: StormEstimate | None = None

    @cached_property
    def indicators(self) -> pd.DataFrame:
        """The indicators as in a result, of all hours."""
        return self.table()

    def text(self, language: str | None = None) -> str:
        """Return the answer in a language: en, de, or ls (plain German)."""
        from twin.language import default_language

        return self.answer[language or default_language()]


@dataclass(eq=False)
class Session:
    """A city ready to answer changes; made by :meth:`prepare`, and safe to be asked by several threads.

    Examples
    --------
    >>> session = Session.prepare("data/samples/hitzetag.toml")                                      # doctest: +SKIP
    >>> found = session.change([{"kind": "plant_trees", "points": [[571930, 5676380]], "species": "Tilia cordata",
    ...                          "after": 20}])                                                      # doctest: +SKIP
    >>> print(found.text("en"))                                                                      # doctest: +SKIP
    """

    scenario: Scenario
    loaded: City
    """The city as it was read."""
    city: City
    """The city after the measures of the scenario itself."""
    site: xr.Dataset
    day: PreparedDay
    indicators: pd.DataFrame
    rain: xr.DataArray | None = None
    places: Sequence[Place] = ()
    _own: int = 0
    _storms: dict[Any, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def prepare(
        cls,
        scenario: Scenario | str | PathLike[str],
        *,
        places: Sequence[Place] = (),
        storm: Scenario | str | PathLike[str] | None = None,
        progress: Callable[[int], Any] | None = None,
    ) -> Session:
        """Load a scenario's city and compute the heat of its day once.

        Parameters
        ----------
        scenario : path or Scenario
            With ``[weather]`` and ``[run.heat]``.
        places : sequence of Place
            Named places that answers speak of, such as a bus stop.
        storm : path or Scenario, optional
            Whose ``[rain]`` is used where the scenario has none.
        progress : callable, optional
            Called with the number of finished hours.

        Raises
        ------
        InputError
            If the scenario is unusable, or has no heat run.
        """
        from models.heat import PreparedDay
        from twin.city.loading import load
        from twin.scenario.geometry_cache import geometry_of

        asked = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
        if asked.run.heat is None or asked.weather is None:
            raise InputError(text("interact.no_heat", name=asked.name))
        weather = read_weather_of(asked)
        assert weather is not None
        loaded = load(asked.resolve(asked.city), area=asked.area)
        city, _ = planned_city(asked, loaded)
        site = planned_site(asked, city)
        options = asked.run.heat.model_dump()
        outputs = tuple(dict.fromkeys(("utci", *options.pop("outputs"))))
        day = PreparedDay(site, weather, geometry=geometry_of(site), outputs=outputs, progress=progress, **options)
        stormy = (
            asked if asked.rain is not None else (read_scenario(storm) if isinstance(storm, str | PathLike) else storm)
        )
        rain = read_rain_of(stormy, site) if stormy is not None else None
        found = cls(asked, loaded, city, site, day, pd.DataFrame(), rain, tuple(places), len(asked.measure))
        found.indicators = found._indicators(city, site, day.result)
        return found

    @property
    def times(self) -> pd.DatetimeIndex:
        """Stamps of the day (UTC)."""
        return pd.DatetimeIndex(self.day.result["time"].values)

    def afternoon(self) -> int:
        """Return the step that answers speak of: 15 o'clock of the hottest local day, or the hottest hour."""
        local = self.times.tz_localize("UTC").tz_convert(ZoneInfo(self.scenario.timezone))
        hottest = self._hottest
        at = np.flatnonzero((local.hour == 15) & (local.minute == 0) & (local.date == local[hottest].date()))
        return int(at[0]) if at.size else hottest

    def planned(self, measures: Measures) -> Scenario:
        """Return the scenario with measures added, checked: the one whose run gives the same numbers.

        Raises
        ------
        InputError
            With every problem of every measure.
        """
        settings = self.scenario.model_dump(exclude_unset=True)
        own = list(settings.get("measure", ()))
        return parse_scenario(
            {**settings, "measure": [*own, *(dict(one) for one in measures)]}, file=self.scenario.file
        )

    def change(self, measures: Measures, *, storm: bool = False) -> Difference:
        """Return what measures change.

        Parameters
        ----------
        measures : sequence of dict
            ``[[measure]]`` tables as in a scenario file.
        storm : bool
            Whether to estimate the storm too.

        Raises
        ------
        InputError
            With every problem of every measure.
        """
        for event in self.steps(measures, storm=storm):
            if event.kind == "done":
                return event.data
        raise AssertionError("a change ends with done")

    def steps(
        self, measures: Measures, *, storm: bool = False, first: int | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:  # fmt: skip
        """Yield what measures change, piece by piece: the asked hour first, then the day, then the numbers.

        Parameters
        ----------
        measures, storm
            As for :meth:`change`.
        first : int, optional
            Step that is wanted first; by default :meth:`afternoon`.
        cancelled : callable
            Asked between the steps; :class:`Cancelled` is raised when it says so.
        """

        def check() -> None:
            if cancelled():
                raise Cancelled

        yield Event("progress", (0.02, "progress_city"))
        asked = self.planned(measures)
        city, report = planned_city(asked, self.loaded)
        new = report.iloc[self._own :].reset_index(drop=True)
        check()
        yield Event("costs", new)
        site = planned_site(asked, city, like=self.site)
        check()
        yield Event("progress", (0.2, "progress_sight"))
        revision = self.day.after(site)
        wanted = self.afternoon() if first is None else first
        maps: list[dict[str, np.ndarray]] = []
        count = len(self.times)
        told = False
        for step, one in revision.steps():
            check()
            maps.append(one)
            if step == wanted:
                told = True
                yield self._layer(revision.window, step, one)
                yield Event("progress", (0.3 + 0.5 * step / count, "progress_heat"))
        heat = revision.whole(maps)
        sentence = answers(self, city, new, heat["utci"].values, wanted, revision.window)
        yield Event("answer", sentence)
        check()
        rows = indicator_rows(self.indicators, self._indicators(city, site, heat, steps=(self._hottest,)), new)
        yield Event("indicators", rows)
        for step, one in enumerate(maps if told else ()):
            check()
            if step != wanted:
                yield self._layer(revision.window, step, one)
        whole = partial(self._indicators, city, site, heat)
        found = Difference(heat, revision.window, rows, new, sentence, whole)
        if storm and self.rain is not None:
            yield Event("progress", (0.85, "progress_storm"))
            estimate = estimate_storm(self, city, site, cancelled)
            if estimate is not None:
                yield Event("storm", estimate)
                rows = [*rows, *estimate.rows()]
                yield Event("indicators", rows)
                found = Difference(heat, revision.window, rows, new, sentence, whole, estimate)
        yield Event("done", found)

    def _layer(self, window: tuple[slice, slice], step: int, maps: Mapping[str, np.ndarray]) -> Event:
        before = self.day.result["utci"].values[step][window]
        return Event(
            "layer", {"name": "utci", "step": step, "window": window, "values": maps["utci"], "before": before}
        )

    @cached_property
    def _hottest(self) -> int:
        """Step with the greatest mean UTCI before any change, that of a result's table."""
        rows = self.indicators[self.indicators["name"] == "utci_mean"]
        return int(np.argmax(rows["value"].to_numpy()))

    def _indicators(
        self, city: City, site: xr.Dataset, heat: xr.Dataset, steps: Collection[int] | None = None
    ) -> pd.DataFrame:
        """Return the indicators that a run gives; hourly ones of some steps alone where these are named."""
        sunlit = afternoon_sun(site, self.day.weather, afternoon_steps(heat, self.scenario.timezone))
        tables = [
            site_indicators(site),
            place_indicators(site, city),
            heat_indicators(site, heat, timezone=self.scenario.timezone, sunlit=sunlit, steps=steps),
            place_indicators(site, heat=heat),
        ]
        return pd.concat(tables, ignore_index=True)
