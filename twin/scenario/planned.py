"""From the city as it is to the city as it is planned: the measures of a scenario carried out on a loaded city."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import LAND_COVER
from twin.city.model import City
from twin.city.population import population_layer
from twin.errors import InputError
from twin.language import text
from twin.scenario.measures import apply_measures
from twin.scenario.schema import Scenario

__all__ = ["planned_city", "planned_site"]


def planned_city(scenario: Scenario, city: City) -> tuple[City, pd.DataFrame]:
    """Return the city after the measures of a scenario, and what each has done and costs.

    Parameters
    ----------
    scenario : Scenario
        With its measures, and the town's cost table where it names one.
    city : City
        As loaded; it stays as it is.

    Raises
    ------
    InputError
        With every problem of every measure, before anything is computed.
    """
    return apply_measures(
        city,
        scenario.measure,
        area=scenario.area or city.area,
        folder=scenario.folder,
        costs=scenario.resolve(scenario.costs) if scenario.costs else None,
        where=scenario.file.name if scenario.file is not None else scenario.name,
    )


def planned_site(scenario: Scenario, city: City, *, like: xr.Dataset | None = None) -> xr.Dataset:
    """Return the layers of a city on the grid of a scenario, with the persons of its population.

    Parameters
    ----------
    scenario : Scenario
        Says cell size, area and population.
    city : City
        After its measures.
    like : xarray.Dataset, optional
        A site of the same scenario: persons are taken from it where the outdoor ground is the same.

    Raises
    ------
    InputError
        If the grid has too few cells, or the population cannot be read.
    """
    site = city.rasterise(resolution=scenario.resolution, area=scenario.area)
    if scenario.population is not None:
        if like is not None and "population" in like and np.array_equal(_outdoors(like), _outdoors(site)):
            site = site.assign(population=like["population"])
        else:
            people = scenario.population.model_dump(exclude={"path"})
            site = site.assign(population=population_layer(scenario.resolve(scenario.population.path), site, **people))
    if min(site.sizes["y"], site.sizes["x"]) < 2:
        raise InputError(text("scenario.too_few_cells", resolution=scenario.resolution))
    return site


def _outdoors(site: xr.Dataset) -> np.ndarray:
    return np.asarray((site["building_id"].values == 0) & (site["land_cover"].values != LAND_COVER["water"]))
