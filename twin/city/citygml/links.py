"""References of one CityGML file: solids made of surfaces told elsewhere, and surfaces that take polygons from solids.

A solid of references adds no polygons: its shells are lists of rows in ``City.polygons``. A thematic surface that
refers to a polygon inside a solid gives that polygon its meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.city.citygml.parsed import RUN_COLUMNS, Parsed
from twin.city.footprints import ranges
from twin.city.gaps import GapLog

__all__ = ["Links"]


class Links:
    """Resolves the references of one file.

    Parameters
    ----------
    parsed : Parsed
        After the last byte was read.
    row : numpy.ndarray
        Row of each of the file's polygons, -1 where it was left out.
    """

    def __init__(self, parsed: Parsed, row: np.ndarray) -> None:
        self._parsed = parsed
        self._row = row
        targets = {_target(href) for href in parsed.references}
        targets.update(_target(place.href) for place in parsed.implicits if place.href)
        self._polygons: dict[str, int] = {}
        self._twice: set[str] = set()
        for i, found in enumerate(parsed.polygon_ids):
            if found in targets:
                if found in self._polygons:
                    self._twice.add(str(found))
                self._polygons.setdefault(str(found), i)
        places = zip(parsed.container_ids, parsed.containers.tolist(), strict=True)
        self._containers: dict[str, list[int]] = {}
        for found, place in places:
            if found in targets:
                self._containers.setdefault(found, place)
        found_at = self._polygons.get
        self._simple = np.array([found_at(_target(href), -1) for href in parsed.references], dtype=np.int64)
        self._known: dict[str, list[int]] = {}
        self.missing: list[str] = []
        self.elsewhere: list[str] = []
        self.cycles: list[str] = []

    def polygons_of(self, href: str) -> list[int]:
        """Return the file's polygon numbers a reference stands for; what is not found is noted."""
        name = _target(href)
        if name not in self._known:
            self._resolve(href, name)
        return self._known[name]

    def _resolve(self, href: str, name: str) -> None:
        """Walk down containers of references without recursion, so that no chain of them is too long."""
        stack: list[tuple[str, str, bool]] = [(href, name, False)]
        path: set[str] = set()
        while stack:
            href, name, done = stack.pop()
            if done:
                path.discard(name)
                self._known[name] = self._gather(name)
            elif name in self._known:
                continue
            elif name in path:
                self.cycles.append(href)
            elif name in self._polygons:
                self._known[name] = [self._polygons[name]]
            elif name in self._containers:
                path.add(name)
                stack.append((href, name, True))
                stack.extend((inner, _target(inner), False) for inner in self._inner(name))
            else:
                self._known[name] = []
                (self.elsewhere if _is_elsewhere(href) else self.missing).append(href)

    def _inner(self, name: str) -> list[str]:
        _, _, first, last = self._containers[name]
        return self._parsed.references[first:last]

    def _gather(self, name: str) -> list[int]:
        first, last, _, _ = self._containers[name]
        found = [*range(first, last)]
        for inner in self._inner(name):
            found.extend(self._known.get(_target(inner), ()))
        return found

    def shells(self) -> dict[str, np.ndarray]:
        """Return one row for each polygon of each shell of each solid."""
        parsed = self._parsed
        told, solids = parsed.shells, parsed.solids
        lods = np.append(parsed.runs[:, RUN_COLUMNS.index("lod")], -1).astype(np.int8)
        direct, direct_shell = ranges(told[:, 2], told[:, 3])
        reference, reference_shell = ranges(told[:, 4], told[:, 5])
        polygon = self._simple[reference]
        turned = np.zeros(len(parsed.references), dtype=bool)
        turned[parsed.reversed_references] = True
        plain = polygon >= 0
        shell = [direct_shell, reference_shell[plain]]
        polygons = [direct, polygon[plain]]
        flipped = [np.zeros(len(direct), dtype=bool), turned[reference[plain]]]
        for i, s in zip(reference[~plain], reference_shell[~plain], strict=True):
            found = self.polygons_of(parsed.references[i])
            polygons.append(np.array(found, dtype=np.int64))
            shell.append(np.full(len(found), s))
            flipped.append(np.full(len(found), turned[i]))
        row = self._row[np.concatenate(polygons)]
        which, reverse = np.concatenate(shell), np.concatenate(flipped)
        order = np.argsort(which, kind="stable")
        order = order[row[order] >= 0]
        row, which, reverse = row[order], which[order], reverse[order]
        solid = told[which, 0]
        return {
            "object": solids[solid, 0],
            "lod": lods[solids[solid, 1]],
            "solid": solid,
            "shell": told[which, 1],
            "polygon": row,
            "reversed": reverse,
            "composite": self._composites()[solid],
        }

    def _composites(self) -> np.ndarray:
        """Return the composite solid each solid is part of, -1 = none: by its place, or because one refers to it."""
        parsed = self._parsed
        told, number = parsed.shells, parsed.solids[:, 2].copy()
        if not len(parsed.composites) or not len(told):
            return number
        low, high = (np.zeros((len(number), 2), dtype=np.int64) for _ in range(2))
        first = np.flatnonzero(np.diff(told[:, 0], prepend=-1))  # shells of a solid stand together
        low[told[first, 0]] = np.minimum.reduceat(told[:, [2, 4]], first)
        high[told[first, 0]] = np.maximum.reduceat(told[:, [3, 5]], first)
        full = np.isin(np.arange(len(number)), told[:, 0])
        inside, _ = ranges(told[:, 4], told[:, 5])
        for composite, (start, stop) in enumerate(parsed.composites.tolist()):
            for reference in np.setdiff1d(np.arange(start, stop), inside).tolist():
                place = self._containers.get(_target(parsed.references[reference]))
                if place is not None:
                    within = (low >= np.array(place)[[0, 2]]) & (high <= np.array(place)[[1, 3]])
                    number[full & within.all(axis=1) & (number < 0)] = composite
        return number

    def adopt(self, run: np.ndarray, run_boundary: np.ndarray) -> np.ndarray:
        """Return the run of each polygon row, those referred to by a thematic surface moved to that surface's run."""
        parsed = self._parsed
        changed = run.copy()
        starts = np.append(parsed.runs[:, RUN_COLUMNS.index("reference")], len(parsed.references))
        for i in np.flatnonzero((run_boundary >= 0) & (np.diff(starts) > 0)):
            for href in parsed.references[starts[i] : starts[i + 1]]:
                for polygon in self.polygons_of(href):
                    row = self._row[polygon]
                    if row >= 0 and run[row] >= 0 and run_boundary[run[row]] < 0:
                        changed[row] = i
        return changed

    def finish(self, name: str, log: GapLog) -> None:
        """Resolve what nobody asked for yet and write the gap rows."""
        parsed = self._parsed
        for i in np.flatnonzero(self._simple < 0):
            self.polygons_of(parsed.references[i])
        known = {*parsed.other_ids, *self._containers, *self._polygons}
        known.update(found for found in (*parsed.object_ids, *parsed.boundary_ids) if found)
        lost = [(p, h) for _, p, h in parsed.feature_references if h.removeprefix("#") not in known]
        if lost:
            known.update(found for found in parsed.polygon_ids if found)
            known.update(parsed.container_ids)
            lost = [(p, h) for p, h in lost if h.removeprefix("#") not in known]
        elsewhere = [*self.elsewhere, *(h for _, h in lost if _is_elsewhere(h))]
        missing = [*self.missing, *(h for _, h in lost if not _is_elsewhere(h))]
        total = len(parsed.references) + len(parsed.feature_references)
        rows: tuple[tuple[str, str, list[Any]], ...] = (
            ("gml_xlink_missing", "warning", missing),
            ("gml_xlink_elsewhere", "info", elsewhere),
            ("gml_xlink_cycle", "warning", self.cycles),
            ("gml_polygon_id_twice", "warning", sorted(self._twice)),
        )
        for code, severity, places in rows:
            log.add(code, layer="buildings", severity=severity, count=len(places), of=total, source=name, places=places)


def _target(href: str) -> str:
    return href[1:] if href[:1] == "#" else href.rpartition("#")[2]


def _is_elsewhere(href: str) -> bool:
    """Tell references into another file or to the web: ``tile.gml#id``, ``https://...``; a bare id is meant locally."""
    return ("#" in href and not href.startswith("#")) or "://" in href or href.startswith("urn:")
