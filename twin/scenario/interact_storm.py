"""What a change makes of a storm: an estimate in a window round it, on coarser cells, that says it is one.

A storm on a whole district takes minutes, and water comes from far. For an answer in seconds the storm is run twice in a window
round the change, as it is and as changed; the difference in what runs off, what is kept and what is flooded is that of the
ground inside. Left out: water that comes from outside the window, the sewer network, culverts and underpasses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from twin.language import text
from twin.scenario.flood import run_flood
from twin.scenario.flood_indicators import balance
from twin.scenario.indicators import outdoor_ground
from twin.scenario.interact_words import TONGUES, own_row
from twin.scenario.parts import WaterRun

if TYPE_CHECKING:
    from twin.city.model import City
    from twin.scenario.interact import Session

__all__ = ["StormEstimate", "estimate_storm"]

_CELL = 2.0  # [m]
_MARGIN = 30.0  # [m] round the changed ground
_STEP = 20.0  # [m] windows begin at such places, so that the storm of the baseline is often known already
_WIDEST = 240.0  # [m] beyond which cells are made coarser
_AFTER = 15.0  # [min] after the rain
_DEEP = 0.1  # [m]
_KEPT = 12  # storms of the baseline that are remembered
_LAYERS = ("terrain_height", "surface_height", "canopy_height", "trunk_height", "building_id", "land_cover",
           "imperviousness", "manning_n")  # fmt: skip


@dataclass(frozen=True, eq=False)
class StormEstimate:
    """What a storm does in the window, before and after the change.

    Parameters
    ----------
    area : tuple of float
        West, south, east, north of the window [m].
    cell : float
        Cell size [m].
    before, after : dict
        ``runoff``, ``kept`` [m3] and ``flooded`` [m2].
    depth : xarray.DataArray
        Difference of the greatest depth [m].
    """

    area: tuple[float, float, float, float]
    cell: float
    before: dict[str, float]
    after: dict[str, float]
    depth: xr.DataArray

    def rows(self) -> list[dict[str, Any]]:
        """Return rows as :func:`twin.scenario.interact_words.indicator_rows` does."""
        found = []
        for key, unit, better in (("runoff", "m3", "less"), ("kept", "m3", "more"), ("flooded", "m2", "less")):
            row = own_row(key, unit, self.before[key], self.after[key], 1 if unit == "m3" else 0, better)
            found.append(row | {"estimate": True})
        return found

    def note(self) -> dict[str, str]:
        """Return what the estimate leaves out, by language."""
        size = f"{max(self.area[2] - self.area[0], self.area[3] - self.area[1]):.0f}"
        return {tongue: text("interact.storm_note", tongue, size=size, cell=f"{self.cell:g}") for tongue in TONGUES}


def estimate_storm(
    session: Session, city: City, site: xr.Dataset, cancelled: Callable[[], bool] = lambda: False
) -> StormEstimate | None:
    """Return what a change makes of the session's storm, None where the ground is as before.

    Parameters
    ----------
    session : Session
        With rain.
    city, site
        After the change.
    cancelled : callable
        Ends the work when it says so.
    """
    area = _window(session.site, site)
    if area is None:
        return None
    widest = max(area[2] - area[0], area[3] - area[1])
    cell = max(_CELL, session.scenario.resolution, float(np.ceil(_CELL * widest / _WIDEST)))
    area = (area[0], area[1], area[0] + cell * np.floor((area[2] - area[0]) / cell),
            area[1] + cell * np.floor((area[3] - area[1]) / cell))  # fmt: skip
    key = (area, cell)
    with session._lock:
        known = session._storms.get(key)
    if known is None:
        known = _storm(session, session.city, area, cell, cancelled)
        with session._lock:
            while len(session._storms) >= _KEPT:
                session._storms.pop(next(iter(session._storms)))
            session._storms[key] = known
    before, shallow = known
    after, deep = _storm(session, city, area, cell, cancelled)
    return StormEstimate(area, cell, before, after, deep - shallow)


def _window(old: xr.Dataset, new: xr.Dataset) -> tuple[float, float, float, float] | None:
    """Return the window round the changed ground, inside the grid."""
    differs = np.zeros(old["land_cover"].shape, bool)
    for name in _LAYERS:
        differs |= old[name].values != new[name].values
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return None
    x, y = old["x"].values, old["y"].values
    half = 0.5 * abs(float(x[1] - x[0]))
    ends = []
    for low, high, axis in ((x[columns[0]], x[columns[-1]], x), (y[rows[-1]], y[rows[0]], y)):
        origin, end = float(axis.min()) - half, float(axis.max()) + half
        first = np.floor((float(low) - _MARGIN - origin) / _STEP) * _STEP + origin
        last = np.ceil((float(high) + _MARGIN - origin) / _STEP) * _STEP + origin
        ends.append((max(first, origin), min(last, end)))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def _storm(
    session: Session, city: City, area: tuple[float, float, float, float], cell: float, cancelled: Callable[[], bool]
) -> tuple[dict[str, float], xr.DataArray]:
    """Run the storm in a window: volumes [m3], flooded ground [m2], and the greatest depth [m]."""
    from twin.scenario.interact import Cancelled

    def done(_share: float) -> None:
        if cancelled():
            raise Cancelled

    site = city.rasterise(resolution=cell, area=area)
    asked = session.scenario.run.water or WaterRun()
    local = {"sewer": False, "structures": False, "after": min(asked.after, _AFTER), "fields_every": None}
    assert session.rain is not None
    water = run_flood(city, site, session.rain, asked.model_copy(update=local), progress=done)
    volumes = balance(water)
    deepest = water["depth_max"]
    flooded = float((outdoor_ground(site) & (np.nan_to_num(deepest.values) >= _DEEP)).sum()) * cell**2
    found = {
        "runoff": volumes["outflow"] + volumes["on_ground"] + volumes["sewer"],
        "kept": volumes["infiltrated"] + volumes["held"],
        "flooded": flooded,
    }
    return found, deepest
