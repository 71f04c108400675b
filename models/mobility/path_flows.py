"""Compiled steps of the traffic assignment: flows held by path, moved to the cheapest path of each pair.

Paths of a pair form a chain (``first``, ``next_path``); their arcs lie in one pool. All flows are in passenger car units.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from models.mobility.heap import clean, tree, workspace

__all__ = ["arc_flows", "shortest_total", "sweep", "update_all"]


@nb.njit(cache=True, nogil=True, inline="always")
def _power(x, p):  # type: ignore[no-untyped-def]
    if p == 4.0:
        return (x * x) * (x * x)
    return x**p


@nb.njit(cache=True, nogil=True)
def update(arc, link, flow, time, steep):  # type: ignore[no-untyped-def]
    """Set time (BPR) and its derivative on one arc; link rows: free time, coefficient, capacity, power."""
    free, coefficient, capacity, power = link[0, arc], link[1, arc], link[2, arc], link[3, arc]
    if coefficient == 0.0 or free == 0.0:
        time[arc], steep[arc] = free, 0.0
    elif power == 0.0:
        time[arc], steep[arc] = free * (1.0 + coefficient), 0.0
    else:
        x = max(flow[arc], 0.0) / capacity
        time[arc] = free * (1.0 + coefficient * _power(x, power))
        steep[arc] = free * coefficient * power / capacity * x ** (power - 1.0) if x > 0.0 or power >= 1.0 else 0.0


@nb.njit(cache=True, nogil=True)
def update_all(link, flow, time, steep):  # type: ignore[no-untyped-def]
    """Set times and their derivatives on all arcs."""
    for arc in range(flow.size):
        update(arc, link, flow, time, steep)


@nb.njit(cache=True, nogil=True)
def shortest_total(start, stop, groups, pairs, demand, first_through, indptr, head, time, fixed, least):  # type: ignore[no-untyped-def]
    """Return the sum of demand times least cost over groups start to stop; ``least`` gets the cost of each pair."""
    work = workspace(indptr.size - 1)
    total = 0.0
    cost = np.empty(time.size)
    for g in range(start, stop):
        cost[:] = time + fixed[groups[g, 1]]
        count = tree(groups[g, 0], np.inf, first_through, indptr, head, cost, work)
        for k in range(groups[g, 2], groups[g, 3]):
            least[k] = work[0][pairs[k]]
            if least[k] < np.inf:
                total += demand[k] * least[k]
        clean(count, work)
    return total


@nb.njit(cache=True, nogil=True)
def _add(k, source, target, tail, arrived_by, paths, next_path, first, pool, used, way):  # type: ignore[no-untyped-def]
    """Add the tree's path of a pair to its chain, if it is new; return its row, or -1 if it is there already."""
    steps, node = 0, target
    while node != source:
        way[steps] = arrived_by[node]
        steps += 1
        node = tail[arrived_by[node]]
    path = first[k]
    while path >= 0:
        if paths[path, 1] == steps:
            begin, same = paths[path, 0], True
            for i in range(steps):
                if pool[begin + i] != way[i]:
                    same = False
                    break
            if same:
                return -1
        path = next_path[path]
    path = used[0]
    paths[path, 0], paths[path, 1] = used[1], steps
    for i in range(steps):
        pool[used[1] + i] = way[i]
    used[0] += 1
    used[1] += steps
    next_path[path] = first[k]
    first[k] = path
    return path


@nb.njit(cache=True, nogil=True)
def _shift(path, best, paths, pool, path_flow, link, flow, time, steep, fixed, mark, stamp):  # type: ignore[no-untyped-def]
    """Move flow from a path to the best one by a Newton step on the arcs that they do not share."""
    a, b = paths[path, 0], paths[best, 0]
    gain, slope = 0.0, 0.0
    for i in range(b, b + paths[best, 1]):
        mark[pool[i]] = stamp
        gain -= time[pool[i]] + fixed[pool[i]]
    for i in range(a, a + paths[path, 1]):
        arc = pool[i]
        gain += time[arc] + fixed[arc]
        if mark[arc] == stamp:
            mark[arc] = -stamp
        else:
            slope += steep[arc]
    for i in range(b, b + paths[best, 1]):
        if mark[pool[i]] == stamp:
            slope += steep[pool[i]]
    if gain <= 0.0:
        return
    move = path_flow[path] if slope <= 0.0 else min(path_flow[path], gain / slope)
    path_flow[path] -= move
    path_flow[best] += move
    for i in range(a, a + paths[path, 1]):
        arc = pool[i]
        if mark[arc] != -stamp:
            flow[arc] -= move
            update(arc, link, flow, time, steep)
    for i in range(b, b + paths[best, 1]):
        arc = pool[i]
        if mark[arc] == stamp:
            flow[arc] += move
            update(arc, link, flow, time, steep)


@nb.njit(cache=True, nogil=True)
def _balance(k, paths, next_path, first, pool, path_flow, link, flow, time, steep, fixed, mark, stamp):  # type: ignore[no-untyped-def]
    """Move flow of one pair from its dearer paths to the cheapest; drop empty paths; return the stamp."""
    best, least, path = -1, np.inf, first[k]
    while path >= 0:
        cost = 0.0
        for i in range(paths[path, 0], paths[path, 0] + paths[path, 1]):
            cost += time[pool[i]] + fixed[pool[i]]
        if cost < least:
            least, best = cost, path
        path = next_path[path]
    before, path = -1, first[k]
    while path >= 0:
        after = next_path[path]
        if path != best:
            if path_flow[path] > 0.0:
                stamp += 1
                _shift(path, best, paths, pool, path_flow, link, flow, time, steep, fixed, mark, stamp)
            if path_flow[path] <= 0.0:
                if before < 0:
                    first[k] = after
                else:
                    next_path[before] = after
                path = after
                continue
        before, path = path, after
    return stamp


@nb.njit(cache=True, nogil=True)
def sweep(  # type: ignore[no-untyped-def]
    begin, inner, groups, pairs, demand, first_through, indptr, tail, head, link, flow, time, steep, fixed,
    paths, next_path, first, pool, path_flow, used,
):  # fmt: skip
    """Go once over all pairs from group ``begin``; new shortest paths unless ``inner``.

    Returns the group at which the room for paths ran out (grow it and call again from there), or -1.
    """
    nodes = indptr.size - 1
    work = workspace(nodes)
    way = np.empty(nodes, np.int32)
    mark = np.zeros(time.size, np.int64)
    cost = np.empty(time.size)
    stamp = 0
    for g in range(begin, groups.shape[0]):
        source, kind = groups[g, 0], groups[g, 1]
        count = 0
        if not inner:
            cost[:] = time + fixed[kind]
            count = tree(source, np.inf, first_through, indptr, head, cost, work)
        for k in range(groups[g, 2], groups[g, 3]):
            if not inner:
                if used[0] + 1 >= paths.shape[0] or used[1] + nodes >= pool.size:
                    return g
                fresh = first[k] < 0
                path = _add(k, source, pairs[k], tail, work[1], paths, next_path, first, pool, used, way)
                if path >= 0:
                    path_flow[path] = demand[k] if fresh else 0.0
                    if fresh:
                        for i in range(paths[path, 0], paths[path, 0] + paths[path, 1]):
                            flow[pool[i]] += demand[k]
                            update(pool[i], link, flow, time, steep)
            if first[k] >= 0 and next_path[first[k]] >= 0:
                stamp = _balance(
                    k, paths, next_path, first, pool, path_flow, link, flow, time, steep, fixed[kind], mark, stamp
                )
        clean(count, work)
    return -1


@nb.njit(cache=True, nogil=True)
def arc_flows(groups, paths, next_path, first, pool, path_flow, out):  # type: ignore[no-untyped-def]
    """Add the path flows up on the arcs of each class, ``out[class, arc]``; free of what rounding left over."""
    for g in range(groups.shape[0]):
        for k in range(groups[g, 2], groups[g, 3]):
            path = first[k]
            while path >= 0:
                for i in range(paths[path, 0], paths[path, 0] + paths[path, 1]):
                    out[groups[g, 1], pool[i]] += path_flow[path]
                path = next_path[path]
