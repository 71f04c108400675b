"""CityJSON 1.0, 1.1, 2.0 and CityJSONSeq to one columnar city.

One document after the other: its text without the long lists of numbers (:mod:`twin.city.cityjson.documents`), its
objects (:mod:`~twin.city.cityjson.objects`), its faces (:mod:`~twin.city.cityjson.geometries`). The columns are those
of the CityGML reader, and so are the steps that make several files one city.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj

from twin.city.citygml.columns import FileColumns, joined
from twin.city.citygml.files import GmlFile
from twin.city.citygml.geometry import ELEMENTS
from twin.city.citygml.systems import common_crs, given_crs
from twin.city.citygml.tables import city_of
from twin.city.cityjson.documents import Document, NotCityJSONError, collector_paused, parse
from twin.city.cityjson.faces import Vertices
from twin.city.cityjson.files import find_documents
from twin.city.cityjson.geometries import INSTANCE, KINDS, Bodies, Told, bodies_of, tell, vertices_of
from twin.city.cityjson.objects import columns_of_objects, objects_of
from twin.city.cityjson.templates import with_instances
from twin.city.crs import CrsDecision, crs_label, decide_axes, parse_crs
from twin.city.gaps import GapLog
from twin.city.model import City, Polygons
from twin.errors import TextError
from twin.progress import track

__all__ = ["columns_of_file", "read_cityjson", "system_name"]

_LOD = re.compile(r"[0-4](?:\.[0-9])?")
_EPSG_IN_URL = re.compile(r"(?:EPSG/[^/]*/|EPSG:[^:]*:)(\d{4,6})(?!\d)", re.IGNORECASE)


def read_cityjson(
    paths: str | Path | Sequence[str | Path], *, lod: str | None = None, crs: str | pyproj.CRS | None = None
) -> City:
    """Read CityJSON 1.0, 1.1 or 2.0, or CityJSONSeq, into one city.

    Parameters
    ----------
    paths : str, Path or sequence of them
        Files (.json, .jsonl; also in .gz or .zip), folders or globs. The same object in several files is kept once,
        from the first.
    lod : str, optional
        Keep only polygons of this level of detail: ``"2"`` for all of 2.0 to 2.3, ``"2.2"`` for that alone; by default
        all levels side by side.
    crs : str or pyproj.CRS, optional
        Coordinate reference system, where the files name none or a wrong one.

    Returns
    -------
    City
        With ``objects`` (footprints as geometry), ``boundaries``, ``surfaces``, ``shells``, ``polygons``, ``gaps`` and
        ``sources`` filled. ``surfaces`` has three further columns, by which a city is written as it was read:
        ``geometry`` (running number of the geometry a face was told in), ``body`` (type of that geometry) and
        ``lod_text`` (level of detail in full, such as ``"2.2"``; ``lod`` holds its whole part); ``boundaries`` has
        ``geometry``, too.

    Raises
    ------
    InputError
        If a file is missing, damaged, no CityJSON, of an unknown version, or without a transform.

    Notes
    -----
    Extents of single objects are not kept, as coordinates tell them; textures and materials are not kept.

    Examples
    --------
    >>> city = read_cityjson("rotterdam.city.json")  # doctest: +SKIP
    >>> city.counts()["Building"]  # doctest: +SKIP
    853
    """
    wanted = None if lod is None else str(lod)
    if wanted is not None and not _LOD.fullmatch(wanted):
        raise TextError("lod_fine", given=lod)
    given = given_crs(crs)
    files = find_documents(paths)
    log = GapLog()
    parts: list[FileColumns] = []
    read: list[GmlFile] = []
    titles: list[str] = []
    with collector_paused():
        with track("Reading CityJSON", total=len(files)) as done:
            for i, file in enumerate(files):
                document = _document(file, log, alone=len(files) == 1)
                if document is not None:
                    parts.append(_columns(document, wanted, given, log))
                    read.append(file)
                    titles.append(_title(document))
                done(i + 1)
        if not parts:
            raise TextError("cityjson_none_of", count=len(files), path=paths)
        target = common_crs(parts, log)
        columns = joined(parts, log)
        city = _with_levels(city_of(columns, target, log, read), columns)
    return city.replace(name=titles[0] if len(titles) == 1 else "")


def columns_of_file(path: str | Path) -> FileColumns:
    """Return one file's columns in its own CRS, without footprints and planes: what other steps start from.

    Parameters
    ----------
    path : path
        One CityJSON document.
    """
    with collector_paused():
        document = parse(GmlFile(Path(path)).whole(), Path(path).name)
        return _columns(document, None, None, GapLog())


def _document(file: GmlFile, log: GapLog, *, alone: bool) -> Document | None:
    """Parse one file; None where it was found by a search and is no CityJSON."""
    try:
        return parse(file.whole(), file.name)
    except NotCityJSONError:
        if not file.searched or alone:
            raise
        log.add("cityjson_file_skipped", layer="buildings", severity="warning", count=1, source=file.name)
        return None


def _title(document: Document) -> str:
    metadata = document.roots[0].get("metadata")
    title = metadata.get("title") if isinstance(metadata, dict) else None
    return title if isinstance(title, str) else ""


def _columns(document: Document, lod: str | None, crs: pyproj.CRS | None, log: GapLog) -> FileColumns:
    """Return one document's columns, in its own CRS with east first."""
    objects = objects_of(document, log)
    vertices = _transformed(document, vertices_of(document, document.roots))
    decision = _crs_of(document, vertices.xyz, crs, log)
    if decision.swap_axes:
        vertices = Vertices(vertices.xyz[:, [1, 0, 2]], vertices.first)
    told = Told()
    for row, (value, root) in enumerate(zip(objects.values, objects.roots, strict=True)):
        geometries = value.get("geometry")
        if geometries:
            tell(told, row, root, geometries, lod)
    bodies = bodies_of(document, told, vertices, objects.ids, log)
    bodies = with_instances(document, told, bodies, vertices, lod, objects.ids, log)
    columns = columns_of_objects(objects, document, vertices)
    _left_out(document, log)
    return _file_columns(columns, bodies, decision)


# ----------------------------------------------------------------------------------------------------- coordinates


def _transformed(document: Document, vertices: Vertices) -> Vertices:
    """Apply the transform: that of the latest CityJSON object counts for the features after it."""
    name = document.name
    scale, shift = np.ones(3), np.zeros(3)
    found = None
    steps = np.diff(vertices.first)
    for number, root in enumerate(document.roots):
        if root.get("type") == "CityJSON":
            found = root.get("transform")
            try:
                scale = np.array(found["scale"] if found else [1, 1, 1], dtype=np.float64)
                shift = np.array(found["translate"] if found else [0, 0, 0], dtype=np.float64)
                sound = scale.shape == (3,) and shift.shape == (3,) and np.isfinite([scale, shift]).all()
            except (TypeError, KeyError, ValueError):
                sound = False
            if not sound:
                raise TextError("cityjson_transform", file=name)
            if found is None and document.version != "1.0" and (steps[number:].any() or len(document.roots) > 1):
                raise TextError("cityjson_no_transform", file=name, version=document.version)
        if found is not None and len(document.roots) == 1:
            vertices.xyz[...] *= scale
            vertices.xyz[...] += shift
            return vertices
        if found is not None:
            part = vertices.xyz[vertices.first[number] : vertices.first[number + 1]]
            part *= scale
            part += shift
    return vertices


def system_name(root: dict[str, Any]) -> str:
    """Return the name of a root object's CRS in a form that :func:`twin.city.crs.parse_crs` reads.

    Examples
    --------
    >>> part = "https://www.opengis.net/def/crs/EPSG/0/"
    >>> url = f"https://www.opengis.net/def/crs-compound?1={part}25832&2={part}7837"
    >>> system_name({"metadata": {"referenceSystem": url}})
    'EPSG:25832+7837'
    """
    metadata = root.get("metadata")
    if not isinstance(metadata, dict):
        return ""
    told = metadata.get("referenceSystem")
    old = metadata.get("crs")  # version 0.9 and earlier, still met
    if not told and isinstance(old, dict) and old.get("epsg"):
        return f"EPSG:{old['epsg']}"
    name = told if isinstance(told, str) else ""
    if "crs-compound" in name:
        codes = _EPSG_IN_URL.findall(name)
        return f"EPSG:{'+'.join(codes)}" if codes else name
    return name


def _crs_of(document: Document, xyz: np.ndarray, given: pyproj.CRS | None, log: GapLog) -> CrsDecision:
    """Decide the CRS of a document and the order of its axes."""
    names = [system_name(root) for root in document.roots if root.get("type") == "CityJSON"]
    told = next((name for name in names if name), "")
    others = sorted({name for name in names if name and parse_crs(name).label != parse_crs(told).label})
    if others:
        raise TextError("cityjson_systems", file=document.name, one=told, other=others[0])
    decision = parse_crs(told) if told else CrsDecision(None, False, "missing", "")
    row: dict[str, Any] = {"layer": "buildings", "count": 1, "source": document.name, "told": told}
    if given is not None:
        if told and decision.crs != given:
            log.add("gml_crs_overridden", severity="info", **row)
        decision = (
            parse_crs(crs_label(given)) if parse_crs(crs_label(given)).crs == given else parse_crs(given.to_wkt())
        )
    finite = xyz[np.isfinite(xyz).all(axis=1)] if len(xyz) and not np.isfinite(xyz.sum()) else xyz
    if len(finite):
        east, north = finite[:, 0], finite[:, 1]  # one by one: far faster than both at once
        decision = decide_axes(decision, (float(east.min()), float(north.min()), float(east.max()), float(north.max())))
    if decision.note:
        severity = "warning" if decision.note in ("missing", "unknown", "local", "outside") else "info"
        log.add(f"gml_crs_{decision.note}", severity=severity, used=decision.label, **row)
    return decision


# ---------------------------------------------------------------------------------------------------------- columns


def _file_columns(objects: dict[str, np.ndarray], bodies: Bodies, decision: CrsDecision) -> FileColumns:
    faces, count = bodies.faces, len(bodies.faces.rings)
    kinds = np.append(bodies.boundaries["kind"], "")
    texts = bodies.lod[faces.geometry] if count else np.empty(0, dtype=object)
    whole_parts = {text: int(text[0]) if _LOD.fullmatch(text) else -1 for text in set(bodies.lod)}
    levels = np.array([whole_parts[text] for text in bodies.lod], dtype=np.int8)[faces.geometry]
    element = np.where(bodies.kind[faces.geometry] == INSTANCE, ELEMENTS.index("ImplicitGeometry"), 0)
    owner = bodies.object[faces.geometry]
    surfaces = {
        "object": owner,
        "lod": levels,
        "kind": kinds[faces.boundary],
        "boundary": faces.boundary,
        "id": np.full(count, None),
        "element": element.astype(np.int8),
        "closed": np.ones(count, dtype=bool),
        "geometry": faces.geometry,
        "body": bodies.kind[faces.geometry],
        "lod_text": texts,
    }
    inside = np.flatnonzero(faces.solid >= 0)
    shells = {
        "object": owner[inside],
        "lod": levels[inside],
        "solid": _renumbered(faces.solid[inside]),
        "shell": faces.shell[inside].astype(np.int64),
        "polygon": inside,
        "reversed": np.zeros(len(inside), dtype=bool),
        "composite": np.full(len(inside), -1, dtype=np.int64),
    }
    together = bodies.kind[faces.geometry[inside]] == KINDS.index("CompositeSolid")
    shells["composite"][together] = _renumbered(faces.geometry[inside][together])
    names = ("id", "kind", "object", "parent", "attributes", "geometry")
    polygons = Polygons(
        faces.xyz,
        np.concatenate(([0], np.cumsum(faces.ring_size))).astype(np.int64),
        np.concatenate(([0], np.cumsum(faces.rings))).astype(np.int64),
    )
    boundaries = {name: bodies.boundaries[name] for name in names}
    return FileColumns(objects, boundaries, surfaces, shells, polygons, decision)


def _renumbered(solid: np.ndarray) -> np.ndarray:
    """Return solids numbered from 0 in the order they come."""
    _, first, inverse = np.unique(solid, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _with_levels(city: City, columns: FileColumns) -> City:
    """Add what CityJSON tells beyond the common columns: geometry, its type, and levels of detail in full."""
    surfaces = columns.surfaces
    body = pd.Categorical.from_codes(surfaces["body"].astype(np.int8), categories=pd.Index(KINDS))
    code, found = pd.factorize(surfaces["lod_text"], sort=True)
    names = [str(name) for name in found]
    text = pd.Categorical.from_codes(code, categories=pd.Index(names))
    levels = _levels(surfaces["object"], code, columns.objects["parent"], columns.objects["kind"], names)
    table = city.surfaces.assign(geometry=surfaces["geometry"].astype(np.int64), body=body, lod_text=text)
    return city.replace(surfaces=table, objects=city.objects.assign(lod=levels))


def _levels(owner: np.ndarray, code: np.ndarray, parent: np.ndarray, kind: np.ndarray, texts: list[str]) -> list[str]:
    """Levels of detail each object has polygons in, its parts' included, such as ``"1.2,2.2"``."""
    pairs = owner * len(texts) + code
    pairs = np.unique(pairs[np.flatnonzero(np.diff(pairs, prepend=-1))])
    found: list[set[str]] = [set() for _ in parent]
    for pair in pairs.tolist():
        found[pair // len(texts)].add(texts[pair % len(texts)])
    for row in np.flatnonzero(parent >= 0)[::-1].tolist():  # a child stands after its parent
        above = found[parent[row]]
        if str(kind[row]).endswith("Part") or not above:
            above |= found[row]
    return [",".join(sorted(levels - {""})) for levels in found]


def _left_out(document: Document, log: GapLog) -> None:
    """Write rows for what a document holds and the city does not keep."""
    row: dict[str, Any] = {"layer": "buildings", "source": document.name}
    appearances = sum(["appearance" in root for root in document.roots])
    log.add("cityjson_appearance_left_out", severity="info", count=appearances, **row)
    log.add("cityjson_not_a_number", severity="warning", count=document.not_numbers, **row)
    extras = sorted({key for root in document.roots for key in root if key.startswith("+")})
    log.add("cityjson_extension_left_out", severity="warning", count=len(extras), places=extras, **row)
