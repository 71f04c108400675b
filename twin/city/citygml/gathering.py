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
    ATTRIBUTE_ROWS,
    BOUNDARY_ROWS,
    BOUNDARY_TEXT,
    COMPOSITE_ROWS,
    CONTAINER_ROWS,
    CONTAINER_TEXT,
    CURVES,
    HARD_ROWS,
    IMPLICIT_ROWS,
    LATE_ROWS,
    N_FOREIGN,
    N_LEFT_OUT,
    OBJECT_ROWS,
    OBJECT_TEXT,
    OTHER_TEXT,
    PLACE_ROWS,
    POINTS,
    POLYGON_ROWS,
    POLYGON_TEXT,
    REFERENCE_ROWS,
    REFERENCE_TEXT,
    RING_ROWS,
    RUN_ROWS,
    RUN_SYSTEM_ROWS,
    SHELL_ROWS,
    SOLID_ROWS,
    SYSTEM_ROWS,
    TABLES,
    VALUES,
)

__all__ = ["Gathered"]

_COLUMNS = {  # tables that are only put one after the other, and their columns
    OBJECT_ROWS: 2, BOUNDARY_ROWS: 3, RUN_ROWS: 7, POLYGON_ROWS: 3, RING_ROWS: 2, CONTAINER_ROWS: 5, SOLID_ROWS: 3,
    SHELL_ROWS: 6, REFERENCE_ROWS: 1, LATE_ROWS: 2, RUN_SYSTEM_ROWS: 2,
    COMPOSITE_ROWS: 2,
}  # fmt: skip

_FIRST_ROOM = 1 << 12


class _Grown:
    """Rows that are added to; room is made in place, so that nothing is held twice."""

    def __init__(self, columns: int, dtype: type) -> None:
        self._array: np.ndarray = np.empty((_FIRST_ROOM, columns), dtype=dtype)
        self._filled = 0

    def add(self, rows: np.ndarray) -> None:
        """Add rows."""
        stop = self._filled + len(rows)
        if stop > len(self._array):
            self._array.resize((max(stop, 2 * len(self._array)), self._array.shape[1]), refcheck=False)
        self._array[self._filled : stop] = rows
        self._filled = stop

    def __getitem__(self, row: int) -> np.ndarray:
        return self._array[row]

    def taken(self) -> np.ndarray:
        """Return all rows; none can be added after."""
        self._array.resize((self._filled, self._array.shape[1]), refcheck=False)
        return self._array


class Gathered:
    """Takes one piece of a document after the other.

    Parameters
    ----------
    path : str
        File name.
    head : Head
        Root and prefixes of the document.
    names : NameTable
        Names the scanner met.
    """

    def __init__(self, path: str, head: Head, names: NameTable) -> None:
        self._parsed = Parsed(path, head.root)
        self._names = names
        self._fragments = Fragments(head.prefixes)
        self._tables = {number: _Grown(columns, np.int64) for number, columns in _COLUMNS.items()}
        self._values = _Grown(1, np.float64)
        self._container_ids: list[str] = []
        self._systems: list[str] = []
        self._single: dict[bytes, dict[str, Any]] = {}
        self._several: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._locals: list[str] = []

    def take(
        self,
        data: np.ndarray,
        filled: int,
        state: np.ndarray,
        rows: np.ndarray,
        texts: np.ndarray,
        values: np.ndarray,
    ) -> None:
        """Take what the scanner found in ``data[:filled]``.

        Raises
        ------
        UnusualError
            If a number is none the scanner knows to be right.
        """
        parsed = self._parsed

        def table(number: int) -> np.ndarray:
            return rows[number, : state[number]]

        def text(number: int) -> list[str]:
            return texts[number - TABLES, : state[number]].tobytes().decode().split("\n")[:-1]

        for start, stop, place in table(HARD_ROWS)[:, :3].tolist():
            try:
                values[place] = float(data[start:stop].tobytes())
            except ValueError:
                raise UnusualError from None
        self._values.add(values[: state[VALUES], None])
        for number, columns in _COLUMNS.items():
            self._tables[number].add(table(number)[:, :columns])
        parsed.object_ids += _ids(text(OBJECT_TEXT))
        parsed.boundary_ids += _ids(text(BOUNDARY_TEXT))
        parsed.polygon_ids += _ids(text(POLYGON_TEXT))
        self._container_ids += text(CONTAINER_TEXT)
        parsed.references += text(REFERENCE_TEXT)
        parsed.other_ids.update(text(OTHER_TEXT))
        self._locals += [local_name(name) for name in self._names.elements[len(self._locals) :]]
        objects, boundaries = table(OBJECT_ROWS)[:, 0].tolist(), table(BOUNDARY_ROWS)[:, 0].tolist()
        parsed.object_kinds += [self._locals[name] for name in objects]
        parsed.boundary_kinds += [self._locals[name] for name in boundaries]
        parsed.object_attributes += [{} for _ in objects]
        parsed.boundary_attributes += [None] * len(boundaries)
        raw = data[:filled].tobytes()
        self._take_systems(raw, table(SYSTEM_ROWS))
        self._take_attributes(raw, table(ATTRIBUTE_ROWS))
        self._take_places(raw, table(IMPLICIT_ROWS), table(PLACE_ROWS))

    def _take_systems(self, raw: bytes, rows: np.ndarray) -> None:
        for start, stop, model, count in rows[:, :4].tolist():
            name = raw[start:stop].decode()
            self._systems.append(name)
            self._parsed.srs_names[name] += count
            if model:
                self._parsed.model_srs = name

    def _take_places(self, raw: bytes, implicit_rows: np.ndarray, rows: np.ndarray) -> None:
        implicits = self._parsed.implicits
        implicits += [Implicit(*row) for row in implicit_rows[:, :3].tolist()]
        for number, what, start, stop in rows[:, :4].tolist():
            text = raw[start:stop].decode().replace("\r\n", "\n").replace("\r", "\n")
            setattr(implicits[number], ("matrix", "point", "href")[what], text)

    def _take_attributes(self, raw: bytes, rows: np.ndarray) -> None:
        texts = [raw[start:stop] for start, stop in rows[:, 3:5].tolist()]
        told = rows[:, 5].tolist()
        self._fragments.learn(text for text, reference in zip(texts, told, strict=True) if not reference)
        known, parsed = self._fragments.known, self._parsed
        objects, model = parsed.object_attributes, parsed.model_attributes
        for (level, owner, name), text, reference in zip(rows[:, :3].tolist(), texts, told, strict=True):
            found = (self._locals[name], text.decode(), text.decode()) if reference else known[text]
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
        return int(self._tables[BOUNDARY_ROWS][boundary][1])

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
        tables = {number: table.taken() for number, table in self._tables.items()}
        parsed.object_parents = tables[OBJECT_ROWS][:, 1].copy()
        parsed.boundary_objects, parsed.boundary_parents = tables[BOUNDARY_ROWS][:, 1:].T.copy()
        parsed.runs = self._runs(tables[RUN_ROWS], tables[RUN_SYSTEM_ROWS])
        parsed.polygon_rings, parsed.polygon_elements = tables[POLYGON_ROWS][:, :2].T.copy()
        parsed.reversed_polygons = np.flatnonzero(tables[POLYGON_ROWS][:, 2])
        parsed.late_exteriors = tables[LATE_ROWS]
        parsed.values = self._values.taken().ravel()
        parsed.ring_values, parsed.ring_dimensions = tables[RING_ROWS].T.copy()
        parsed.reversed_references = np.flatnonzero(tables[REFERENCE_ROWS][:, 0])
        parsed.container_ids = [self._container_ids[i] for i in tables[CONTAINER_ROWS][:, 0].tolist()]
        parsed.containers = tables[CONTAINER_ROWS][:, 1:].copy()
        parsed.solids, parsed.shells = tables[SOLID_ROWS], tables[SHELL_ROWS]
        parsed.composites = tables[COMPOSITE_ROWS]
        parsed.appearances, parsed.curves, parsed.points = (int(state[i]) for i in (APPEARANCES, CURVES, POINTS))
        self._count_extensions(tables[OBJECT_ROWS][:, 0])
        return parsed

    def _runs(self, runs: np.ndarray, changes: np.ndarray) -> np.ndarray:
        """Give each run the row of its srsName, in the order runs first have them."""
        column = runs[:, 5]
        column[changes[:, 0]] = changes[:, 1]
        told, first = np.unique(column, return_index=True)
        text_of = {i: self._systems[i] if i >= 0 else "" for i in told.tolist()}
        order = [text_of[i] for i in told[np.argsort(first)].tolist()]
        self._parsed.systems = [name for name in dict.fromkeys(order) if name]
        number = {name: i for i, name in enumerate(self._parsed.systems)} | {"": -1}
        lookup = np.array([number[text_of[i]] for i in told.tolist()], dtype=np.int64)
        runs[:, 5] = lookup[np.searchsorted(told, column)] if len(runs) else column
        return runs

    def _count_extensions(self, objects: np.ndarray) -> None:
        parsed, elements = self._parsed, self._names.elements
        left_out, foreign = self._names.names[: len(elements), [N_LEFT_OUT, N_FOREIGN]].T.tolist()
        counts = np.bincount(objects, minlength=len(elements)).tolist()
        parsed.foreign.update({name: left_out[i] for i, name in enumerate(elements) if left_out[i]})
        parsed.foreign_objects.update({n: counts[i] for i, n in enumerate(elements) if foreign[i] and counts[i]})


def _ids(texts: list[str]) -> list[str | None]:
    return [found or None for found in texts]
