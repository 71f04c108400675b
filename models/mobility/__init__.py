"""Mobility under heat and flood: one street network for routes, reach, access, traffic and watering tours."""

from __future__ import annotations

from models.mobility.cleaning import main_part, network_from_lines
from models.mobility.network import Network
from models.mobility.routing import Route, alternatives, distances, shortest_path, shortest_paths
from models.mobility.tour_tables import Tours, check_tours
from models.mobility.tours import watering_tours
from models.mobility.travel import Travel, travel_matrices

__all__ = [
    "Network",
    "Route",
    "Tours",
    "Travel",
    "alternatives",
    "check_tours",
    "distances",
    "main_part",
    "network_from_lines",
    "shortest_path",
    "shortest_paths",
    "travel_matrices",
    "watering_tours",
]
