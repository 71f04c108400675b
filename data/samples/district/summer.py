"""What watering needs: a made early summer, the fortnight after it, soil sensors at four trees, hydrants, a watering log.

Nothing is measured. The weather has a warm, dry course with a few rains; the tensions rise between rains as those of
tensiometers do, and two rows carry the faults of real sensors.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from district import layout

_FIRST, _DAYS, _AHEAD, _STEP = pd.Timestamp("2022-06-01"), 49, 14, 3  # [h]
_RAIN = {3: 6.2, 9: 11.4, 10: 3.0, 17: 8.8, 25: 14.6, 32: 12.0, 33: 5.5, 41: 16.5, 53: 7.0, 57: 9.5}  # day: mm
_HYDRANTS = (("H1", 235.0, 118.0), ("H2", 402.0, 300.0), ("H3", 92.0, 330.0), ("H4", 300.0, 415.0))
_SENSORS = (("0587", 1.15), ("0631", 1.0), ("0791", 0.85), ("0361", 0.9))  # tree, how fast its soil dries
_LOG = ("0309", "0449", "0179", "0169")
_HEAD = "# erfunden, keine Messung; licence: CC0-1.0; attribution: Lindenau am Wehr, invented sample district"


def _rough(number: float, kind: int) -> float:
    """Return a repeatable number between -1 and 1 that looks random."""
    return math.sin(12.9898 * number + 78.233 * kind) * math.cos(4.1414 * number * (kind + 1.0))


def _row(step: int) -> tuple[str, float, float, float, float, float]:
    """Return stamp, temperature [degC], humidity [%], wind [m/s], radiation [W/m2] and rain [mm/h] of three hours."""
    day, hour = divmod(step * _STEP, 24)
    middle = hour + 0.5 * _STEP
    rain = _RAIN.get(day, 0.0)
    season = 13.5 + 5.0 * (day / 50.0) + 3.0 * _rough(day, 1) - (3.5 if rain > 2 else 0.0)
    swing = (3.0 if rain > 2 else 7.5) * math.cos(2 * math.pi * (middle - 13.5) / 24)
    sun = max(0.0, math.sin(math.pi * (middle - 3.7) / 15.8)) if 3.7 < middle < 19.5 else 0.0
    clear = (0.35 if rain > 2 else 0.82 + 0.12 * _rough(day, 2)) * 900.0
    wet = 58.0 + (22.0 if rain > 2 else 0.0) - 2.6 * swing + 6.0 * _rough(day, 3)
    wind = 2.1 + 0.8 * _rough(day, 4) + 0.9 * sun
    depth = rain / 6.0 if hour in (15, 18) else 0.0  # the rain of a day falls in six hours
    stamp = (_FIRST + pd.Timedelta(hours=(step + 1) * _STEP)).strftime("%Y-%m-%d %H:%M")
    return stamp, season + swing, min(99.0, max(22.0, wet)), wind, clear * sun**1.15, depth


def write_weather(past: Path, coming: Path) -> None:
    """Write the weather until 19 July and the forecast of the fourteen days after it; steps of 3 h, UTC, stamps at the end."""
    head = "Zeit (UTC);Lufttemperatur (°C);Relative Feuchte (%);Windgeschwindigkeit (m/s);Globalstrahlung (W/m²);Niederschlag (mm/h)"
    per_day = 24 // _STEP
    for path, steps in (
        (past, range(_DAYS * per_day)),
        (coming, range(_DAYS * per_day, (_DAYS + _AHEAD) * per_day)),
    ):
        lines = [_HEAD, "# Zeit: UTC, Ende des Zeitschritts von 3 Stunden; Wind in 10 m Höhe", head]
        for step in steps:
            stamp, air, wet, wind, sun, rain = _row(step)
            numbers = f"{air:.1f};{wet:.0f};{wind:.1f};{sun:.0f};{rain:.2f}".replace(".", ",")
            lines.append(f"{stamp};{numbers}")
        path.write_bytes(("\n".join(lines) + "\n").encode())


def write_sensors(path: Path) -> None:
    """Write weekly tensions of four trees at two depths."""
    lines = [_HEAD, "# Saugspannung; quality leer oder good: gut", "tree;time;depth;kind;value;unit;quality"]
    for number, (tree, pace) in enumerate(_SENSORS):
        for day in range(9, _DAYS, 7):
            for depth, slow in ((0.25, 1.0), (0.60, 0.72)):
                dry = day - max((d for d, mm in _RAIN.items() if d <= day and mm > 5), default=0)
                tension = (9.0 + 1.7 * dry * pace * slow + 0.045 * (dry * pace * slow) ** 2) + 1.5 * _rough(day, number)
                value = min(78.0, tension)
                quality = "good"
                if tree == "0791" and day == 30:
                    value, quality = 0.0, "bad"  # a probe that lost contact
                if tree == "0361" and day == 37 and depth < 0.5:
                    value = 95.0  # above what a tensiometer can tell
                stamp = (_FIRST + pd.Timedelta(days=day, hours=6)).strftime("%Y-%m-%d %H:%M")
                lines.append(f"{tree};{stamp};{depth:.2f};tensiometer;{value:.1f};kPa;{quality}")
    path.write_bytes(("\n".join(lines) + "\n").encode())


def write_hydrants(path: Path) -> None:
    """Write four hydrants."""
    east, north = layout.ORIGIN
    rows = [f"{name};{east + u:.2f};{north + v:.2f}" for name, u, v in _HYDRANTS]
    path.write_bytes(("\n".join([_HEAD, "id;x;y", *rows]) + "\n").encode())


def write_log(path: Path) -> None:
    """Write what was given to four young trees in June."""
    rows = [f"{tree};2022-06-{day:02d};100" for tree in _LOG for day in (9, 23)]
    path.write_bytes(("\n".join([_HEAD, "tree;date;litres", *rows]) + "\n").encode())
