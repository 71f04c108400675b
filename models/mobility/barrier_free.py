"""Ways without barriers, by DIN 18040-3, with the reason for every street that is refused.

Steps, kerbs, narrow places and steep ramps close a street; rough surfaces, narrow passing places and slopes that need
places to rest make it harder. What is not known does not close it, but is listed, so that it can be looked at. Left out: cross
slope, tactile guidance, lifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.layers import InputError, read_table
from models.mobility.network import Network
from models.mobility.walking import walking_seconds

__all__ = ["BarrierFree", "barrier_free"]


@dataclass(frozen=True)
class BarrierFree:
    """Judgement of all streets.

    Parameters
    ----------
    allowed : numpy.ndarray
        bool (edges,).
    seconds : numpy.ndarray
        (arcs,) time with a wheelchair [s], ``inf`` where not allowed.
    reasons : pandas.DataFrame
        One row a reason: ``edge`` (row), ``id``, ``reason`` (code), ``value``, ``limit``.
    hard : pandas.DataFrame
        Allowed, but hard: same columns.
    unknown : pandas.DataFrame
        ``what`` (width, kerb, slope, surface), ``edges``, ``length`` [m] without data.
    """

    allowed: np.ndarray
    seconds: np.ndarray
    reasons: pd.DataFrame
    hard: pd.DataFrame
    unknown: pd.DataFrame


def barrier_free(network: Network, *, profile: str = "din18040_3", walker: str = "wheelchair") -> BarrierFree:
    """Judge each street for people with wheelchairs and walking frames.

    Parameters
    ----------
    network : Network
        Streets with ``width``, ``slope``, ``kerb``, ``steps``, ``surface`` as far as known.
    profile : str
        ``"din18040_3"`` or ``"wheelchair_tolerant"`` (table ``barrier_free.csv``).
    walker : str
        Whose speed, see :func:`models.mobility.walking.walking_seconds`.

    Returns
    -------
    BarrierFree
        Reasons have the codes ``steps``, ``kerb``, ``narrow``, ``steep``, ``surface``; hard ones ``passing``, ``slope``,
        ``surface``.

    Examples
    --------
    >>> net = Network.from_edges([0, 0], [1, 1], [50.0, 60.0], xy=[[0, 0], [50, 0]],
    ...                          attributes={"kerb": [12.0, 3.0], "id": ["a", "b"]})
    >>> judged = barrier_free(net)
    >>> judged.allowed.tolist(), judged.reasons[["id", "reason"]].to_numpy().tolist()
    ([False, True], [['a', 'kerb']])
    """
    rows = {row["name"]: row for row in read_table("models.mobility", "barrier_free.csv")}
    if profile not in rows:
        raise InputError(f"profile must be one of {', '.join(rows)}, not {profile!r}.")
    limit = {name: float(value) for name, value in rows[profile].items() if name != "name"}
    edges = network.edges
    length, slope = edges["length"].to_numpy(), np.abs(edges["slope"].to_numpy())
    width, kerb = edges["width"].to_numpy(), edges["kerb"].to_numpy()
    rolls = {row["surface"]: row["rolls"] for row in read_table("models.mobility", "surface_comfort.csv")}
    surface = edges["surface"].map(rolls).fillna("").to_numpy()
    steepest = _steepest(length, limit)
    zero = np.zeros(len(edges))
    closed = [
        ("steps", edges["steps"].to_numpy(bool), zero + 1, zero),
        ("kerb", kerb > limit["kerb"], kerb, zero + limit["kerb"]),
        ("narrow", width < limit["width"], width, zero + limit["width"]),
        ("steep", slope > steepest + 1e-9, slope, steepest),
        ("surface", surface == "no", zero, zero),
    ]
    hard = [
        ("passing", width < limit["passing_width"], width, zero + limit["passing_width"]),
        ("slope", slope > limit["slope"] + 1e-9, slope, zero + limit["slope"]),
        ("surface", surface == "hard_work", zero, zero),
    ]
    reasons = _listed(edges, closed)
    allowed = ~np.isin(np.arange(len(edges)), reasons["edge"])
    difficult = _listed(edges, hard)
    unknown = [
        ("width", np.isnan(width)), ("kerb", np.isnan(kerb)), ("slope", np.isnan(slope)), ("surface", surface == ""),
    ]  # fmt: skip
    table = pd.DataFrame(
        [(what, int(where.sum()), float(length[where].sum())) for what, where in unknown if where.any()],
        columns=["what", "edges", "length"],
    )
    effort = np.where(surface == "hard_work", 1.5, 1.0)
    seconds = walking_seconds(network, walker=walker) * network.on_arcs(effort)
    seconds = np.where(network.on_arcs(allowed), seconds, np.inf)
    return BarrierFree(allowed, seconds, reasons, difficult[allowed[difficult["edge"]]].reset_index(drop=True), table)


def _steepest(length: np.ndarray, limit: dict[str, float]) -> np.ndarray:
    """Return the largest slope allowed on an edge: that with rests on the way, steeper only over a very short piece."""
    return np.where(length <= limit["slope_short_m"], limit["slope_short"], limit["slope_rest"])


def _listed(edges: pd.DataFrame, found: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]) -> pd.DataFrame:
    parts = []
    for code, where, value, most in found:
        at = np.flatnonzero(where)
        parts.append(
            pd.DataFrame(
                {"edge": at, "id": edges["id"].to_numpy()[at], "reason": code, "value": value[at], "limit": most[at]}
            )
        )
    return pd.concat(parts, ignore_index=True).sort_values(["edge", "reason"], ignore_index=True)
