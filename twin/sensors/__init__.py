"""The senses of the twin: observations in, checked and in the units of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twin.sensors.weather_files import read_weather

if TYPE_CHECKING:
    from twin.sensors.design_rain import read_kostra, read_rain

__all__ = ["read_kostra", "read_rain", "read_weather"]


def __getattr__(name: str) -> Any:
    if name in ("read_kostra", "read_rain"):  # they bring the water model, which a run without rain does not need
        from twin.sensors import design_rain

        return getattr(design_rain, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
