"""Try changes with a physical reason on the forest soil of Solling, scored on the years that are left out.

    python benchmarks/solling_trials.py [--shared ../shared]

Snow lies below 0.5 degC and melts by 3 mm a day and degree (usual is 2 to 5, not checked); a crown closes in dry air by
1 / (1 + deficit / D) (the form of Lohammar, not checked) with D fitted beside the other parameters. Scored as in ``trees_validation.py``: fitted without the
year that is scored.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import solling as S  # noqa: N812
import trees_validation as V  # noqa: N812
import xarray as xr

from models.water.penman_monteith import saturation_vapour_pressure
from models.water.tree_day import FORCING
from models.water.tree_forcing import TreeForcing, tree_forcing

ROOT = Path(__file__).resolve().parents[1]
CLOSING = (np.inf, 3.0, 1.5, 0.8, 0.4)  # D [kPa]; inf: the crown does not close
DRAW = S.candidates


def with_snow(weather: xr.Dataset) -> np.ndarray:
    """Return the water that reaches the ground each day [mm], rain and melt."""
    mean = 0.5 * (weather["air_temperature_max"].values + weather["air_temperature_min"].values)
    lying, out = 0.0, 24.0 * weather["precipitation"].values
    for day, degrees in enumerate(mean):
        melt = min(lying, max(0.0, 3.0 * degrees))
        fresh = out[day] if degrees < 0.5 else 0.0
        lying, out[day] = lying + fresh - melt, out[day] - fresh + melt
    return out


def changed(weather: xr.Dataset, closing: tuple[float, ...], snow: bool) -> TreeForcing:
    """Return the forcing with a weather cell for each D."""
    base, cells = tree_forcing(weather), []
    hot, cold = (saturation_vapour_pressure(weather[f"air_temperature_{n}"].values) for n in ("max", "min"))
    deficit = 0.5 * (hot + cold) * (1.0 - weather["relative_humidity"].values / 100.0)
    for half in closing:
        values = base.values.copy()
        for name in ("evapotranspiration", "beam", "sky"):
            values[..., FORCING.index(name)] *= (1.0 + 0.6 / half) / (1.0 + deficit / half)
        if snow:
            values[..., FORCING.index("rain")] = with_snow(weather)
        cells.append(values)
    return replace(base, values=np.concatenate(cells), cells=len(closing))


def drawn_with(forcing: TreeForcing) -> Callable[..., S.Stand]:
    """Return draws of parameters that choose a weather cell too; those around given ones keep theirs."""

    def candidates(folder: Path, count: int = 6_000, seed: int = 7, around: pd.DataFrame | None = None) -> S.Stand:
        known = None if around is None else around.drop(columns="cell")
        stand = DRAW(folder, count, seed, known)
        rng = np.random.default_rng(seed)
        if around is None:
            cell = np.random.default_rng(seed + 99).integers(0, forcing.cells, count)
        else:
            rng.random((count, len(S.RANGES)))  # the same stream as DRAW, so that each draw keeps its parent's cell
            cell = around["cell"].to_numpy()[rng.integers(0, len(around), count)]
        parameters = replace(stand.parameters, cell=cell.astype(stand.parameters.cell.dtype))
        return S.Stand(parameters, forcing, stand.draws.assign(cell=cell))

    return candidates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    folder = parser.parse_args().shared / "reference/trees/solling_slb1"
    weather = S.read_weather(folder)
    for within in (True, False):
        every = S.read_observed(folder, within_range=within)
        measured = every[S.summer(every.index)].dropna()["root zone"]
        for name, closing, snow in (
            ("as it is", CLOSING[:1], False),
            ("snow", CLOSING[:1], True),
            ("closing", CLOSING, True),
        ):
            S.candidates = drawn_with(changed(weather, closing, snow))
            _, r, error = V.open_loop_scores(V.fits(folder, measured), measured)
            print(f"{'within the range' if within else 'all readings'}, {name}: r {r:.3f}, RMSE {error:.4f}")


if __name__ == "__main__":
    main()
