"""A made day of ten stations: the hot day of the district, with two sensors that are faulty in known ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from . import weather

_COUNT, _STEP = 10, 1800  # stations, seconds between messages
_RADIATION, _STUCK = 3, 7  # without a shield; stuck from noon on
_WEST, _SOUTH, _EAST, _NORTH = 10.0275, 51.2325, 10.0335, 51.2365


def _places() -> list[tuple[str, str, float, float]]:
    rng = np.random.default_rng(11)
    return [
        (
            f"lindenau-{n:02d}",
            f"Station {n}",
            round(rng.uniform(_WEST, _EAST), 5),
            round(rng.uniform(_SOUTH, _NORTH), 5),
        )
        for n in range(1, _COUNT + 1)
    ]


def write_places(file: Path) -> None:
    """Write the table of stations."""
    lines = [
        "# licence: CC0-1.0",
        "# attribution: Lindenau am Wehr, invented sample district",
        "thing,name,longitude,latitude,height",
    ]
    lines += [f"{key},{name},{x:.5f},{y:.5f},165" for key, name, x, y in _places()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_day(file: Path) -> None:
    """Write the messages of the day, one a line, in the order of their arrival."""
    rng = np.random.default_rng(12)
    offsets = rng.normal(0, 0.5, _COUNT)
    stuck = [0.0, 0.0]
    lines = []
    for second in range(0, 86_400, _STEP):
        hour = second / 3600
        sun = max(0.0, float(np.sin((hour - 3.5) / 16 * np.pi)))
        mean = 19.5 + 15.5 * max(0.0, float(np.sin((hour - 5.3) / 19.7 * np.pi)))
        for number, (key, _, _, _) in enumerate(_places(), start=1):
            noise = rng.normal(0, 0.1, 2)
            temperature = mean + offsets[number - 1] + noise[0] + (4.0 * sun if number == _RADIATION else 0.0)
            values = [round(temperature, 1), round(min(99.0, 90 - 2.6 * (temperature - 19) + noise[1]), 1)]
            if number == _STUCK:
                values = stuck if hour > 12 else values
                stuck = values
            stamp = f"{weather.DAY}T{second // 3600:02d}:{second % 3600 // 60:02d}:00Z"
            payload = {"time": stamp, "temperature": {"value": values[0], "unit": "degC"}, "humidity": values[1]}
            line = {"at": second + number, "topic": f"lindenau/{key}", "payload": payload}
            lines.append(json.dumps(line, separators=(",", ":")))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
