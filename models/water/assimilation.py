"""Sensors speak to the tree balance: an ensemble of each sensored tree, corrected by every reading.

The ensemble Kalman filter (Evensen 2003, doi 10.1007/s10236-003-0036-9, perturbed observations) on the depletion of both
layers, a factor on transpiration, and a bias of the sensor place in each layer, which decays to zero: so that a probe that
sits in a drier spot than the mean of the root space is believed in its changes, not in its level. Rain and reference
evapotranspiration are uncertain by member and week. Left out: errors shared by neighbouring trees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.layers import InputError
from models.water.tree_balance import run_trees
from models.water.tree_day import FORCING, PARAMETERS, STATES
from models.water.tree_forcing import TreeForcing
from models.water.tree_parameters import TreeParameters

__all__ = ["Noise", "TreeEnsemble", "repeated_parameters"]

_D1, _D2 = STATES.index("depletion_1"), STATES.index("depletion_2")


@dataclass(frozen=True)
class Noise:
    """What is uncertain, as standard deviations.

    Attributes
    ----------
    rain, evapotranspiration : float
        Of the logarithm, drawn by member and week [1].
    start : float
        Of the relative extractable water of each layer at the start [1].
    transpiration : float
        Of the logarithm of the tree's own transpiration factor [1].
    process : float
        Of the relative extractable water of each layer, growing with the square root of days [1].
    bias : float
        Of the bias of a sensor place in the long run [1].
    bias_days : float
        Days in which a bias decays to 1/e.
    """

    rain: float = 0.15
    evapotranspiration: float = 0.10
    start: float = 0.10
    transpiration: float = 0.15
    process: float = 0.012
    bias: float = 0.08
    bias_days: float = 60.0


class TreeEnsemble:
    """Members of sensored trees that move with the weather and are corrected by readings.

    Parameters
    ----------
    parameters : TreeParameters
        Of the sensored trees.
    forcing : TreeForcing
        Daily rows of the whole time.
    state : numpy.ndarray
        At the start, shape (len(STATES), trees).
    members : int
        At least 10.
    noise : Noise
        Uncertainties.
    scale : float
        Relative extractable water of a layer at depletion 0 (1: field capacity as in the soil table).
    first_day : int
        Day of ``forcing`` on which the members start.
    seed : int
        Same seed, same result.
    waterings : pandas.DataFrame, optional
        Given water: ``tree`` (position in ``parameters``), ``date``, ``litres``; every member gets it.
    """

    def __init__(
        self,
        parameters: TreeParameters,
        forcing: TreeForcing,
        state: np.ndarray,
        *,
        members: int = 100,
        noise: Noise | None = None,
        scale: float = 1.0,
        first_day: int = 0,
        seed: int = 0,
        waterings: pd.DataFrame | None = None,
    ) -> None:
        if members < 10:
            raise InputError(f"members={members} is too few for a covariance: give at least 10.")
        self.noise, self.members, self.scale = noise or Noise(), members, scale
        self.trees, self.day = parameters.root_area.size, first_day
        self._rng = np.random.default_rng(seed)
        self._base = parameters
        self._many = repeated_parameters(parameters, members, cells=forcing.cells)
        self._forcing, self._cells = forcing, forcing.cells
        self._waterings = waterings if waterings is not None and len(waterings) else None
        weeks = -(-forcing.days.size // 7) + 1
        self._rain = np.exp(self.noise.rain * self._rng.standard_normal((members, weeks)))
        self._dry = np.exp(self.noise.evapotranspiration * self._rng.standard_normal((members, weeks)))
        shape = (self.trees, members)
        self._available = np.stack([parameters.named("taw_1"), parameters.named("taw_2")])[:, :, None]
        self.state = np.repeat(state[:, :, None], members, axis=2)
        spread = self.noise.start * self._available * self._rng.standard_normal((2, *shape))
        self.state[[_D1, _D2]] += spread
        self.factor = np.exp(self.noise.transpiration * self._rng.standard_normal(shape))
        self.bias = self.noise.bias * self._rng.standard_normal((2, *shape))
        self._bound()

    def _bound(self) -> None:
        depletion = self.state[[_D1, _D2]]
        excess = np.stack([self._base.named("excess_1"), self._base.named("excess_2")])[:, :, None]
        self.state[[_D1, _D2]] = np.clip(depletion, -excess, self._available)

    def layers(self, *, biased: bool = True) -> np.ndarray:
        """Return the relative extractable water of both layers, shape (2, trees, members); biased = as sensors see it."""
        water = self.scale * (1.0 - self.state[[_D1, _D2]] / np.maximum(self._available, 1e-9))
        return np.asarray(water + self.bias if biased else water)

    def _run(
        self, days: int, state: np.ndarray, factor: np.ndarray, daily: str | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run all members for some days from the present one; return state and daily values (days, trees, members)."""
        last = self.day + days
        if last > self._forcing.days.size:
            left = self._forcing.days.size - self.day
            raise InputError(
                f"The weather ends in {left} days, {days} were asked for: give a longer forecast, or ask for {left} days."
            )
        week = np.arange(self.day, last) // 7
        kinds, cells = self._forcing.kinds, self._cells
        rows = np.repeat(self._forcing.values[None, :, self.day : last], self.members, axis=0)
        for name in ("evapotranspiration", "beam", "sky"):
            rows[..., FORCING.index(name)] *= self._dry[:, week][:, None, :]
        for name in ("rain", "runoff"):
            rows[..., FORCING.index(name)] *= self._rain[:, week][:, None, :]
        flat = rows.reshape(self.members * cells * kinds, days, len(FORCING))
        forcing = TreeForcing(self._forcing.days[self.day : last], flat, self.members * cells, kinds, "")
        values = self._many.values.copy()
        for name in ("kcb_leaf", "kcb_bare"):
            values[PARAMETERS.index(name)] *= factor.ravel()
        many = replace(self._many, values=values)
        given = self._given(forcing.days)
        after, _, out, _ = run_trees(many, forcing, state.reshape(len(STATES), -1), waterings=given, daily=daily)
        shape = (self.trees, self.members)
        return after.astype(float).reshape(len(STATES), *shape), out.reshape(out.shape[0], *shape) if daily else out

    def _given(self, days: np.ndarray) -> pd.DataFrame | None:
        """Return the waterings of some days, a row for each member."""
        if self._waterings is None:
            return None
        dates = pd.DatetimeIndex(self._waterings["date"]).to_numpy().astype("datetime64[D]")
        rows = self._waterings[(dates >= days[0]) & (dates <= days[-1])]
        first = rows["tree"].to_numpy(dtype=np.int64) * self.members
        return pd.DataFrame(
            {
                "tree": (first[:, None] + np.arange(self.members)).ravel(),
                "date": np.repeat(rows["date"].to_numpy(), self.members),
                "litres": np.repeat(rows["litres"].to_numpy(dtype=float), self.members),
            }
        )

    def advance(self, days: int) -> None:
        """Move all members on by some days."""
        if days == 0:
            return
        self.state, _ = self._run(days, self.state, self.factor, None)
        shape = self.bias.shape
        kept = np.exp(-days / self.noise.bias_days)
        self.bias = kept * self.bias + self.noise.bias * np.sqrt(1.0 - kept**2) * self._rng.standard_normal(shape)
        jitter = self.noise.process * np.sqrt(days) * self._rng.standard_normal(shape)
        self.state[[_D1, _D2]] += self._available * jitter
        self._bound()
        self.day += days

    def update(self, values: np.ndarray, errors: np.ndarray) -> None:
        """Correct all members by readings of the present day.

        Parameters
        ----------
        values : numpy.ndarray
            Relative extractable water of both layers, shape (2, trees); NaN where there is no reading.
        errors : numpy.ndarray
            Standard deviation of each reading, same shape.
        """
        for tree in np.flatnonzero(np.isfinite(values).any(axis=0)):
            known = np.isfinite(values[:, tree])
            self._update_tree(int(tree), known, values[known, tree], errors[known, tree])
        self._bound()

    def _update_tree(self, tree: int, known: np.ndarray, values: np.ndarray, errors: np.ndarray) -> None:
        available = self._available[:, tree, 0]
        states = np.vstack(
            [self.state[[_D1, _D2], tree] / available[:, None], self.bias[:, tree], np.log(self.factor[tree])[None]]
        )
        seen = self.layers()[known, tree]
        anomalies, differences = (a - a.mean(axis=1, keepdims=True) for a in (states, seen))
        noise = np.diag(errors**2)
        gain = anomalies @ differences.T @ np.linalg.inv(differences @ differences.T + (self.members - 1) * noise)
        drawn = errors[:, None] * self._rng.standard_normal(seen.shape)
        drawn -= drawn.mean(axis=1, keepdims=True)
        states = states + gain @ (values[:, None] + drawn - seen)
        self.state[[_D1, _D2], tree] = states[:2] * available[:, None]
        self.bias[:, tree] = states[2:4]
        self.factor[tree] = np.exp(np.clip(states[4], -1.5, 1.5))

    def forecast(self, days: int) -> np.ndarray:
        """Return what sensors would see in the coming days, shape (days, 2, trees, members); the ensemble stays where it is."""
        found = np.stack([self._run(days, self.state, self.factor, name)[1] for name in ("rew_upper", "rew_lower")], 1)
        ahead = np.arange(1, days + 1)[:, None, None, None]
        kept = np.exp(-ahead / self.noise.bias_days)
        fresh = self._rng.standard_normal(self.bias.shape)
        step = self._rng.standard_normal(self.bias.shape)
        bias = kept * self.bias + self.noise.bias * np.sqrt(1.0 - kept**2) * fresh
        return np.asarray(self.scale * found + bias + self.scale * self.noise.process * np.sqrt(ahead) * step)


def repeated_parameters(parameters: TreeParameters, members: int, *, cells: int | None = None) -> TreeParameters:
    """Return the parameters of every member of every tree; the weather cells of member m lie behind those of m - 1."""
    count = parameters.root_area.size
    each = np.tile(np.arange(members), count)
    cells = cells or int(parameters.cell.max(initial=0)) + 1
    values = np.repeat(parameters.values, members, axis=1)
    values[PARAMETERS.index("growth")] = 0.0
    return replace(
        parameters,
        values=values,
        hidden_beam=np.repeat(parameters.hidden_beam, members, axis=1),
        cell=each * cells + np.repeat(parameters.cell, members),
        kind=np.repeat(parameters.kind, members),
        crown_area=np.repeat(parameters.crown_area, members),
        root_area=np.repeat(parameters.root_area, members),
        root_depth=np.repeat(parameters.root_depth, members),
        available=np.repeat(parameters.available, members),
        soil=np.repeat(parameters.soil, members),
    )
