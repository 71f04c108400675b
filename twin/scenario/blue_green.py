"""Blue-green measures of a city in the storm: structures and dressed buildings become layers that take up water.

Swales, tree trenches, permeable paving and trenches become measures of ``models.water`` on their cells; green roofs and
cisterns act on the rain of their buildings. Basins and unsealed ground need nothing here: the terrain and the land cover
of the site already hold them. The hollow of a swale is in the terrain too, so its layers have no standing water of their
own. A trench below a swale makes it a swale with trench.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import rioxarray  # noqa: F401  (gives datasets their CRS)
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox

from models.layers import LAND_COVER
from twin.city.structures import cells_of

if TYPE_CHECKING:
    from models.water import Measure, Rain, Retention
    from twin.city.gaps import GapLog
    from twin.city.model import City

__all__ = ["BlueGreen", "blue_green", "kept"]

_LAYERED = {"swale": "swale", "tree_trench": "tree_trench", "permeable_paving": "permeable_paving", "trench": "trench"}
_NEAR = 50.0  # m between a cistern and the building whose roof it collects


@dataclass
class BlueGreen:
    """What measures of a city do in a storm.

    Attributes
    ----------
    measures : list of Measure
        On cells, one a cell, or one a trench; named by the id of their structure.
    green_roofs : dict
        Building number to its green roof.
    cisterns : dict
        Building number to the volume of its cisterns [m3].
    hollows : numpy.ndarray
        True on cells of swales, tree trenches and basins, where roofs may drain to.
    """

    hollows: np.ndarray
    measures: list[Measure] = field(default_factory=list)
    green_roofs: dict[int, Measure] = field(default_factory=dict)
    cisterns: dict[int, float] = field(default_factory=dict)

    def retention(self) -> Retention | None:
        """Return the measures on cells as one source, or None where there is none."""
        from models.water import Retention

        return Retention(self.measures) if self.measures else None


def blue_green(city: City, site: xr.Dataset, log: GapLog, *, ground_rate: float | None = None) -> BlueGreen:
    """Return the measures of a city on the cells of a site.

    Parameters
    ----------
    city : City
        With its tables ``structures`` and ``objects``.
    site : xarray.Dataset
        Layers ``building_id`` and ``land_cover``.
    log : GapLog
        Takes rows about assumed layers, measures that share ground, cisterns without a building.
    ground_rate : float, optional
        What the ground below measures takes [mm/h]; by default as in ``models/water/tables/measures.csv``.
    """
    open_ground = site["building_id"].values == 0
    found = BlueGreen(np.zeros(open_ground.shape, dtype=bool))
    table = city.structures
    cells: dict[tuple[int, int], Measure] = {}
    shared: list[str] = []
    rate: dict[str, Any] = {} if ground_rate is None else {"ground_rate": float(ground_rate)}
    layered = table[table["kind"].isin([kind for kind in _LAYERED if kind != "trench"])]
    for row in layered.itertuples():
        at, area = _ground(row, site, open_ground)
        _lay(cells, at, _pattern(row, area, rate), shared, row.id)
        found.hollows[tuple(at.T)] |= row.kind != "permeable_paving"
    trenches = []
    for row in table[table["kind"] == "trench"].itertuples():
        at, area = _ground(row, site, open_ground)
        trenches += _trench(row, at, area, rate, cells, shared)
    for row in table[table["kind"] == "basin"].itertuples():
        found.hollows[tuple(_ground(row, site, open_ground)[0].T)] = True
    found.measures = [*cells.values(), *trenches]
    _roofs(city, site, found)
    _cisterns(city, site, found, log)
    count = len({one.name for one in found.measures})
    options: dict[str, Any] = {"layer": "structures"}
    if ground_rate is None:
        log.add("blue_green_ground", severity="default", count=count, default="18 mm/h", **options)
    log.add("blue_green_shared", severity="warning", count=len(shared), places=shared, **options)
    return found


def _number(value: Any) -> float:
    return float(value) if value is not None and np.isfinite(value) else 0.0


def _ground(row: Any, site: xr.Dataset, open_ground: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the open cells (n, 2) of a structure, at least one where its middle lies on open ground, and its area [m2]."""
    box = GeoBox((site.sizes["y"], site.sizes["x"]), site.rio.transform(), site.rio.crs)
    width = _number(row.width)
    at = np.column_stack(cells_of(row.geometry, width, box))
    if not len(at):
        middle = shapely.point_on_surface(row.geometry)
        at = np.column_stack(cells_of(middle, 0.0, box))
    area = row.geometry.area or row.geometry.length * width
    return at[open_ground[tuple(at.T)]], float(area)


def _cell_area(site: xr.Dataset) -> float:
    return float(abs(site["x"].values[1] - site["x"].values[0])) ** 2


def _pattern(row: Any, area: float, rate: Mapping[str, float]) -> Measure:
    """Return the layers of a structure; its hollow is in the terrain, so no water stands in the layers."""
    from models.water import measure

    layers: dict[str, Any] = {"surface_depth": 0.0, **rate}
    if row.kind == "tree_trench" and _number(row.volume) > 0 and area > 0:
        layers["storage_depth"] = 1000.0 * _number(row.volume) / (area * measure("tree_trench").layers["storage_void"])
        layers["drain_offset"] = 0.5 * layers["storage_depth"]
    return measure(_LAYERED[row.kind], name=str(row.id), **layers)


def _lay(cells: dict[tuple[int, int], Measure], at: np.ndarray, pattern: Measure, shared: list[str], name: Any) -> None:
    """Put a measure on its cells, one a cell; a cell that has one already keeps it."""
    from dataclasses import replace

    taken = False
    for row, column in at.tolist():
        if (row, column) in cells:
            taken = True
        else:
            cells[row, column] = replace(pattern, cells=np.array([[row, column]], dtype=np.int64))
    if taken:
        shared.append(str(name))


def _trench(
    row: Any, at: np.ndarray, area: float, rate: Mapping[str, float], cells: dict[tuple[int, int], Measure],
    shared: list[str],
) -> list[Measure]:  # fmt: skip
    """Return the part of a trench that lies open; below swales it becomes their storage."""
    from dataclasses import replace

    from models.water import measure

    if not len(at):
        return []
    pores = _number((row.attributes or {}).get("pores")) or measure("trench").layers["storage_void"]
    volume = _number(row.volume)
    depth = 1000.0 * volume / (area * pores) if volume > 0 and area > 0 else measure("trench").layers["storage_depth"]
    own: dict[str, Any] = {"storage_depth": depth, "storage_void": pores, **rate}
    free = []
    for place in map(tuple, at.tolist()):
        above = cells.get(place)
        if above is None:
            free.append(place)
        elif above.kind == "swale":
            cells[place] = replace(
                measure("swale_trench", name=above.name, surface_depth=0.0, drain_rate=0.0, **own), cells=above.cells
            )
        else:
            shared.append(str(row.id))
    if not free:
        return []
    share = area * len(free) / len(at)
    return [measure("trench", np.array(free, dtype=np.int64), area=share, name=str(row.id), **own)]


def _roofs(city: City, site: xr.Dataset, found: BlueGreen) -> None:
    """Give buildings with mostly green roofs the layers of one."""
    from models.water import measure

    numbers = site["building_id"].values
    count = int(numbers.max(initial=0)) + 1
    green = np.bincount(numbers[site["land_cover"].values == LAND_COVER["green_roof"]], minlength=count)
    every = np.bincount(numbers.ravel(), minlength=count)
    for number in np.flatnonzero((2 * green >= every) & (green > 0)).tolist():
        if number == 0:
            continue
        said = city.objects["attributes"].iloc[number - 1]
        deep = isinstance(said, dict) and said.get("green_roof_depth") == "intensive"
        found.green_roofs[number] = measure("green_roof_intensive" if deep else "green_roof")


def _cisterns(city: City, site: xr.Dataset, found: BlueGreen, log: GapLog) -> None:
    """Give cisterns to the buildings that are named, or that stand nearest."""
    on_grid = set(np.unique(site["building_id"].values).tolist()) - {0}
    ids = {str(one): row + 1 for row, one in enumerate(city.objects["id"])}
    numbers = np.array(sorted(on_grid), dtype=np.int64)
    shapes = (
        np.asarray(city.objects.geometry.values, dtype=object)[numbers - 1] if len(numbers) else np.zeros(0, object)
    )
    lost = []
    for row in city.structures[city.structures["kind"] == "cistern"].itertuples():
        number = ids.get(str((row.attributes or {}).get("building", "")))
        if number is None and len(numbers):
            far = np.nan_to_num(shapely.distance(shapes, row.geometry), nan=np.inf)
            number = int(numbers[np.argmin(far)]) if far.min() <= _NEAR else None
        if number is not None and number in on_grid:
            found.cisterns[int(number)] = found.cisterns.get(int(number), 0.0) + _number(row.volume)
        else:
            lost.append(str(row.id))
    log.add("cistern_without_building", severity="warning", layer="structures", count=len(lost), places=lost)


def kept(city: City, works: BlueGreen, retention: Retention | None, rain: Rain) -> xr.Dataset:
    """Return what each measure has done with the water of a storm.

    Parameters
    ----------
    city : City
        City of the run.
    works : BlueGreen
        Its measures.
    retention : Retention or None
        The measures on cells, after the run.
    rain : Rain
        Rain of the run.

    Returns
    -------
    xarray.Dataset
        Along ``measure`` (id of structure or building), with the coordinate ``measure_kind``: ``measure_area`` [m2], and [m3]
        ``measure_taken``, ``measure_stored``, ``measure_to_ground``, ``measure_to_sewer``.
    """
    rows: dict[tuple[str, str], np.ndarray] = {}
    if retention is not None:
        table = retention.table()
        columns = table[["area", "taken", "stored", "to_ground", "to_sewer"]].to_numpy(float)
        for name, kind, values in zip(table["name"], table["kind"], columns, strict=True):
            rows[name, kind] = rows.get((name, kind), np.zeros(5)) + values
    if rain.roofs is not None:
        table = rain.roofs.connections().set_index("building_id")
        for kind, numbers, column in (
            ("green_roof", works.green_roofs, "green_roof"),
            ("cistern", works.cisterns, "cistern"),
        ):
            for number in numbers:
                held, area = (float(table[name].loc[number]) for name in (column, "roof_area"))
                rows[str(city.objects["id"].iloc[number - 1]), kind] = np.array([area, held, held, 0.0, 0.0])
    values = np.array(list(rows.values())).reshape(-1, 5)
    names = ("area", "taken", "stored", "to_ground", "to_sewer")
    data = {
        f"measure_{name}": ("measure", values[:, i], {"units": "m2" if name == "area" else "m3"})
        for i, name in enumerate(names)
    }
    coords = {
        "measure": [name for name, _ in rows],
        "measure_kind": ("measure", np.array([kind for _, kind in rows], dtype=str)),
    }
    return xr.Dataset(data, coords)
