"""Stormwater and tree water: rain, losses, surface flow, sewers, and the soil water of trees."""

from __future__ import annotations

from models.water.assimilation import Noise, TreeEnsemble
from models.water.capacity import CapacitySink
from models.water.daily_weather import daily_weather
from models.water.evapotranspiration import evaporation_parts, reference_evapotranspiration
from models.water.exposure import building_depths, exceedances, street_depths
from models.water.flooding import (
    Culvert,
    FixedLevel,
    Hydrograph,
    Inflow,
    SideInflow,
    SupercriticalWarning,
    Wall,
    flood,
)
from models.water.forecast_members import ForecastNoise
from models.water.frequency import depth_table, return_period, statistical_depth
from models.water.hazards import (
    FloodClass,
    depth_classes,
    flood_classes,
    flood_tables,
    hazard,
    velocity_classes,
)
from models.water.irrigation import WateringPlan, watering_plan
from models.water.losses import Losses, crown_storage, infiltrate
from models.water.measures import Measure, measure, measure_kinds, measures_from_classes
from models.water.rain import Rain
from models.water.rain_classes import RainIndex, rain_index
from models.water.retention import Retention
from models.water.sensor_readings import layer_readings, spread_corrections, tree_groups
from models.water.sewers import Sewer, sewer_alone
from models.water.soils import (
    convert_tension,
    relative_extractable_water,
    soil,
    soil_table,
    tension_at,
    water_content,
)
from models.water.storms import design_storm, state_scenario, state_scenarios
from models.water.tree_balance import TreeBalance, tree_water_balance, tree_water_blocks
from models.water.tree_states import TreeState, tree_state_from_readings
from models.water.tree_trench import TreeTrench, run_trenches
from models.water.watering_rules import threshold_schemes
from models.water.watering_season import WateringSeason, watering_season

__all__ = [
    "CapacitySink",
    "Culvert",
    "FixedLevel",
    "FloodClass",
    "ForecastNoise",
    "Hydrograph",
    "Inflow",
    "Losses",
    "Measure",
    "Noise",
    "Rain",
    "RainIndex",
    "Retention",
    "Sewer",
    "SideInflow",
    "SupercriticalWarning",
    "TreeBalance",
    "TreeEnsemble",
    "TreeState",
    "TreeTrench",
    "Wall",
    "WateringPlan",
    "WateringSeason",
    "building_depths",
    "convert_tension",
    "crown_storage",
    "daily_weather",
    "depth_classes",
    "depth_table",
    "design_storm",
    "evaporation_parts",
    "exceedances",
    "flood",
    "flood_classes",
    "flood_tables",
    "hazard",
    "infiltrate",
    "layer_readings",
    "measure",
    "measure_kinds",
    "measures_from_classes",
    "rain_index",
    "reference_evapotranspiration",
    "relative_extractable_water",
    "return_period",
    "run_trenches",
    "sewer_alone",
    "soil",
    "soil_table",
    "spread_corrections",
    "state_scenario",
    "state_scenarios",
    "statistical_depth",
    "street_depths",
    "tension_at",
    "threshold_schemes",
    "tree_groups",
    "tree_state_from_readings",
    "tree_water_balance",
    "tree_water_blocks",
    "velocity_classes",
    "water_content",
    "watering_plan",
    "watering_season",
]
