"""Mobility under heat and flood: one street network for routes, reach, access, traffic and watering tours."""

from __future__ import annotations

from models.mobility.cleaning import main_part, network_from_lines
from models.mobility.network import Network

__all__ = ["Network", "main_part", "network_from_lines"]
