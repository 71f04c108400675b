"""What a report says in its first sentences, as numbers: how hot, when, where and why.

Only counting and averaging of what the run has found; areas and shares are those of the indicator table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from twin.scenario.indicators import outdoor_ground, sealed_share
from twin.view.labels import local_time

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.results import Result

__all__ = ["Contrast", "Facts", "class_shares", "collect", "street_means"]

_SHORTEST = 60.0  # a street is named from this length on [m]


@dataclass(frozen=True)
class Contrast:
    """The hottest or the coolest tenth of the outdoor ground: what it is made of (shares 0..1)."""

    sealed: float
    under_crowns: float
    mean: float


@dataclass(frozen=True, eq=False)
class Facts:
    """Numbers of the summary; NaN or empty where a run does not give them.

    Parameters
    ----------
    hottest : numpy.datetime64
        UTC time of the highest mean UTCI.
    mean, p95 : float
        Mean and 95th percentile of UTCI then [degC].
    above : mapping of int to float
        Share of the outdoor ground at or above 26, 32, 38 and 46 degC then.
    strong : tuple or None
        First and last UTC time at which at least half of the ground has UTCI of 32 degC or more.
    crown_effect : float
        UTCI under crowns minus that of open sealed ground at 14 o'clock [K].
    streets : pandas.Series
        Mean UTCI [degC] by street name at the hottest time, hottest first.
    hot, cool : Contrast or None
        Make-up of the hottest and coolest tenth of the ground.
    """

    hottest: np.datetime64
    mean: float
    p95: float
    above: dict[int, float]
    strong: tuple[np.datetime64, np.datetime64] | None
    crown_effect: float
    streets: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    hot: Contrast | None = None
    cool: Contrast | None = None


def class_shares(indicators: pd.DataFrame) -> pd.DataFrame:
    """Return share and area of each UTCI class at each time: columns time, code, area [m2], share."""
    rows = indicators[indicators["name"].str.startswith("area_utci_class_") & indicators["time"].notna()]
    codes = rows["name"].str.removeprefix("area_utci_class_").astype(int)
    table = pd.DataFrame({"time": rows["time"], "code": codes, "area": rows["value"], "share": rows["share"]})
    return table.sort_values(["time", "code"]).reset_index(drop=True)


def _series(indicators: pd.DataFrame, name: str, column: str = "value") -> pd.Series:
    rows = indicators[(indicators["name"] == name) & indicators["time"].notna()]
    return pd.Series(rows[column].to_numpy(float), index=pd.DatetimeIndex(rows["time"])).sort_index()


def collect(result: Result) -> Facts:
    """Return the numbers of the summary of a run with ``utci``."""
    table = result.indicators
    mean = _series(table, "utci_mean")
    hottest = pd.Timestamp(mean.index[int(np.nanargmax(mean.to_numpy()))])
    above = {t: float(_series(table, f"area_utci_above_{t}", "share").get(hottest, np.nan)) for t in (26, 32, 38, 46)}
    strong = _series(table, "area_utci_above_32", "share")
    hours = strong.index[strong >= 0.5]
    same_day = [t for t in hours if local_time(t, _zone(result)).date() == local_time(hottest, _zone(result)).date()]
    effect = _series(table, "utci_under_crowns_minus_open_sealed")
    utci = result.heat["utci"].sel(time=hottest.to_datetime64())
    hot, cool = _contrasts(utci.values, result.site)
    return Facts(
        hottest=hottest.to_datetime64(),
        mean=float(mean.max()),
        p95=float(_series(table, "utci_p95").get(hottest, np.nan)),
        above=above,
        strong=(same_day[0].to_datetime64(), same_day[-1].to_datetime64()) if same_day else None,
        crown_effect=float(effect.iloc[np.argmin(np.abs(effect.index.to_numpy() - hottest.to_datetime64()))])
        if len(effect)
        else np.nan,
        streets=street_means(result.city, utci) if result.city is not None else pd.Series(dtype=float),
        hot=hot,
        cool=cool,
    )


def _zone(result: Result) -> str:
    return str(result.scenario.timezone)


def _contrasts(utci: np.ndarray, site: xr.Dataset) -> tuple[Contrast | None, Contrast | None]:
    """Compare the hottest with the coolest tenth of the outdoor ground."""
    ground = outdoor_ground(site) & np.isfinite(utci)
    values = utci[ground]
    if values.size < 20:
        return None, None
    sealed, crowns = sealed_share(site)[ground], site["canopy_height"].values[ground] > 0
    low, high = np.percentile(values, [10, 90])
    parts = [
        Contrast(float(np.nanmean(sealed[chosen])), float(crowns[chosen].mean()), float(values[chosen].mean()))
        for chosen in (values >= high, values <= low)
    ]
    return parts[0], parts[1]


def street_means(city: City, layer: xr.DataArray, *, step: float = 2.0) -> pd.Series:
    """Return the mean of a layer along each named street, highest first.

    Parameters
    ----------
    city : City
        Its network gives names and widths.
    layer : xarray.DataArray
        Dims ("y", "x").
    step : float
        Distance of the points that are read along a street [m].
    """
    import shapely

    named = city.network[city.network["name"].fillna("").astype(str).str.strip() != ""]
    if named.empty:
        return pd.Series(dtype=float)
    lines, names = np.asarray(named.geometry.values), named["name"].astype(str).to_numpy()
    dense = shapely.segmentize(lines, step)
    points, owner = shapely.get_coordinates(dense, return_index=True)
    x, y = layer["x"].values.astype(float), layer["y"].values.astype(float)
    cell = x[1] - x[0]
    column, row = np.floor((points[:, 0] - x[0]) / cell + 0.5), np.floor((y[0] - points[:, 1]) / cell + 0.5)
    inside = (column >= 0) & (column < len(x)) & (row >= 0) & (row < len(y))
    values = layer.values[row[inside].astype(int), column[inside].astype(int)]
    read = pd.DataFrame({"name": names[owner[inside]], "value": values}).dropna()
    groups = read.groupby("name")["value"]
    long_enough = groups.count() * step >= _SHORTEST
    return groups.mean()[long_enough].sort_values(ascending=False)
