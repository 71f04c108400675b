"""What the compiled scanner found, piece by piece, gathered to :class:`twin.city.citygml.parsed.Parsed`."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from twin.city.citygml.attributes import put
from twin.city.citygml.fragments import Fragments
from twin.city.citygml.names import local_name
from twin.city.citygml.parsed import Implicit, Parsed
from twin.city.citygml.scan_names import Head, NameTable, UnusualError
from twin.city.citygml.scan_state import (
    APPEARANCES,
    CURVES,
    N_ATTRIBUTES,
    N_BOUNDARIES,
    N_BOUNDARY_TEXT,
    N_CONTAINER_TEXT,
    N_CONTAINERS,
    N_FOREIGN,
    N_HARD,
    N_IMPLICITS,
    N_LATE,
    N_OBJECT_TEXT,
    N_OBJECTS,
    N_OTHER_TEXT,
    N_PLACES,
    N_POLYGON_TEXT,
    N_POLYGONS,
    N_REFERENCE_TEXT,
    N_REFERENCES,
    N_RINGS,
    N_RUN_SYSTEMS,
    N_RUNS,
    N_SHELLS,
    N_SOLIDS,
    N_SYSTEMS,
    N_VALUES,
    POINTS,
    Output,
)

__all__ = ["Gathered"]

_TABLES = {  # arrays that are only put one after the other
    "runs": N_RUNS, "polygons": N_POLYGONS, "rings": N_RINGS, "values": N_VALUES, "containers": N_CONTAINERS,
    "solids": N_SOLIDS, "shells": N_SHELLS, "references": N_REFERENCES, "late": N_LATE, "run_systems": N_RUN_SYSTEMS,
    "objects": N_OBJECTS, "boundaries": N_BOUNDARIES,
}  # fmt: skip


class Gathered:
    """Takes one piece of a document after the other.

    Parameters
    ----------
    path : str
        File name.
    head : Head
        Root and prefixes of the document.
    elements : NameTable
        Names of the elements the scanner met.
    """

    def __init__(self, path: str, head: Head, elements: NameTable) -> None:
        self._parsed = Parsed(path, head.root)
        self._elements = elements
        self._fragments = Fragments(head.prefixes)
        self._tables: dict[str, list[np.ndarray]] = {name: [] for name in _TABLES}
        self._container_ids: list[str | None] = []
        self._systems: list[str] = []
        self._single: dict[bytes, dict[str, Any]] = {}
        self._several: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._locals: list[str] = []

    def take(self, data: np.ndarray, filled: int, out: Output) -> None:
        """Take what the scanner found in ``data[:filled]``.

        Raises
        ------
        UnusualError
            If a number or a text is none the scanner knows to be right.
        """
        counts, parsed = out.counts, self._parsed
        self._locals += [local_name(name) for name in self._elements.full[len(self._locals) :]]
        for start, stop, place in out.hard[: counts[N_HARD]].tolist():
            try:
                out.values[place] = float(data[start:stop].tobytes())
            except ValueError:
                raise UnusualError from None
        for name, number in _TABLES.items():
            self._tables[name].append(getattr(out, name)[: counts[number]].copy())
        parsed.object_ids += _ids(out.object_text, counts[N_OBJECT_TEXT])
        parsed.boundary_ids += _ids(out.boundary_text, counts[N_BOUNDARY_TEXT])
        parsed.polygon_ids += _ids(out.polygon_text, counts[N_POLYGON_TEXT])
        self._container_ids += _ids(out.container_text, counts[N_CONTAINER_TEXT])
        parsed.references += _texts(out.reference_text, counts[N_REFERENCE_TEXT])
        parsed.other_ids.update(_texts(out.other_text, counts[N_OTHER_TEXT]))
        kinds, objects, boundaries = self._locals, self._tables["objects"][-1], self._tables["boundaries"][-1]
        parsed.object_kinds += [kinds[name] for name in objects[:, 0].tolist()]
        parsed.boundary_kinds += [kinds[name] for name in boundaries[:, 0].tolist()]
        parsed.object_attributes += [{} for _ in range(len(objects))]
        parsed.boundary_attributes += [None] * len(boundaries)
        raw = data[:filled].tobytes()
        self._take_systems(raw, out)
        self._take_attributes(raw, out)
        self._take_places(raw, out)

    def _take_systems(self, raw: bytes, out: Output) -> None:
        for start, stop, model, count in out.systems[: out.counts[N_SYSTEMS]].tolist():
            name = raw[start:stop].decode()
            self._systems.append(name)
            self._parsed.srs_names[name] += count
            if model:
                self._parsed.model_srs = name

    def _take_places(self, raw: bytes, out: Output) -> None:
        implicits = self._parsed.implicits
        implicits += [Implicit(*row) for row in out.implicits[: out.counts[N_IMPLICITS]].tolist()]
        for number, what, start, stop in out.places[: out.counts[N_PLACES]].tolist():
            text = raw[start:stop].decode().replace("\r\n", "\n").replace("\r", "\n")
            setattr(implicits[number], ("matrix", "point", "href")[what], text)

    def _take_attributes(self, raw: bytes, out: Output) -> None:
        rows = out.attributes[: out.counts[N_ATTRIBUTES]]
        texts = [raw[start:stop] for start, stop in rows[:, 3:5].tolist()]
        told = rows[:, 5].tolist()
        self._fragments.learn(text for text, reference in zip(texts, told, strict=True) if not reference)
        known, parsed = self._fragments.known, self._parsed
        objects, model = parsed.object_attributes, parsed.model_attributes
        for (level, owner, name), text, reference in zip(rows[:, :3].tolist(), texts, told, strict=True):
            if reference:
                href = text.decode()
                found = (self._locals[name], href, href)
            else:
                found = known[text]
                if found is None:
                    continue
            key, value, href = found
            if href is not None:
                self._refer(level, owner, key, href)
            if level == 2:
                self._put_boundary(owner, text, key, value)
                continue
            attributes = objects[owner] if level else model
            if key in attributes:
                put(attributes, key, value)
            else:
                attributes[key] = value

    def _refer(self, level: int, owner: int, key: str, href: str) -> None:
        if level == 2:
            owner = self._object_of(owner)
        self._parsed.feature_references.append((owner if level else -1, key, href))

    def _object_of(self, boundary: int) -> int:
        for table in self._tables["boundaries"]:
            if boundary < len(table):
                return int(table[boundary, 1])
            boundary -= len(table)
        raise IndexError(boundary)

    def _put_boundary(self, owner: int, text: bytes, key: str, value: Any) -> None:
        """Most surfaces carry the same date and nothing else: one dictionary serves all of them."""
        attributes = self._parsed.boundary_attributes
        before = attributes[owner]
        if before is None:
            attributes[owner] = self._single.setdefault(text, {key: value})
            if len(self._single) > 20_000:
                self._single.clear()
            return
        several = dict(before)
        put(several, key, value)
        with contextlib.suppress(TypeError):  # holds a list or a dictionary
            several = self._several.setdefault(tuple(several.items()), several)
        if len(self._several) > 20_000:
            self._several.clear()
        attributes[owner] = several

    def parsed(self, state: np.ndarray) -> Parsed:
        """Return the whole document; ``state`` is that of the scanner at the end."""
        parsed = self._parsed
        tables: dict[str, np.ndarray] = {}
        for name in _TABLES:
            tables[name] = np.concatenate(self._tables.pop(name))
        parsed.object_parents = tables["objects"][:, 1].copy()
        parsed.boundary_objects, parsed.boundary_parents = tables["boundaries"][:, 1:].T.copy()
        parsed.runs = self._runs(tables["runs"], tables["run_systems"])
        parsed.polygon_rings = tables["polygons"][:, 0].copy()
        parsed.polygon_elements = tables["polygons"][:, 1].copy()
        parsed.reversed_polygons = np.flatnonzero(tables["polygons"][:, 2])
        parsed.late_exteriors = tables["late"]
        parsed.values = tables["values"]
        parsed.ring_values, parsed.ring_dimensions = tables["rings"].T.copy()
        parsed.reversed_references = np.flatnonzero(tables["references"][:, 0])
        parsed.container_ids = [str(self._container_ids[i]) for i in tables["containers"][:, 0].tolist()]
        parsed.containers = tables["containers"][:, 1:].copy()
        parsed.solids, parsed.shells = tables["solids"], tables["shells"]
        parsed.appearances, parsed.curves, parsed.points = (int(state[i]) for i in (APPEARANCES, CURVES, POINTS))
        self._count_extensions(tables["objects"][:, 0])
        return parsed

    def _runs(self, runs: np.ndarray, changes: np.ndarray) -> np.ndarray:
        """Give each run the row of its srsName, in the order runs first have them."""
        column = runs[:, 5]
        column[changes[:, 0]] = changes[:, 1]
        names = [self._systems[i] if i >= 0 else "" for i in np.unique(column).tolist()]
        text_of = dict(zip(np.unique(column).tolist(), names, strict=True))
        told, first = np.unique(column, return_index=True)
        order = told[np.argsort(first)].tolist()
        self._parsed.systems = list(dict.fromkeys(text_of[i] for i in order if i >= 0))
        number = {name: i for i, name in enumerate(self._parsed.systems)} | {"": -1}
        lookup = np.array([number[text_of[i]] for i in told.tolist()], dtype=np.int64)
        runs[:, 5] = lookup[np.searchsorted(told, column)] if len(runs) else column
        return runs

    def _count_extensions(self, names: np.ndarray) -> None:
        parsed, full = self._parsed, self._elements.full
        left_out = self._elements.names.foreign
        parsed.foreign.update({name: int(left_out[i]) for i, name in enumerate(full) if left_out[i]})
        counts = np.bincount(names, minlength=len(full))
        foreign = self._elements.names.rows[: len(full), N_FOREIGN]
        parsed.foreign_objects.update({n: int(counts[i]) for i, n in enumerate(full) if foreign[i] and counts[i]})


def _texts(text: np.ndarray, filled: int) -> list[str]:
    return text[:filled].tobytes().decode().split("\n")[:-1]


def _ids(text: np.ndarray, filled: int) -> list[str | None]:
    return [found or None for found in _texts(text, filled)]
