"""The senses of the twin: observations in, checked and in the units of the house."""

from __future__ import annotations

from twin.sensors.weather_files import read_weather

__all__ = ["read_weather"]
