"""References of one CityGML file: solids made of surfaces told elsewhere, and surfaces that take polygons from solids.

A solid of references adds no polygons: its shells are lists of rows in ``City.polygons``. A thematic surface that
refers to a polygon inside a solid gives that polygon its meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.city.gaps import GapLog
from twin.city.gml_events import Events

__all__ = ["Links"]


class Links:
    """Resolves the references of one file.

    Parameters
    ----------
    events : Events
        After the last byte was read.
    row : numpy.ndarray
        Row of each of the file's polygons, -1 where it was left out.
    """

    def __init__(self, events: Events, row: np.ndarray) -> None:
        self._events = events
        self._row = row
        targets = {_target(href) for href in events.references}
        self._polygons: dict[str, int] = {}
        self._twice: set[str] = set()
        for i, found in enumerate(events.polygon_ids):
            if found in targets:
                if found in self._polygons:
                    self._twice.add(str(found))
                self._polygons.setdefault(str(found), i)
        self._containers = {c[0]: c for c in reversed(events.containers) if c[0] in targets}
        self._known: dict[str, list[int]] = {}
        self._open: set[str] = set()
        self.missing: list[str] = []
        self.elsewhere: list[str] = []
        self.cycles: list[str] = []

    def polygons_of(self, href: str) -> list[int]:
        """Return the file's polygon numbers a reference stands for; what is not found is noted."""
        name = _target(href)
        if name in self._known:
            return self._known[name]
        if name in self._open:
            self.cycles.append(href)
            return []
        self._open.add(name)
        if name in self._polygons:
            found = [self._polygons[name]]
        elif name in self._containers:
            _, first, last, reference, end = self._containers[name]
            found = [*range(first, last)]
            for inner in self._events.references[reference:end]:
                found.extend(self.polygons_of(inner))
        else:
            found = []
            (self.elsewhere if _is_elsewhere(href) else self.missing).append(href)
        self._open.discard(name)
        self._known[name] = found
        return found

    def shells(self) -> dict[str, np.ndarray]:
        """Return one row for each polygon of each shell of each solid."""
        events = self._events
        flipped = set(events.reversed_references)
        rows: list[tuple[int, int, int, int, int, bool]] = []
        for solid, shell, first, last, reference, end in events.shells:
            owner, run, _ = events.solids[solid]
            lod = events.runs[run][3] if run >= 0 else -1
            members = [(polygon, False) for polygon in range(first, last)]
            for i in range(reference, end):
                members.extend((polygon, i in flipped) for polygon in self.polygons_of(events.references[i]))
            rows.extend((owner, lod, solid, shell, int(self._row[p]), turned) for p, turned in members)
        kept = [row for row in rows if row[4] >= 0]
        columns = list(zip(*kept, strict=True)) if kept else [()] * 6
        types = (np.int64, np.int8, np.int64, np.int64, np.int64, bool)
        names = ("object", "lod", "solid", "shell", "polygon", "reversed")
        return {name: np.array(values, dtype=t) for name, values, t in zip(names, columns, types, strict=True)}

    def adopt(self, run: np.ndarray, run_boundary: np.ndarray) -> np.ndarray:
        """Return the run of each polygon row, those referred to by a thematic surface moved to that surface's run."""
        events = self._events
        changed = run.copy()
        starts = [r[6] for r in events.runs] + [len(events.references)]
        for i in np.flatnonzero(run_boundary >= 0):
            for href in events.references[starts[i] : starts[i + 1]]:
                for polygon in self.polygons_of(href):
                    row = self._row[polygon]
                    if row >= 0 and run[row] >= 0 and run_boundary[run[row]] < 0:
                        changed[row] = i
        return changed

    def finish(self, name: str, log: GapLog) -> None:
        """Resolve what nobody asked for yet and write the gap rows."""
        events = self._events
        for href in events.references:
            self.polygons_of(href)
        known = {*events.other_ids, *self._containers, *self._polygons}
        known.update(found for found in (*events.object_ids, *events.boundary_ids) if found)
        lost = [(p, h) for _, p, h in events.feature_references if h.removeprefix("#") not in known]
        if lost:
            known.update(found for found in events.polygon_ids if found)
            known.update(container[0] for container in events.containers)
            lost = [(p, h) for p, h in lost if h.removeprefix("#") not in known]
        elsewhere = [*self.elsewhere, *(h for _, h in lost if _is_elsewhere(h))]
        missing = [*self.missing, *(h for _, h in lost if not _is_elsewhere(h))]
        total = len(events.references) + len(events.feature_references)
        rows: tuple[tuple[str, str, list[Any]], ...] = (
            ("gml_xlink_missing", "warning", missing),
            ("gml_xlink_elsewhere", "info", elsewhere),
            ("gml_xlink_cycle", "warning", self.cycles),
            ("gml_polygon_id_twice", "warning", sorted(self._twice)),
        )
        for code, severity, places in rows:
            log.add(code, layer="buildings", severity=severity, count=len(places), of=total, source=name, places=places)


def _target(href: str) -> str:
    return href.rpartition("#")[2]


def _is_elsewhere(href: str) -> bool:
    """Tell references into another file or to the web: ``tile.gml#id``, ``https://...``; a bare id is meant locally."""
    return ("#" in href and not href.startswith("#")) or "://" in href or href.startswith("urn:")
