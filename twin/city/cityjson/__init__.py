"""CityJSON and CityJSONSeq: read into a city, and written from one."""

from __future__ import annotations

from twin.city.cityjson.reading import read_cityjson
from twin.city.cityjson.writing import write_cityjson

__all__ = ["read_cityjson", "write_cityjson"]
