"""Blue-green measures as objects: what they are made of, where they lie, what is connected to them.

A measure is a kind of ``tables/measures.csv`` (green roof, swale, trench, swale with trench, tree trench, permeable
paving, bioretention, cistern) with its layers, on cells of the grid or on a roof. Any layer value can be set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

import numpy as np
import pandas as pd
import xarray as xr

from models.layers import InputError, read_table
from models.parallel import in_blocks
from models.water.layer_stack import FIELDS, LEVELS, contents, run_layers

__all__ = ["Measure", "Stacks", "measure", "measure_kinds", "measures_from_classes"]

_LENGTHS = ("surface_depth", "pavement_depth", "soil_depth", "soil_suction", "storage_depth", "drain_offset")
_RATES = ("pavement_rate", "soil_rate", "ground_rate")
_SHARES = (
    "surface_void",
    "pavement_void",
    "pavement_open",
    "porosity",
    "field_capacity",
    "wilting_point",
    "storage_void",
)
_DRAINS = ("sewer", "ground")
_LONGEST = 10.0  # [s]


@cache
def _rows() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({row["kind"]: row for row in read_table("models.water", "measures.csv")})


def measure_kinds() -> pd.DataFrame:
    """Return the kinds of measures with names in English and German and their default layers (mm, mm/h).

    Examples
    --------
    >>> measure_kinds().set_index("kind").loc["tree_trench", "label_de"]
    'Baumrigole'
    """
    table = pd.DataFrame([dict(row) for row in _rows().values()])
    return table.astype(dict.fromkeys(FIELDS, float))


@dataclass(frozen=True)
class Measure:
    """One measure: its layers, its place, and what is connected; made by :func:`measure`.

    Attributes
    ----------
    kind : str
        Kind of ``tables/measures.csv``.
    layers : mapping
        Values of the layers (mm, mm/h, shares).
    cells : numpy.ndarray
        Rows and columns (n, 2) of its cells; empty on a roof.
    connected : numpy.ndarray
        Rows and columns (m, 2) of cells whose water is led into it.
    area : float
        Area [m2]; 0 = that of its cells.
    drain_to : str or tuple of int
        Where the drain leads: "sewer", "ground", or the (row, column) of a cell.
    saturation : float or None
        Share of the voids (soil: between wilting point and porosity) filled at the start; None: soil at field capacity.
    name : str
        Name for tables.
    """

    kind: str
    layers: Mapping[str, float]
    cells: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    connected: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    area: float = 0.0
    drain_to: str | tuple[int, int] = "sewer"
    saturation: float | None = None
    name: str = ""


def measure(
    kind: str,
    cells: np.ndarray | xr.DataArray | None = None,
    *,
    connected: np.ndarray | xr.DataArray | None = None,
    area: float = 0.0,
    drain_to: str | tuple[int, int] = "sewer",
    saturation: float | None = None,
    name: str = "",
    **layers: float,
) -> Measure:
    """Return a blue-green measure.

    Parameters
    ----------
    kind : str
        "green_roof", "green_roof_intensive", "swale" (Mulde), "trench" (Rigole), "swale_trench" (Mulden-Rigole),
        "tree_trench" (Baumrigole), "permeable_paving", "bioretention" or "cistern" (Zisterne); the German names of the
        table are understood too.
    cells : array, optional
        Where it lies: a mask (y, x), or rows and columns (n, 2). Left out on a roof.
    connected : array, optional
        Cells whose water is led into it, likewise.
    area : float
        Area [m2] where it differs from that of its cells, as for a cistern or a trench below a wider cell.
    drain_to : str or tuple
        Where its drain leads: "sewer", "ground", or the (row, column) of a cell.
    saturation : float, optional
        Share of its voids filled at the start (soil: between wilting point and porosity). By default the state after a
        wet day that design assumes: soil at field capacity, the rest empty.
    name : str
        Name for tables; by default the kind.
    **layers
        Layer values that differ from the table's, for example ``soil_depth=400, ground_rate=36`` (mm, mm/h).

    Returns
    -------
    Measure

    Examples
    --------
    >>> mulde = measure("swale", np.eye(3, dtype=bool), ground_rate=36.0)
    >>> len(mulde.cells), mulde.layers["ground_rate"], measure("Zisterne", area=4.0).kind
    (3, 36.0, 'cistern')
    """
    by_name = {row[k].lower(): known for known, row in _rows().items() for k in ("label_en", "label_de")}
    found = by_name.get(kind.lower(), kind)
    if found not in _rows():
        raise InputError(f"Unknown measure {kind!r}: choose one of {', '.join(_rows())}.")
    values = {name: float(_rows()[found][name]) for name in FIELDS}
    unknown = sorted(set(layers) - set(FIELDS))
    if unknown:
        raise InputError(f"A measure has no layer value {unknown[0]!r}: choose from {', '.join(FIELDS)}.")
    values |= {key: float(value) for key, value in layers.items()}
    _check(found, values)
    if not 0.0 <= (saturation or 0.0) <= 1.0 or not 0.0 <= area < np.inf:
        raise InputError(f"Measure {name or found}: saturation must be a share and area 0 m2 or more.")
    if isinstance(drain_to, str) and drain_to not in _DRAINS:
        raise InputError(
            f"drain_to of {name or found} is {drain_to!r}: choose 'sewer', 'ground' or the (row, column) of a cell."
        )
    return Measure(
        found,
        MappingProxyType(values),
        _places(cells),
        _places(connected),
        float(area),
        drain_to,
        saturation,
        name or found,
    )


def _check(kind: str, values: Mapping[str, float]) -> None:
    bad = [name for name, value in values.items() if not 0.0 <= value < np.inf]
    bad += [name for name in _SHARES if values[name] > 1.0]
    for depth, voids in (
        ("pavement_depth", "pavement_void"),
        ("pavement_depth", "pavement_open"),
        ("storage_depth", "storage_void"),
    ):
        bad += [voids] if values[depth] > 0 and values[voids] <= 0 else []
    bad += ["surface_void"] if values["surface_void"] <= 0 else []
    order = values["wilting_point"] <= values["field_capacity"] < values["porosity"]
    bad += ["porosity"] if values["soil_depth"] > 0 and not order else []
    if bad:
        raise InputError(
            f"Measure {kind}: {bad[0]} = {values[bad[0]]:g} is not possible; depths and rates are 0 or more, voids shares of "
            f"the volume, and wilting point <= field capacity < porosity."
        )


def _places(cells: np.ndarray | xr.DataArray | None) -> np.ndarray:
    if cells is None:
        return np.zeros((0, 2), dtype=np.int64)
    array = np.asarray(cells)
    if array.dtype == bool and array.ndim == 2:
        return np.argwhere(array).astype(np.int64)
    if array.ndim != 2 or array.shape[1] != 2 or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
        raise InputError("Cells of a measure must be a mask (y, x) of True and False, or rows and columns (n, 2).")
    return array.astype(np.int64)


def measures_from_classes(classes: np.ndarray | xr.DataArray, kinds: Mapping[int, str | Measure]) -> list[Measure]:
    """Return one measure a cell for a raster of classes, such as all cells of permeable paving.

    Parameters
    ----------
    classes : array (y, x)
        Codes; those not in ``kinds`` have no measure.
    kinds : mapping
        Code to a kind, or to a :class:`Measure` whose layers are used.

    Examples
    --------
    >>> len(measures_from_classes(np.array([[0, 7], [7, 7]]), {7: "permeable_paving"}))
    3
    """
    codes = np.asarray(classes)
    measures: list[Measure] = []
    for code, kind in kinds.items():
        pattern = measure(kind) if isinstance(kind, str) else kind
        measures += [replace(pattern, cells=place[None]) for place in np.argwhere(codes == code).astype(np.int64)]
    return measures


class Stacks:
    """The layers of many measures, advanced together.

    Attributes
    ----------
    state : numpy.ndarray
        Levels (n, 5) in the order of :data:`models.water.layer_stack.LEVELS`.
    flux : numpy.ndarray
        What left in the last step [m over the area] (n, 3): to the ground, through the drain, over the edge.
    """

    def __init__(self, measures: list[Measure], areas: np.ndarray) -> None:
        self.layers = np.array([[_si(name, one.layers[name]) for name in FIELDS] for one in measures]).reshape(
            -1, len(FIELDS)
        )
        self.areas = np.asarray(areas, dtype=float)
        self._width_by_area = 1.0 / np.sqrt(np.maximum(self.areas, 1e-9))  # a square, drained along one side
        self.state = np.zeros((len(measures), len(LEVELS)))
        self.flux = np.zeros((len(measures), 3))
        get = {name: self.layers[:, i] for i, name in enumerate(FIELDS)}
        filled = np.array([np.nan if one.saturation is None else one.saturation for one in measures], dtype=float)
        soil = get["wilting_point"] + filled * (get["porosity"] - get["wilting_point"])
        self.state[:, 2] = np.where(np.isnan(filled), get["field_capacity"], soil)
        self.state[:, 3] = np.nan_to_num(filled) * get["storage_depth"]

    def contents(self) -> np.ndarray:
        """Return the water in each stack [m over its area]."""
        out = np.zeros(len(self.state))
        contents(self.state, self.layers, out)
        return out

    def advance(self, inflow: np.ndarray, duration: float, longest: float = _LONGEST) -> np.ndarray:
        """Advance all stacks under ``inflow`` [m3 in the step] by ``duration`` [s]; return :attr:`flux`."""
        rate = inflow / (self.areas * duration)
        in_blocks(
            run_layers,
            len(self.state),
            self.state,
            self.layers,
            rate,
            self._width_by_area,
            float(duration),
            float(longest),
            self.flux,
        )
        return self.flux


def _si(name: str, value: float) -> float:
    if name in _LENGTHS:
        return value * 1e-3
    return value / 3.6e6 if name in _RATES else value
