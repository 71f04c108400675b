"""CityGML 1.0, 2.0 and 3.0: read into a city."""

from __future__ import annotations

from twin.city.citygml.reading import read_citygml

__all__ = ["read_citygml"]
