"""The city now: the modelled map of this hour corrected by the sensors, what stands at which level, and what is hot.

The scenario named in the sensor profile says which city, which grid and where its weather comes from; the 24 hours that
end now are run through the heat model, and its air temperature is the first guess that good stations correct. What the
data do not allow is left out and said.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from twin.city.model import City
from twin.errors import InputError
from twin.language import text
from twin.scenario.geometry_cache import geometry_of
from twin.scenario.inputs import weather_from
from twin.scenario.planned import planned_city, planned_site
from twin.scenario.schema import Scenario, parse_scenario, read_scenario
from twin.sensors.alerts import open_alerts
from twin.sensors.profile import Level, Profile
from twin.sensors.records import MINUTE, Flag
from twin.sensors.stamps import microseconds
from twin.sensors.store import SensorStore
from twin.sensors.weather_store import last_day

__all__ = ["Nowcast", "Nowcaster"]

_PROPERTY = "air_temperature"
_STRONG = 32.0  # [degC] UTCI from which heat stress is strong (Bröde et al. 2012, 10.1007/s00484-011-0454-1)


@dataclass
class Nowcast:
    """What is known of the city at a moment: the corrected map (None where the data do not allow it), and the facts."""

    fused: xr.Dataset | None
    site: xr.Dataset
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Hours:
    """First and last stamp of the hours that are run, and the one that is wanted (UTC)."""

    first: dt.datetime
    last: dt.datetime
    wanted: dt.datetime


def _hours(moment: dt.datetime, now_only: bool) -> _Hours:
    """Return the 24 hours before now, or the whole day (UTC) in which a past moment lies."""
    first, last = last_day(moment)
    if now_only:
        return _Hours(first, last, last)
    begin = (last - dt.timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return _Hours(begin + dt.timedelta(hours=1), begin + dt.timedelta(days=1), last)


class Nowcaster:
    """Looks at the city again and again; city, grid and sky geometry are read once, an hour's model run is kept.

    Parameters
    ----------
    profile : Profile
        Sensor profile with a table ``[nowcast]``.

    Raises
    ------
    InputError
        If the profile has no such table, or its scenario is unusable.
    """

    def __init__(self, profile: Profile) -> None:
        from twin.city.loading import load

        if profile.nowcast is None:
            raise InputError(text("sensors.nowcast_table"))
        self.profile, self.part = profile, profile.nowcast
        self.scenario = read_scenario(profile.folder / self.part.scenario)
        city = load(self.scenario.resolve(self.scenario.city), area=self.scenario.area)
        self.city: City = planned_city(self.scenario, city)[0]
        self.site = planned_site(self.scenario, self.city)
        self._kept: tuple[dt.datetime, str, xr.Dataset] | None = None

    def look(self, at: dt.datetime | None = None) -> Nowcast:
        """Return the state of the city now, or at a moment (UTC) of a day that is over: its model run is that of the whole day."""
        moment = (at or dt.datetime.now(dt.UTC)).replace(tzinfo=dt.UTC) if at is None or at.tzinfo is None else at
        now = microseconds(moment)
        with SensorStore(self.profile.store_url(), archive=self.profile.archive) as store:
            stations = self._stations(store, now)
            facts: dict[str, Any] = {"time": f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}", "not_known": []}
            facts["stations"] = _listed(stations)
            facts["levels"] = [_standing(level, stations) for level in self.profile.level]
            facts["alerts"] = _open(store)
        try:
            fused = self._fused(_hours(moment, now_only=at is None), stations, facts)
        except InputError as error:
            facts["not_known"].append(str(error))
            fused = None
        return Nowcast(fused, self.site, facts)

    def _stations(self, store: SensorStore, now: int) -> pd.DataFrame:
        """Return the newest value of each public stream that is not older than allowed."""
        streams = store.streams(at=now)
        streams = streams[(streams["privacy"] == "public") & (streams["station_class"] != "test")]
        batch = store.read([int(number) for number in streams.index], now - int(self.part.minutes * MINUTE), now + 1)
        newest = batch.take(np.flatnonzero(np.r_[batch.stream[1:] != batch.stream[:-1], len(batch) > 0]))
        values = pd.DataFrame(
            {"time": newest.time, "result": newest.result, "flag": newest.flag}, index=pd.Index(newest.stream)
        )
        return streams.join(values, how="inner")

    def _model(self, hours: _Hours) -> xr.Dataset:
        """Return the modelled air temperature and UTCI of an hour."""
        from models import heat

        live = self._live(hours.first, hours.last)
        assert live.weather is not None
        weather = weather_from(live, live.weather)
        known = str(weather.attrs.get("store_sha256", ""))
        if self._kept is None or self._kept[:2] != (hours.wanted, known):
            options = {"outputs": (_PROPERTY, "utci"), "air": "local"}
            found = heat.simulate(self.site, weather, geometry=geometry_of(self.site), **options)  # type: ignore[arg-type]
            self._kept = (hours.wanted, known, found.sel(time=np.datetime64(hours.wanted, "ns")).load())
        return self._kept[2]

    def _live(self, first: dt.datetime, last: dt.datetime) -> Scenario:
        """Return the scenario with the weather of these hours, from the profile's store where it names none."""
        settings = self.scenario.model_dump(exclude_unset=True)
        weather = {k: v for k, v in (settings.get("weather") or {}).items() if k != "day"}
        store = weather.get("store") or self.profile.store_url()
        settings["weather"] = weather | {"store": store, "start": first, "end": last}
        return parse_scenario(settings, file=self.scenario.file)

    def _fused(self, hours: _Hours, stations: pd.DataFrame, facts: dict[str, Any]) -> xr.Dataset:
        """Correct the modelled map by the stations and note the score and what is hot."""
        from twin.sensors.fusion import fuse

        modelled = self._model(hours)
        table = self._on_the_ground(stations[stations["property"] == _PROPERTY])
        fused, used = fuse(modelled[_PROPERTY].drop_vars("time", errors="ignore"), table, _PROPERTY)
        open_ground = np.asarray(self.site["building_id"].values == 0)
        field_now = fused[_PROPERTY].values[open_ground]
        stress = modelled["utci"].values[open_ground]
        facts["map"] = {name: round(float(value), 3) for name, value in fused.attrs.items()} | {
            "model_hour": f"{hours.wanted:%Y-%m-%dT%H:%MZ}",
            "mean": round(float(np.nanmean(field_now)), 2),
            "hottest_percent_from": round(float(np.nanpercentile(field_now, 99)), 2),
            "strong_heat_stress_share": round(float(np.nanmean(stress >= _STRONG)), 4),
            "left_out": used.loc[~used["used"], ["thing", "why_not"]].to_dict("records"),
        }
        fused["first_guess"] = modelled[_PROPERTY].drop_vars("time", errors="ignore")
        fused["utci"] = modelled["utci"].drop_vars("time", errors="ignore")
        return fused

    def _on_the_ground(self, stations: pd.DataFrame) -> pd.DataFrame:
        from pyproj import Transformer

        place = Transformer.from_crs("EPSG:4326", self.site.rio.crs, always_xy=True)
        x, y = place.transform(stations["longitude"].to_numpy(float), stations["latitude"].to_numpy(float))
        return stations.assign(x=x, y=y)


def _listed(stations: pd.DataFrame) -> list[dict[str, Any]]:
    rows = stations[["thing", "name", "property", "unit", "time", "result", "flag"]].to_dict("records")
    for row in rows:
        row["time"] = f"{dt.datetime.fromtimestamp(row['time'] / 1e6, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        row["result"] = float(row["result"]) if np.isfinite(row["result"]) else None
        row["flag"] = int(row["flag"])
    return [{str(key): value for key, value in row.items()} for row in rows]


def _standing(level: Level, stations: pd.DataFrame) -> dict[str, Any]:
    """Return which of the alarm levels a station has reached; None where it has no good value."""
    mine = stations[(stations["thing"] == level.station) & (stations["property"] == level.variable)]
    good = mine[mine["flag"] == Flag.GOOD]
    said: dict[str, Any] = {"station": level.station, "variable": level.variable, "value": None, "reached": None}
    if len(good):
        value = float(good["result"].iloc[0])
        falling = len(level.levels) > 1 and level.levels[0] > level.levels[-1]
        reached = sum(value <= limit if falling or level.falling else value >= limit for limit in level.levels)
        said |= {"value": value, "unit": str(good["unit"].iloc[0]), "reached": reached}
        said["name"] = level.names[reached - 1] if reached and len(level.names) >= reached else ""
    return said


def _open(store: SensorStore) -> list[dict[str, Any]]:
    rows = open_alerts(store).to_dict("records")
    for row in rows:
        row["raised"] = f"{dt.datetime.fromtimestamp(row['raised'] / 1e6, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    return [{str(key): value for key, value in row.items()} for row in rows]
