"""Mobility under heat and flood: one street network for routes, reach, access, traffic and watering tours."""

from __future__ import annotations

from models.mobility.access import accessibility, nearby_shares, nearest_cost, two_step_catchments
from models.mobility.assignment import Assignment, Demand, assign
from models.mobility.barrier_free import BarrierFree, barrier_free
from models.mobility.cleaning import main_part, network_from_lines
from models.mobility.cool_routes import access_loss, cool_route, route_choices
from models.mobility.exporters import to_sumo, to_uxsim
from models.mobility.flooded_roads import (
    added_vehicle_hours,
    emergency_reach,
    flood_hazard_class,
    flood_speed,
    flooded_depth,
    flooded_seconds,
    passable,
)
from models.mobility.hourly import HourlyCosts, TimedRoute, earliest_arrivals, timed_route, timed_routes
from models.mobility.isochrones import isochrones, reached_lines
from models.mobility.network import Network
from models.mobility.routing import Route, alternatives, distances, shortest_path, shortest_paths
from models.mobility.sampling import EdgeSamples, EdgeValues, cooler_side, edge_samples, on_edges
from models.mobility.street_stops import StreetStops, street_stops
from models.mobility.tour_tables import Tours, check_tours
from models.mobility.tours import watering_tours
from models.mobility.travel import Travel, travel_matrices, way_matrices
from models.mobility.walking import (
    basu_length,
    coolwalkability,
    felt_length,
    heat_dose_rate,
    heat_weighted,
    shade_demand,
    tobler_speed,
    walking_seconds,
)

__all__ = [
    "Assignment",
    "BarrierFree",
    "Demand",
    "EdgeSamples",
    "EdgeValues",
    "HourlyCosts",
    "Network",
    "Route",
    "StreetStops",
    "TimedRoute",
    "Tours",
    "Travel",
    "access_loss",
    "accessibility",
    "added_vehicle_hours",
    "alternatives",
    "assign",
    "barrier_free",
    "basu_length",
    "check_tours",
    "cool_route",
    "cooler_side",
    "coolwalkability",
    "distances",
    "earliest_arrivals",
    "edge_samples",
    "emergency_reach",
    "felt_length",
    "flood_hazard_class",
    "flood_speed",
    "flooded_depth",
    "flooded_seconds",
    "heat_dose_rate",
    "heat_weighted",
    "isochrones",
    "main_part",
    "nearby_shares",
    "nearest_cost",
    "network_from_lines",
    "on_edges",
    "passable",
    "reached_lines",
    "route_choices",
    "shade_demand",
    "shortest_path",
    "shortest_paths",
    "street_stops",
    "timed_route",
    "timed_routes",
    "to_sumo",
    "to_uxsim",
    "tobler_speed",
    "travel_matrices",
    "two_step_catchments",
    "walking_seconds",
    "watering_tours",
    "way_matrices",
]
