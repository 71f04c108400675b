"""Networks for the benchmarks of mobility: published ones (TNTP files) and made ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from models.mobility import Network

Case = tuple[Network, np.ndarray, dict[str, Any]]


def _read(path: Path) -> tuple[dict[str, str], list[str]]:
    meta, body = path.read_text(encoding="utf-8").split("<END OF METADATA>")
    lines = [line.strip() for line in body.splitlines()]
    return dict(re.findall(r"<([^>]+)>\s*(\S+)", meta)), [line for line in lines if line and not line.startswith("~")]


def tntp(folder: Path, name: str) -> Case:
    """Return network, trips and link properties of a published case."""
    meta, lines = _read(folder / f"{name}_net.tntp")
    links = np.array([[float(v) for v in line.rstrip(";").split()[:10]] for line in lines])
    zones = int(meta["NUMBER OF ZONES"])
    trips, origin = np.zeros((zones, zones)), 0
    for line in _read(folder / f"{name}_trips.tntp")[1]:
        if line.startswith("Origin"):
            origin = int(line.split()[1]) - 1
        for to, value in re.findall(r"(\d+)\s*:\s*([-+0-9.eE]+)", line):
            trips[origin, int(to) - 1] += float(value)
    net = _directed(
        links[:, 0].astype(int) - 1,
        links[:, 1].astype(int) - 1,
        links[:, 3],
        np.zeros((int(meta["NUMBER OF NODES"]), 2)),
    )
    columns = {"free_time": 4, "capacity": 2, "alpha": 5, "beta": 6}
    given = {key: links[net.edge, column] for key, column in columns.items()}
    return net, trips, {**given, "first_through": int(meta["FIRST THRU NODE"]) - 1}


def _directed(tail: np.ndarray, head: np.ndarray, length: np.ndarray, xy: np.ndarray) -> Network:
    return Network.from_edges(tail, head, length, xy=xy, attributes={"oneway": np.full(len(tail), "forward", object)})


def made_town(seed: int = 6) -> Case:
    """Return a congested made town: 387 zones on connectors, 613 junctions, some 2,950 links, 1.26 million trips."""
    rng = np.random.default_rng(seed)
    zones, wide = 387, 25
    at = np.arange(625).reshape(wide, wide)
    grid = np.stack(np.meshgrid(np.arange(wide), np.arange(wide)), axis=-1).reshape(-1, 2) * 1000.0
    keep = np.ones(625, bool)
    keep[rng.choice(625, 12, replace=False)] = False
    number = zones + np.cumsum(keep) - 1
    u = np.r_[at[:, :-1].ravel(), at[:-1].ravel()]
    v = np.r_[at[:, 1:].ravel(), at[1:].ravel()]
    use = keep[u] & keep[v] & (rng.random(len(u)) < 0.95)
    roads = np.column_stack([number[u[use]], number[v[use]]])
    middle = grid[keep] + rng.normal(0, 150, (int(keep.sum()), 2))
    home = rng.choice(len(middle), zones, replace=False)
    links = np.concatenate([roads, np.column_stack([np.arange(zones), zones + home])])
    tail, head = np.r_[links[:, 0], links[:, 1]], np.r_[links[:, 1], links[:, 0]]
    xy = np.concatenate([middle[home] + 200.0, middle])
    length = np.hypot(*(xy[tail] - xy[head]).T)
    net = _directed(tail, head, length, xy)
    road = (net.tail >= zones) & (net.head >= zones)
    main = rng.random(net.arcs) < 0.3
    free = net.length / 1000.0 / np.where(main, 70.0, 40.0) * 60.0
    capacity = np.where(road, np.where(main, 6000.0, 2500.0), 1e6)
    apart = np.hypot(xy[:zones, None, 0] - xy[None, :zones, 0], xy[:zones, None, 1] - xy[None, :zones, 1]) / 1000.0
    size = rng.lognormal(0, 0.8, zones)
    trips = np.outer(size, size) * np.exp(-apart / 5.0)
    np.fill_diagonal(trips, 0.0)
    trips *= 420_000.0 / trips.sum()
    given = {
        "free_time": free,
        "capacity": capacity,
        "alpha": np.where(road, 0.15, 0.0),
        "beta": np.full(net.arcs, 4.0),
    }
    return net, trips, {**given, "first_through": zones}


def made_grid(wide: int, high: int, step: float, seed: int = 7) -> Network:
    """Return a grid of streets with shifted corners and a twentieth of its pieces left out."""
    rng = np.random.default_rng(seed)
    at = np.arange(wide * high).reshape(high, wide)
    u = np.r_[at[:, :-1].ravel(), at[:-1].ravel()]
    v = np.r_[at[:, 1:].ravel(), at[1:].ravel()]
    use = rng.random(len(u)) > 0.05
    xy = np.stack(np.meshgrid(np.arange(wide), np.arange(high)), axis=-1).reshape(-1, 2) * step
    xy = xy + rng.normal(0, 0.15 * step, xy.shape)
    return Network.from_edges(u[use], v[use], np.hypot(*(xy[u] - xy[v]).T)[use], xy=xy)
