"""Shortest-path trees in compiled code: a binary heap whose entries can be moved up, and a bounded Dijkstra search.

The arrays of a search are made once (:func:`workspace`) and cleaned by the list of nodes it touched, so that many small
searches on a large network cost what they reach. Costs must not be negative; ``inf`` is closed.
"""

from __future__ import annotations

import numba as nb
import numpy as np

__all__ = ["clean", "pop", "push", "tree", "workspace"]


@nb.njit(cache=True, nogil=True, inline="always")
def push(node, key, keys, items, place, size):  # type: ignore[no-untyped-def]
    """Put a node into the heap, or move it up if it stands there with a larger key; return the new size."""
    i = place[node]
    if i < 0:
        i = size
        size += 1
    while i > 0:
        parent = (i - 1) >> 1
        if keys[parent] <= key:
            break
        keys[i] = keys[parent]
        items[i] = items[parent]
        place[items[i]] = i
        i = parent
    keys[i] = key
    items[i] = node
    place[node] = i
    return size


@nb.njit(cache=True, nogil=True, inline="always")
def pop(keys, items, place, size):  # type: ignore[no-untyped-def]
    """Take the first node off the heap (read it before); return the new size."""
    place[items[0]] = -2
    size -= 1
    if size > 0:
        key, node, i = keys[size], items[size], 0
        while True:
            child = 2 * i + 1
            if child >= size:
                break
            if child + 1 < size and keys[child + 1] < keys[child]:
                child += 1
            if keys[child] >= key:
                break
            keys[i] = keys[child]
            items[i] = items[child]
            place[items[i]] = i
            i = child
        keys[i] = key
        items[i] = node
        place[node] = i
    return size


@nb.njit(cache=True, nogil=True)
def workspace(nodes):  # type: ignore[no-untyped-def]
    """Return the arrays of a search: ``(dist, arrived_by, order, keys, items, place)``."""
    return (
        np.full(nodes, np.inf),
        np.full(nodes, -1, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes + 1),
        np.empty(nodes + 1, np.int32),
        np.full(nodes, -1, np.int32),
    )


@nb.njit(cache=True, nogil=True)
def tree(source, limit, first_through, indptr, head, cost, work):  # type: ignore[no-untyped-def]
    """Settle all nodes within ``limit`` of the source; return how many, in the order ``order``.

    ``dist`` holds the costs, ``arrived_by`` the arc by which each node is reached (-1 for the source). Nodes below
    ``first_through`` end trips and are not passed through. Call :func:`clean` before the next search.
    """
    dist, arrived_by, order, keys, items, place = work
    dist[source] = 0.0
    arrived_by[source] = -1
    size = push(source, 0.0, keys, items, place, 0)
    count = 0
    while size > 0:
        node, so_far = items[0], keys[0]
        size = pop(keys, items, place, size)
        order[count] = node
        count += 1
        if node < first_through and node != source:
            continue
        for arc in range(indptr[node], indptr[node + 1]):
            there = so_far + cost[arc]
            next_node = head[arc]
            if there <= limit and there < dist[next_node]:
                dist[next_node] = there
                arrived_by[next_node] = arc
                size = push(next_node, there, keys, items, place, size)
    return count


@nb.njit(cache=True, nogil=True)
def clean(count, work):  # type: ignore[no-untyped-def]
    """Make the arrays of a search ready for the next one."""
    dist, arrived_by, order, _keys, _items, place = work
    for i in range(count):
        node = order[i]
        dist[node] = np.inf
        arrived_by[node] = -1
        place[node] = -1
