"""What lies within a limit, without an order: a search that keeps its nodes in buckets of like cost.

Sums over all that is reached need no order of arrival, so a node may be looked at again when a shorter way turns up in its
own bucket; that is cheaper than keeping a heap (after delta-stepping, Meyer and Sanders 2003,
doi:10.1016/S0196-6774(03)00076-2, on one thread). The costs found are those of Dijkstra's search to the last bit.
"""

from __future__ import annotations

import numba as nb
import numpy as np

__all__ = ["clean_buckets", "in_reach", "shelves", "width_of"]

_MOST = 8192  # buckets
_ROOM = 8  # entries a node


def width_of(cost: np.ndarray, limit: float) -> float:
    """Return the width of a bucket: the mean cost of an arc, so that few nodes are looked at twice; 0 = use a heap."""
    finite = cost[np.isfinite(cost)]
    if not np.isfinite(limit) or not len(finite):
        return 0.0
    return max(float(finite.mean()), limit / (_MOST - 2), 1e-12)


@nb.njit(cache=True, nogil=True)
def shelves(nodes, limit, width):  # type: ignore[no-untyped-def]
    """Return the arrays of a search: ``(dist, order, first, after, item, place)``."""
    return (
        np.full(nodes, np.inf),
        np.empty(nodes, np.int32),
        np.full(int(limit / width) + 2, -1, np.int32),
        np.empty(_ROOM * nodes + 1, np.int32),
        np.empty(_ROOM * nodes + 1, np.int32),
        np.full(nodes, -1, np.int32),
    )


@nb.njit(cache=True, nogil=True)
def in_reach(source, limit, width, indptr, head, cost, work):  # type: ignore[no-untyped-def]
    """Return how many nodes lie within ``limit`` (rows in ``order``, costs in ``dist``), or -1 where the room ran out.

    Call :func:`clean_buckets` before the next search.
    """
    dist, order, first, after, item, place = work
    by = 1.0 / width
    dist[source] = 0.0
    order[0] = source
    item[0], after[0], first[0], place[source] = source, -1, 0, 0
    count, used, last, bucket = 1, 1, 0, 0
    while bucket <= last:
        entry = first[bucket]
        if entry < 0:
            bucket += 1
            continue
        first[bucket] = after[entry]
        node = item[entry]
        if place[node] != bucket:
            continue  # a shorter way was found since
        place[node] = -1
        so_far = dist[node]
        for arc in range(indptr[node], indptr[node + 1]):
            there = so_far + cost[arc]
            next_node = head[arc]
            if there <= limit and there < dist[next_node]:
                if dist[next_node] == np.inf:
                    order[count] = next_node
                    count += 1
                dist[next_node] = there
                shelf = int(there * by)
                if place[next_node] != shelf:
                    if used == item.size:
                        clean_buckets(count, work)
                        first[:] = -1
                        return -1
                    place[next_node] = shelf
                    item[used], after[used], first[shelf] = next_node, first[shelf], used
                    used += 1
                    last = max(last, shelf)
    return count


@nb.njit(cache=True, nogil=True)
def clean_buckets(count, work):  # type: ignore[no-untyped-def]
    """Make the arrays of a search ready for the next one."""
    dist, order, _first, _after, _item, place = work
    for i in range(count):
        dist[order[i]] = np.inf
        place[order[i]] = -1
