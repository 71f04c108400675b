"""Parameters of the losses by land cover and soil, as one small table of classes and the class of each cell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np

from models.layers import LAND_COVER, InputError, read_table
from models.water.infiltration import COLUMNS

__all__ = ["METHODS", "SOILS", "LossClasses", "curve_storage"]

METHODS: Mapping[str, int] = MappingProxyType({"none": 0, "green_ampt": 1, "horton": 2, "scs_cn": 3})
"""How soil takes up water, by the name used in tables and arguments."""

_MM, _MM_H = 1e-3, 1e-3 / 3600.0


@cache
def _soils() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({row["name"]: row for row in read_table("models.water", "infiltration_soils.csv")})


@cache
def _covers() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({row["land_cover"]: row for row in read_table("models.water", "losses.csv")})


SOILS: Mapping[str, int] = MappingProxyType({name: int(row["code"]) for name, row in _soils().items()})
"""Soil names to the codes of the layer ``soil_class``."""


def curve_storage(curve_number: float) -> float:
    """Return the storage S [mm] of a curve number: 25400 / CN - 254.

    Examples
    --------
    >>> round(curve_storage(80), 1)
    63.5
    """
    return 25400.0 / curve_number - 254.0


class LossClasses:
    """The classes (land cover, soil) of a site and their parameters; options as of :class:`models.water.losses.Losses`.

    Attributes
    ----------
    of : numpy.ndarray
        Class of each cell (y, x), uint8.
    method : numpy.ndarray
        Method of each class, by :data:`METHODS`.
    """

    def __init__(
        self,
        land_cover: np.ndarray,
        soil_class: np.ndarray | None,
        *,
        method: str | Mapping[str, str] | None,
        soil: str | Mapping[str, str],
        saturation: float,
        initial_abstraction: float,
        depression: Mapping[str, float],
    ) -> None:
        if not 0.0 <= saturation <= 1.0 or not 0.0 <= initial_abstraction <= 1.0:
            raise InputError("saturation and initial_abstraction must be shares from 0 to 1.")
        _check_names(method, soil, depression)
        self._filled = saturation
        names = {code: name for name, code in LAND_COVER.items()}
        codes = np.zeros(256, dtype=np.int64)
        for code, name in names.items():
            codes[code] = SOILS[soil if isinstance(soil, str) else soil.get(name, "loam")]
        of_cell = codes[land_cover]
        if soil_class is not None:
            unknown = np.setdiff1d(np.unique(soil_class), [0, *SOILS.values()])
            if unknown.size:
                raise InputError(
                    f"soil_class has code {unknown[0]}, allowed are 1 to {max(SOILS.values())} and 0 for unknown."
                )
            of_cell = np.where(soil_class > 0, soil_class, of_cell)
        pairs, of = np.unique(land_cover.astype(np.int64) * 32 + of_cell, return_inverse=True)
        self.of = of.reshape(land_cover.shape).astype(np.uint8)
        self._covers = [names.get(int(pair) // 32, "") for pair in pairs]
        if "" in self._covers:
            bad = int(pairs[self._covers.index("")]) // 32
            raise InputError(
                f"land_cover has code {bad}, which is not in the table of land covers: see models.layers.LAND_COVER."
            )
        by_code = {code: name for name, code in SOILS.items()}
        self._soils = [by_code[int(pair) % 32] for pair in pairs]
        self.method = np.array([METHODS[_method(method, cover)] for cover in self._covers], dtype=np.uint8)
        self._table = np.array(
            [
                self._row(cover, ground, saturation, initial_abstraction, depression)
                for cover, ground in zip(self._covers, self._soils, strict=True)
            ]
        )

    def _row(
        self, cover: str, ground: str, filled: float, abstraction: float, depression: Mapping[str, float]
    ) -> list[float]:
        soil, land = _soils()[ground], _covers()[cover]
        storage = curve_storage(float(land[f"curve_{soil['hydrologic_group'].lower()}"])) * _MM
        by_curve = _method(None, cover) != "none" and self.method[self._covers.index(cover)] == METHODS["scs_cn"]
        hollow = depression.get(cover)
        sealed, unsealed = (
            float(land[k]) if hollow is None else hollow for k in ("depression_sealed", "depression_open")
        )
        return [
            float(soil["conductivity"]) * _MM_H,
            float(soil["suction"]) * _MM * float(soil["effective_porosity"]) * (1.0 - filled),
            float(land["most"] or "inf") * _MM,
            float(soil["horton_last"]) * _MM_H,
            float(soil["horton_first"]) * _MM_H,
            float(soil["horton_decay"]) / 3600.0,
            sealed * _MM,
            0.0 if by_curve else unsealed * _MM,  # Ia holds the hollows
            storage,
            abstraction * storage,
            0.0,
            1.0,
        ]

    def deficit(self, soil_moisture: np.ndarray) -> np.ndarray:
        """Return the pore space still empty on each cell [-], and let the table hold the suction head alone.

        A cell without a value (NaN) is as wet as ``saturation`` says.
        """
        if (soil_moisture < 0).any() or (soil_moisture > 1).any():
            raise InputError("soil_moisture must be a share of the volume from 0 to 1 on every cell.")
        pores = np.array([float(_soils()[soil]["porosity"]) for soil in self._soils])
        self._table[:, COLUMNS.index("suction")] = [float(_soils()[soil]["suction"]) * _MM for soil in self._soils]
        usual = np.array([float(_soils()[soil]["effective_porosity"]) for soil in self._soils]) * (1.0 - self._filled)
        empty = np.where(np.isnan(soil_moisture), usual[self.of], pores[self.of] - soil_moisture)
        return np.ascontiguousarray(np.maximum(empty, 0.0), dtype=np.float32)

    def uptake(self, taken: np.ndarray) -> np.ndarray:
        """Return the water taken up so far [m] from the state of the kernel, which holds the spent share for Horton."""
        fc, first, decay = (
            self._table[self.of, COLUMNS.index(f"horton_{name}")] for name in ("last", "first", "decay")
        )
        spent = np.minimum(taken, 1.0 - 1e-7)
        horton = -fc * np.log1p(-spent) / decay + (first - fc) / decay * spent
        return np.where(self.method[self.of] == METHODS["horton"], horton, taken).astype(taken.dtype)

    def table(self, step: float) -> np.ndarray:
        """Return the table of classes for a step [s]; columns :data:`models.water.infiltration.COLUMNS`."""
        table = self._table
        table[:, COLUMNS.index("step")] = step
        table[:, COLUMNS.index("decayed")] = np.exp(-table[:, COLUMNS.index("horton_decay")] * step)
        return table


def _method(method: str | Mapping[str, str] | None, cover: str) -> str:
    """Return the method of a land cover; one method for all leaves covers without soil alone."""
    own = _covers()[cover]["method"]
    if isinstance(method, str):
        return own if own == "none" else method
    return own if method is None else method.get(cover, own)


def _check_names(
    method: str | Mapping[str, str] | None, soil: str | Mapping[str, str], depression: Mapping[str, float]
) -> None:
    asked = {"method": method, "soil": soil, "depression": depression}
    for name, given in asked.items():
        for cover in given if isinstance(given, Mapping) else ():
            if cover not in LAND_COVER:
                raise InputError(f"{name} names land cover {cover!r}: choose from {', '.join(LAND_COVER)}.")
    for name, given, allowed in (("method", method, METHODS), ("soil", soil, SOILS)):
        chosen = given.values() if isinstance(given, Mapping) else ([] if given is None else [given])
        for one in chosen:
            if one not in allowed:
                raise InputError(f"Unknown {name} {one!r}: choose one of {', '.join(allowed)}.")
    if any(not 0.0 <= value <= 1000.0 for value in depression.values()):
        raise InputError("depression must be 0 to 1000 mm for each land cover.")
