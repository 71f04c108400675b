"""Stormwater and tree water: rain, losses, surface flow, sewers, and the soil water of trees."""

from __future__ import annotations

from models.water.evapotranspiration import evaporation_parts, reference_evapotranspiration
from models.water.soils import (
    convert_tension,
    relative_extractable_water,
    soil,
    soil_table,
    tension_at,
    water_content,
)

__all__ = [
    "convert_tension",
    "evaporation_parts",
    "reference_evapotranspiration",
    "relative_extractable_water",
    "soil",
    "soil_table",
    "tension_at",
    "water_content",
]
