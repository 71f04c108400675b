"""A made hot day: clear sky after Ineichen and Perez, temperature after Parton and Logan, dew point nearly constant.

Parton and Logan 1981 (doi 10.1016/0002-1571(81)90105-9): sine by day, exponential fall by night. Vapour pressure over
water after Alduchov and Eskridge 1996 (doi 10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pvlib

LATITUDE, LONGITUDE, ALTITUDE = 51.2349, 10.0306, 165.0
DAY = "2022-07-19"
_TURBIDITY = 3.9  # Linke; clear summer air with a little haze
_T_MIN, _T_MAX, _DEW = 19.2, 36.3, 15.6  # [degC]
_HEADER = (
    "# Gemachter Hitzetag für Lindenau am Wehr (erfunden): keine Messung, aus Klarhimmelmodell und Tagesgang.",
    "# Zeit: UTC, Ende der Stunde; Werte sind Mittel der Stunde vor dem Stempel. Wind in 10 m Höhe.",
    "# licence: CC0-1.0",
    "# attribution: Lindenau am Wehr, invented sample district",
)


def _temperature(times: pd.DatetimeIndex) -> np.ndarray:
    """Return air temperature [degC] at times given in UTC."""
    sunrise, sunset, lag, late, fall = 3.45, 19.40, 1.9, 0.7, 2.3  # [h UTC], [h], [h], decay
    hour = np.asarray(times.hour + times.minute / 60.0)
    coldest, width = sunrise + late, sunset - sunrise + 2 * lag
    by_day = _T_MIN + (_T_MAX - _T_MIN) * np.sin(np.pi * (hour - coldest) / width)
    at_sunset = _T_MIN + (_T_MAX - _T_MIN) * np.sin(np.pi * (sunset - coldest) / width)
    evening = hour > sunset
    share = np.where(evening, hour - sunset, hour + 24.0 - sunset) / (24.0 + coldest - sunset)
    start = np.where(evening, at_sunset, at_sunset - 2.0)  # the evening before was cooler
    left = (np.exp(-fall * share) - np.exp(-fall)) / (1 - np.exp(-fall))
    return np.where((hour >= coldest) & ~evening, by_day, _T_MIN + (start - _T_MIN) * left)


def _vapour(t: np.ndarray) -> np.ndarray:
    return 6.1094 * np.exp(17.625 * t / (243.04 + t))


def hot_day() -> pd.DataFrame:
    """Return the day, one row an hour, stamped at its end."""
    minutes = pd.date_range(f"{DAY} 00:00:30", periods=1440, freq="min", tz="UTC")
    place = pvlib.location.Location(LATITUDE, LONGITUDE, altitude=ALTITUDE)
    sky = place.get_clearsky(minutes, model="ineichen", linke_turbidity=_TURBIDITY)
    hour = minutes.hour + minutes.minute / 60.0
    temperature = _temperature(minutes)
    dew = _DEW - 1.1 * np.exp(-(((hour - 14.5) / 3.6) ** 2)) + 0.3 * np.exp(-(((hour - 6.0) / 2.0) ** 2))
    wind = 1.1 + 1.7 * np.exp(-(((hour - 13.8) / 4.2) ** 2)) + 0.15 * np.sin(hour * 1.9)
    table = pd.DataFrame(
        {
            "Lufttemperatur (°C)": temperature,
            "Relative Feuchte (%)": 100 * _vapour(np.asarray(dew)) / _vapour(temperature),
            "Windgeschwindigkeit (m/s)": wind,
            "Globalstrahlung (W/m²)": sky["ghi"].to_numpy(),
            "Diffusstrahlung (W/m²)": sky["dhi"].to_numpy(),
            "Luftdruck (hPa)": 996.8
            - 0.11 * np.asarray(hour)
            + 0.5 * np.cos((np.asarray(hour) - 9.0) / 12.0 * 2 * np.pi),
        },
        index=minutes,
    )
    mean = table.resample("1h", label="right", closed="left").mean()
    digits = dict(zip(mean.columns, (1, 0, 1, 0, 0, 1), strict=True))
    mean = mean.round(digits) + 0.0
    mean.insert(0, "Zeit (UTC)", pd.DatetimeIndex(mean.index).strftime("%Y-%m-%d %H:%M"))
    return mean.reset_index(drop=True)


def write(path: Path) -> None:
    """Write the day with semicolons and decimal commas."""
    digits = {"Relative Feuchte (%)": 0, "Globalstrahlung (W/m²)": 0, "Diffusstrahlung (W/m²)": 0}
    day = hot_day()
    lines = [*_HEADER, ";".join(day.columns)]
    for row in day.to_dict("records"):
        cells = [
            v if isinstance(v, str) else f"{v:.{digits.get(str(k), 1)}f}".replace(".", ",") for k, v in row.items()
        ]
        lines.append(";".join(cells))
    path.write_bytes(("\n".join(lines) + "\n").encode())
