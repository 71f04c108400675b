"""From street lines to a clean network: split at shared points, drop what is double, join what was cut for no reason.

Lines meet where they share a point (as in OpenStreetMap); lines on different layers that only cross do not. What is
dropped or joined is counted in the report of the network, and islands and one-way traps are named there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.layers import InputError
from models.mobility.network import Network, report_rows

__all__ = ["main_part", "network_from_lines"]


def network_from_lines(
    lines: Sequence[Any],
    attributes: pd.DataFrame | Mapping[str, Any] | None = None,
    *,
    snap: float = 0.01,
    simplify: bool = True,
) -> Network:
    """Return the network of street lines, with a report of everything that was cleaned.

    Parameters
    ----------
    lines : sequence
        Arrays (points, 2) [m] or shapely LineStrings in a projected coordinate reference system.
    attributes : pandas.DataFrame or mapping, optional
        One value a line, see ``network.EDGE_COLUMNS``; ``oneway`` refers to the direction of the line.
    snap : float
        Points nearer than this [m] are one.
    simplify : bool
        Join edges at nodes where only two edges of the same attributes meet.

    Returns
    -------
    Network
        ``report`` has the codes ``broken_line``, ``zero_length``, ``duplicate``, ``joined`` (nodes), ``island`` (edges
        off the largest part) and ``trap`` (edges one can enter but not leave, or leave but not enter).

    Examples
    --------
    >>> streets = network_from_lines([[(0, 0), (50, 0), (100, 0)], [(50, 0), (50, 80)], [(50, 0), (50, 80)]])
    >>> streets.nodes, len(streets.edges), streets.report["code"].tolist()
    (4, 3, ['duplicate'])
    """
    xy, line, broken = _points(lines, snap)
    table = _attributes(attributes, len(lines))
    key = _keys(xy, snap)
    same = np.r_[False, (key[1:] == key[:-1]) & (line[1:] == line[:-1])]
    zero_lines = np.setdiff1d(line, line[~same & np.r_[False, line[1:] == line[:-1]]])
    keep = ~same & ~np.isin(line, zero_lines)
    xy, line, key = xy[keep], line[keep], key[keep]
    pieces = _split(xy, line, key, table["layer"].to_numpy() if "layer" in table else np.zeros(len(lines), np.int64))
    double, double_length = _duplicates(pieces, table, snap)
    rows = [
        ("broken_line", broken, 0.0),
        ("zero_length", len(zero_lines), 0.0),
        ("duplicate", int(double.sum()), double_length),
    ]
    pieces = pieces.keep(~double)
    joined = 0
    if simplify:
        pieces, joined = _join(pieces, table)
    rows.append(("joined", joined, 0.0))
    network = pieces.network(table)
    return Network.from_edges(
        network.edges["u"],
        network.edges["v"],
        network.edges["length"],
        xy=network.xy,
        attributes=network.edges.drop(columns=["u", "v", "length"]),
        lines=(network.line_xy, network.line_start),
        report=report_rows([*rows, *_parts(network)]),
    )


def main_part(network: Network, *, strong: bool = True) -> Network:
    """Return only the largest connected part (``strong``: with ways there and back); what falls out is reported."""
    label = network.components(strong=strong)
    inside = label == 0
    u, v = network.edges["u"].to_numpy(), network.edges["v"].to_numpy()
    keep = inside[u] & inside[v]
    number = np.cumsum(inside) - 1
    size = np.diff(network.line_start)
    start = np.r_[0, np.cumsum(size[keep])]
    row = report_rows([("dropped", int((~keep).sum()), float(network.edges["length"][~keep].sum()))])
    return Network.from_edges(
        number[u[keep]],
        number[v[keep]],
        network.edges["length"][keep],
        xy=network.xy[inside],
        attributes=network.edges[keep].drop(columns=["u", "v", "length"]),
        lines=(network.line_xy[np.repeat(keep, size)], start),
        report=pd.concat([network.report, row], ignore_index=True),
    )


class _Pieces:
    """Pieces of lines between nodes: flat points, where each begins, the node at either end, the line it is of."""

    def __init__(self, xy: np.ndarray, key: np.ndarray, start: np.ndarray, line: np.ndarray) -> None:
        self.xy, self.key, self.start, self.line = xy, key, start, line

    @property
    def u(self) -> np.ndarray:
        return self.key[self.start[:-1]]

    @property
    def v(self) -> np.ndarray:
        return self.key[self.start[1:] - 1]

    @property
    def length(self) -> np.ndarray:
        step = np.hypot(*np.diff(self.xy, axis=0).T) if len(self.xy) > 1 else np.zeros(0)
        along = np.r_[0.0, np.cumsum(step)]
        return np.asarray(along[self.start[1:] - 1] - along[self.start[:-1]])

    def keep(self, which: np.ndarray) -> _Pieces:
        size = np.diff(self.start)
        points = np.repeat(which, size)
        return _Pieces(self.xy[points], self.key[points], np.r_[0, np.cumsum(size[which])], self.line[which])

    def network(self, table: pd.DataFrame) -> Network:
        ends = np.concatenate([self.u, self.v])
        names, first, number = np.unique(ends, return_index=True, return_inverse=True)
        at = np.concatenate([self.start[:-1], self.start[1:] - 1])[first]
        half = len(self.line)
        return Network.from_edges(
            number[:half], number[half:], self.length, xy=self.xy[at] if len(names) else np.empty((0, 2)),
            attributes=table.iloc[self.line], lines=(self.xy, self.start),
        )  # fmt: skip


def _points(lines: Sequence[Any], snap: float) -> tuple[np.ndarray, np.ndarray, int]:
    if snap <= 0:
        raise InputError(f"snap must be over 0 m, not {snap:g}.")
    arrays, rows, broken = [], [], 0
    for row, line in enumerate(lines):
        points = np.asarray(getattr(line, "coords", line) if line is not None else [], dtype=np.float64)
        points = points.reshape(len(points), -1)[:, :2] if len(points) else points.reshape(0, 2)
        if len(points) < 2 or not np.isfinite(points).all():
            broken += 1
            continue
        arrays.append(points)
        rows.append(np.full(len(points), row))
    if not arrays:
        raise InputError("There is no line with at least 2 points in the street lines: check the layer.")
    return np.concatenate(arrays), np.concatenate(rows), broken


def _attributes(attributes: pd.DataFrame | Mapping[str, Any] | None, count: int) -> pd.DataFrame:
    table = pd.DataFrame(index=range(count)) if attributes is None else pd.DataFrame(attributes).reset_index(drop=True)
    if len(table) != count:
        raise InputError(f"There are {len(table)} rows of attributes for {count} lines: give one row a line.")
    return table if "id" in table else table.assign(id=[str(i) for i in range(count)])


def _keys(xy: np.ndarray, snap: float) -> np.ndarray:
    """Return a number for each point; those in one snapping cell have the same."""
    cell = np.rint((xy - xy.min(axis=0)) / snap).astype(np.int64)
    return np.unique(cell[:, 0] * (int(cell[:, 1].max()) + 1) + cell[:, 1], return_inverse=True)[1]


def _split(xy: np.ndarray, line: np.ndarray, key: np.ndarray, layer: np.ndarray) -> _Pieces:
    first, last = np.r_[True, line[1:] != line[:-1]], np.r_[line[1:] != line[:-1], True]
    end = first | last
    node = np.zeros(key.max() + 1, bool)
    node[key[end]] = True
    level = np.unique(layer[line], return_inverse=True)[1]
    both = key * (level.max() + 1) + level
    node[key[np.bincount(both)[both] > 1]] = True
    begins = np.flatnonzero(node[key] & ~last)
    cuts = np.flatnonzero(node[key] & ~first)  # the end of piece i is the i-th of these: pieces never overlap
    size = cuts - begins + 1
    start = np.r_[0, np.cumsum(size)]
    points = np.arange(start[-1]) - np.repeat(start[:-1] - begins, size)
    return _Pieces(xy[points], key[points], start, line[begins])


def _duplicates(pieces: _Pieces, table: pd.DataFrame, snap: float) -> tuple[np.ndarray, float]:
    """Mark pieces that run as an earlier one does: same ends, same length, same middle, same use."""
    low, high = np.minimum(pieces.u, pieces.v), np.maximum(pieces.u, pieces.v)
    middle = np.add.reduceat(pieces.xy, pieces.start[:-1], axis=0) / np.diff(pieces.start)[:, None]
    oneway = table["oneway"].to_numpy()[pieces.line] if "oneway" in table else np.full(len(low), "")
    turned = np.where(oneway == "", "", np.where((oneway == "forward") == (pieces.u <= pieces.v), "up", "down"))
    columns = {"low": low, "high": high, "length": np.rint(pieces.length / snap), "turned": turned}
    frame = pd.DataFrame(columns | {name: np.rint(middle[:, i] / snap) for i, name in enumerate("xy")})
    double = frame.duplicated().to_numpy()
    return double, float(pieces.length[double].sum())


def _join(pieces: _Pieces, table: pd.DataFrame) -> tuple[_Pieces, int]:
    """Join pieces at nodes where two of the same attributes meet; a chain keeps the id of its first piece."""
    same = table.drop(columns="id").astype(str)
    look = (
        same.groupby(list(same.columns), sort=False).ngroup().to_numpy() if len(same.columns) else np.zeros(len(table))
    )
    look = look[pieces.line]
    oneway = table["oneway"].to_numpy()[pieces.line] if "oneway" in table else np.full(len(look), "")
    u, v, count = pieces.u, pieces.v, len(pieces.line)
    nodes = int(max(u.max(), v.max())) + 1
    degree = np.bincount(np.concatenate([u, v]), minlength=nodes)
    ends = np.concatenate([u, v])
    order = np.argsort(ends, kind="stable")
    first = np.searchsorted(ends[order], np.arange(nodes))
    through = np.flatnonzero(degree == 2)
    a, b = order[first[through]], order[first[through] + 1]
    one, two = a % count, b % count
    sloped = table["slope"].notna().to_numpy()[pieces.line] if "slope" in table else np.zeros(count, bool)
    directed = (oneway[one] != "") | sloped[one]
    in_line = (a < count) != (b < count)
    fits = (one != two) & (look[one] == look[two]) & (~directed | in_line)
    partner = np.full(2 * count, -1)
    partner[a[fits]], partner[b[fits]] = b[fits], a[fits]
    return _chains(pieces, partner)


def _chains(pieces: _Pieces, partner: np.ndarray) -> tuple[_Pieces, int]:
    """Follow partners from piece to piece; side p of piece i is ``i`` at its begin and ``i + count`` at its end."""
    count = len(pieces.line)
    done = np.zeros(count, bool)
    free = partner < 0
    starts = [*np.flatnonzero(free[:count]), *(np.flatnonzero(free[count:]) + count), *range(count)]
    xy, key, size, line, kept = [], [], [], [], 0
    for side in starts:
        if done[side % count]:
            continue
        chain = []
        while side >= 0 and not done[side % count]:
            piece = side % count
            done[piece] = True
            chain.append((piece, side < count))
            side = partner[piece + count if side < count else piece]
        kept += len(chain) - 1
        if not chain[0][1]:  # against its first piece; one-way pieces all run alike, so one tells of all
            chain = [(piece, not ahead) for piece, ahead in reversed(chain)]
        for number, (piece, ahead) in enumerate(chain):
            part = slice(pieces.start[piece], pieces.start[piece + 1])
            turn = slice(None) if ahead else slice(None, None, -1)
            skip = 1 if number else 0
            xy.append(pieces.xy[part][turn][skip:])
            key.append(pieces.key[part][turn][skip:])
        size.append(sum(len(k) for k in key[len(key) - len(chain) :]))
        line.append(min(pieces.line[piece] for piece, _ in chain))
    return _Pieces(np.concatenate(xy), np.concatenate(key), np.r_[0, np.cumsum(size)], np.array(line)), kept


def _parts(network: Network) -> list[tuple[str, int, float]]:
    weak, strong = network.components(), network.components(strong=True)
    u, v = network.edges["u"].to_numpy(), network.edges["v"].to_numpy()
    length = network.edges["length"].to_numpy()
    island = weak[u] != 0
    home = np.bincount(strong[weak == 0]).argmax() if len(strong) else 0
    trap = ~island & ((strong[u] != home) | (strong[v] != home))
    return [
        ("island", int(island.sum()), float(length[island].sum())),
        ("trap", int(trap.sum()), float(length[trap].sum())),
    ]
