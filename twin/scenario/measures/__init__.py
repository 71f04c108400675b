"""Measures: small changes of a city's tables, in the order of the scenario file; the baseline is never changed."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from twin.scenario.measures.applying import COLUMNS, apply_measures, empty_report
from twin.scenario.measures.building import Demolish, NewBuilding
from twin.scenario.measures.ground import CoolPavement, Fountain, Irrigation, Mist, PermeablePaving, ShadeSail, Unseal
from twin.scenario.measures.kinds import Measure
from twin.scenario.measures.roofs import CoolRoof, GreenFacade, GreenRoof
from twin.scenario.measures.trees import PlantTrees, RemoveTrees
from twin.scenario.measures.water import (
    Cistern,
    Culvert,
    RaiseKerb,
    RetentionBasin,
    Swale,
    TreeTrench,
    Trench,
    Wall,
)
from twin.scenario.measures.ways import CloseRoad, NewPath

__all__ = ["COLUMNS", "KINDS", "AnyMeasure", "Measure", "apply_measures", "empty_report"]

AnyMeasure = Annotated[
    PlantTrees
    | RemoveTrees
    | GreenRoof
    | GreenFacade
    | CoolRoof
    | CoolPavement
    | ShadeSail
    | Unseal
    | PermeablePaving
    | Swale
    | Trench
    | TreeTrench
    | Cistern
    | RetentionBasin
    | RaiseKerb
    | Wall
    | Culvert
    | Demolish
    | NewBuilding
    | CloseRoad
    | NewPath
    | Fountain
    | Mist
    | Irrigation,
    Field(discriminator="kind"),
]
"""One ``[[measure]]`` of a scenario file; ``kind`` says which."""

_CLASSES: tuple[type[Measure], ...] = (
    PlantTrees,
    RemoveTrees,
    GreenRoof,
    GreenFacade,
    CoolRoof,
    CoolPavement,
    ShadeSail,
    Unseal,
    PermeablePaving,
    Swale,
    Trench,
    TreeTrench,
    Cistern,
    RetentionBasin,
    RaiseKerb,
    Wall,
    Culvert,
    Demolish,
    NewBuilding,
    CloseRoad,
    NewPath,
    Fountain,
    Mist,
    Irrigation,
)

KINDS: dict[str, type[Measure]] = {get_args(model.model_fields["kind"].annotation)[0]: model for model in _CLASSES}
"""Measure classes by kind."""
