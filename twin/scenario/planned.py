"""From the city as it is to the city as it is planned: the measures of a scenario carried out on a loaded city."""

from __future__ import annotations

import pandas as pd

from twin.city.model import City
from twin.scenario.measures import apply_measures
from twin.scenario.schema import Scenario

__all__ = ["planned_city"]


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
