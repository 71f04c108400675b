"""Many possible futures of each tree: members of a weather forecast, and what is unsure about soil and tree.

A forecast with a dimension ``member`` is taken as it is; one forecast alone gets a spread of its rain and reference
evapotranspiration, which is the model's own and says so. Left out: members that differ in when it rains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy.special import ndtri

from models.layers import InputError
from models.water.assimilation import Noise, repeated_parameters
from models.water.tree_balance import run_trees
from models.water.tree_day import DAY_FLUXES, FORCING, PARAMETERS, STATES
from models.water.tree_forcing import TreeForcing, tree_forcing
from models.water.tree_parameters import TreeParameters
from models.water.tree_states import TreeState, parameters_of

__all__ = ["ForecastNoise", "Futures", "futures", "member_forcing"]

_BLOCK = 160_000
"""Trees times members in one pass: about 100 MB."""
_D1, _D2 = STATES.index("depletion_1"), STATES.index("depletion_2")


@dataclass(frozen=True)
class ForecastNoise:
    """Spread given to a forecast that comes alone: standard deviations of the logarithm, by member for the whole time.

    Attributes
    ----------
    rain : float
        Of the rain [1]; its mean stays that of the forecast.
    evapotranspiration : float
        Of the reference evapotranspiration [1].
    members : int
        How many.
    """

    rain: float = 0.5
    evapotranspiration: float = 0.10
    members: int = 40


@dataclass(frozen=True)
class Futures:
    """What the members say, day by day.

    Attributes
    ----------
    water : numpy.ndarray
        Mean relative extractable water of the upper and lower layer and the root space, shape (1 + days, 3, trees); first
        row: today.
    dry : numpy.ndarray
        Share of members below the limit in each layer, same shape.
    any_dry : numpy.ndarray
        Share of members below any limit, shape (1 + days, trees).
    demand, rain : numpy.ndarray
        Mean demand of the crown [L/d], and rain of the whole time [mm].
    """

    water: np.ndarray
    dry: np.ndarray
    any_dry: np.ndarray
    demand: np.ndarray
    rain: np.ndarray


def member_forcing(
    forecast: xr.Dataset, noise: ForecastNoise, seed: int, **place: object
) -> tuple[TreeForcing, int, str]:
    """Return daily rows of all members (row = (member * cells + cell) * kinds + kind), their number, and where they are from."""
    if "member" in forecast.dims:
        others = [str(d) for d in forecast.dims if d not in ("time", "member")]
        if len(others) > 1:
            raise InputError(f"The forecast has the dimensions {', '.join(others)} beside time and member: stack them.")
        members = int(forecast.sizes["member"])
        if members < 5:
            raise InputError(f"The forecast has {members} members: give at least 5, or one forecast without 'member'.")
        forcing = tree_forcing(forecast.stack(cells=["member", *others], create_index=False), **place)  # type: ignore[arg-type]
        return forcing, members, "ensemble"
    forcing = tree_forcing(forecast, **place)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    rows = np.repeat(forcing.values[None], noise.members, axis=0)
    wet = _spread(rng, noise.rain, noise.members)
    dry = _spread(rng, noise.evapotranspiration, noise.members)
    for name in ("rain", "runoff"):
        rows[..., FORCING.index(name)] *= wet[:, None, None]
    for name in ("evapotranspiration", "beam", "sky"):
        rows[..., FORCING.index(name)] *= dry[:, None, None]
    values = rows.reshape(-1, *forcing.values.shape[1:])
    return replace(forcing, values=values, cells=forcing.cells * noise.members), noise.members, "noise"


def _spread(rng: np.random.Generator, sd: float, count: int) -> np.ndarray:
    """Return factors of mean 1, evenly spread over the lognormal distribution so that few members are enough."""
    ranks = (rng.permutation(count) + rng.random(count)) / count
    return np.asarray(np.exp(sd * ndtri(ranks) - 0.5 * sd**2))


def futures(
    state: TreeState, forcing: TreeForcing, members: int, limits: np.ndarray, *, noise: Noise, seed: int
) -> Futures:
    """Return what the members say about every tree.

    Parameters
    ----------
    state : TreeState
        Of today.
    forcing : TreeForcing
        From :func:`member_forcing`.
    members : int
        Number of members.
    limits : numpy.ndarray
        Shape (3, trees), from :func:`models.water.watering_rules.water_limits`.
    noise : Noise
        Its ``transpiration`` is the spread of each tree's own transpiration.
    seed : int
        Same seed, same result.
    """
    count, days = limits.shape[1], forcing.days.size
    cells = forcing.cells // members
    if int(state.balance.parameters.cell.max(initial=0)) >= cells:
        raise InputError(
            f"The trees stand in {int(state.balance.parameters.cell.max()) + 1} weather cells, the forecast has {cells}: "
            "give a forecast of the same cells."
        )
    water = np.empty((1 + days, 3, count))
    dry = np.empty((1 + days, 3, count))
    any_dry = np.empty((1 + days, count))
    demand, rain = np.empty(count), np.empty(count)
    rng = np.random.default_rng(seed)
    size = max(1, _BLOCK // members)
    parameters = _grown(state.balance.parameters, state.balance.days.size)
    today = state.balance.state[list(STATES)].to_numpy(dtype=float).T
    for first in range(0, count, size):
        rows = slice(first, min(first + size, count))
        block = parameters_of(parameters, rows)
        layers, demand[rows], rain[rows] = _block(
            block,
            forcing,
            members,
            today[:, rows],
            (state.error[:, rows], state.factor[rows], noise.transpiration),
            rng,
        )
        below = layers < limits[None, :, rows, None]
        water[:, :, rows], dry[:, :, rows] = layers.mean(axis=3), below.mean(axis=3)
        any_dry[:, rows] = below.any(axis=1).mean(axis=2)
    return Futures(water, dry, any_dry, demand, rain)


def _grown(parameters: TreeParameters, days: int) -> TreeParameters:
    """Return the parameters with the root space as it has grown during the balance."""
    values = parameters.values.copy()
    values[PARAMETERS.index("taw_2")] += values[PARAMETERS.index("growth")] * (days - 1)
    return replace(parameters, values=values)


def _block(
    block: TreeParameters, forcing: TreeForcing, members: int, today: np.ndarray,
    unsure: tuple[np.ndarray, np.ndarray, float], rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Return the layers' water (1 + days, 3, trees, members), demand [L/d] and rain [mm] of some trees."""
    error, factor, spread = unsure
    count, days = block.root_area.size, forcing.days.size
    available = np.stack([block.named("taw_1"), block.named("taw_2")])[:, :, None]
    excess = np.stack([block.named("excess_1"), block.named("excess_2")])[:, :, None]
    start = np.repeat(today[:, :, None], members, axis=2)
    start[[_D1, _D2]] += error[:, :, None] * available * rng.standard_normal((2, count, members))
    start[[_D1, _D2]] = np.clip(start[[_D1, _D2]], -excess, available)
    many = repeated_parameters(block, members, cells=forcing.cells // members)
    own = factor[:, None] * np.exp(spread * rng.standard_normal((count, members)) - 0.5 * spread**2)
    for name in ("kcb_leaf", "kcb_bare"):
        many.values[PARAMETERS.index(name)] *= own.ravel()
    flat = start.reshape(len(STATES), -1)
    layers = np.empty((1 + days, 3, count, members), dtype=np.float32)
    layers[0, :2] = 1.0 - start[[_D1, _D2]] / np.maximum(available, 1e-9)
    for k, name in enumerate(("rew_upper", "rew_lower")):
        _, sums, out, _ = run_trees(many, forcing, flat, daily=name)
        layers[1:, k] = out.reshape(days, count, members)
    layers[:, 1] = np.where(available[1] > 1.0, layers[:, 1], layers[:, 0])  # no lower layer: the upper one counts
    layers[:, 2] = (layers[:, 0] * available[0] + layers[:, 1] * available[1]) / available.sum(axis=0)
    litres = sums[DAY_FLUXES.index("demand")].reshape(count, members).mean(axis=1) * block.root_area / days
    return layers, litres, sums[DAY_FLUXES.index("rain")].reshape(count, members).mean(axis=1)
