"""Heat stress outdoors: sun and shade, sky view, mean radiant temperature and comfort indices on a grid.

``prepare`` works out once what each cell sees of the sky, ``simulate`` gives temperatures and comfort for every hour.
"""

from __future__ import annotations

from models.heat.body import pet
from models.heat.changes import PreparedDay
from models.heat.classes import ComfortClass, classify, comfort_classes
from models.heat.geometry import SkyGeometry, prepare, sky_view_factor
from models.heat.indices import utci
from models.heat.perceived import perceived_temperature
from models.heat.person import mean_radiant_temperature
from models.heat.shading import shadow
from models.heat.simulation import simulate
from models.heat.siting import tree_sites
from models.heat.summaries import summarise
from models.heat.sun import sun_position
from models.heat.tiles import halo
from models.heat.wet_bulb_globe import wbgt, wet_bulb_globe
from models.heat.wind import pedestrian_wind_share

__all__ = [
    "ComfortClass",
    "PreparedDay",
    "SkyGeometry",
    "classify",
    "comfort_classes",
    "halo",
    "mean_radiant_temperature",
    "pedestrian_wind_share",
    "perceived_temperature",
    "pet",
    "prepare",
    "shadow",
    "simulate",
    "sky_view_factor",
    "summarise",
    "sun_position",
    "tree_sites",
    "utci",
    "wbgt",
    "wet_bulb_globe",
]
