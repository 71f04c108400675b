"""The sewer network of a city: which file it is, how it lies to the terrain, and its coupling to a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import shapely
import xarray as xr

from twin.city.placing import Reference, require_overlap
from twin.city.profile import SewerLayer
from twin.errors import InputError, TextError

if TYPE_CHECKING:
    from models.water.sewers import Sewer
    from twin.city.gaps import GapLog
    from twin.city.model import City

__all__ = ["SewerNetwork", "coupled_sewer", "read_sewer", "street_gullies"]

_GULLY_REACH = 60.0  # m between a gully and the manhole it leads to
_CARRIAGE = 3.5  # m; narrower ways have no gullies
_LID_OFF = 0.5  # m between lid and terrain from which the survey is doubtful


@dataclass(frozen=True)
class SewerNetwork:
    """A sewer network as the city knows it: its file, and its nodes in the city's reference system.

    Parameters
    ----------
    path : pathlib.Path
        SWMM 5 input file.
    places : dict
        Node name to x, y [m] in the city's CRS.
    opening_area, rim_length : float
        Of each manhole [m2, m].
    gully_spacing : float
        Way between street gullies on each side of a street [m]; 0 = water falls in through the manholes alone.
    """

    path: Path
    places: dict[str, tuple[float, float]]
    opening_area: float = 0.307
    rim_length: float = 1.963
    gully_spacing: float = 25.0


def read_sewer(files: Sequence[Path], layer: SewerLayer, ref: Reference) -> SewerNetwork:
    """Read where the nodes of a sewer network lie.

    Parameters
    ----------
    files : sequence of pathlib.Path
        One SWMM input file.
    layer : SewerLayer
        Its table in the profile; ``crs`` where its coordinates are in another reference system than the city.
    ref : Reference
        CRS and extent of the city.

    Raises
    ------
    InputError
        If there are several files, no coordinates, or the network lies beside the city.
    """
    from models.water.swmm_files import coordinates, read_lines

    if len(files) != 1:
        raise InputError(f"[sewer] names {len(files)} files; one network is one .inp: name one.")
    file = files[0]
    places = coordinates(read_lines(file), file.name)
    if not places:
        raise TextError("sewer_places", file=file)
    points = np.array(list(places.values()))
    if layer.crs is not None and ref.crs is not None:
        mover = pyproj.Transformer.from_crs(pyproj.CRS.from_user_input(layer.crs), ref.crs, always_xy=True)
        points = np.column_stack(mover.transform(points[:, 0], points[:, 1]))
    bounds = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    require_overlap(bounds, ref.extent, str(file), ref.extent_name)
    moved = {name: (float(x), float(y)) for name, (x, y) in zip(places, points, strict=True)}
    return SewerNetwork(file, moved, layer.opening_area, layer.rim_length, layer.gully_spacing)


def coupled_sewer(city: City, site: xr.Dataset, log: GapLog | None = None, **options: Any) -> Sewer | None:
    """Return the city's sewer coupled to the cells of a site, or None where the city has no network.

    Parameters
    ----------
    city : City
        With its ``sewer``.
    site : xarray.Dataset
        Layer ``terrain_height`` on the grid.
    log : GapLog, optional
        Takes rows about nodes outside the grid or without a place, and lids that do not lie on the terrain.
    **options
        Handed on to :class:`models.water.sewers.Sewer`.

    Returns
    -------
    Sewer or None
        To be closed after the run.
    """
    from models.water.sewers import Sewer

    network = city.sewer
    if network is None:
        return None
    chosen: dict[str, Any] = {"opening_area": network.opening_area, "rim_length": network.rim_length}
    gullies = street_gullies(city, site, network)
    sewer = Sewer(
        network.path,
        site["x"].values,
        site["y"].values,
        places=network.places,
        gullies=gullies,
        outside="leave",
        **(chosen | options),
    )
    if log is not None:
        _report(sewer.inlets, site, network.path.name, log)
        log.add(
            "gullies_assumed",
            layer="sewer",
            severity="default",
            count=len(gullies),
            source=network.path.name,
            default=f"{network.gully_spacing:g} m",
        )
    return sewer


def street_gullies(city: City, site: xr.Dataset, network: SewerNetwork) -> list[tuple[int, int, str]]:
    """Return gullies along both sides of the streets: row, column and the manhole that each leads to.

    A network file holds manholes, seldom gullies; yet nearly all water reaches a sewer through them. They are set at
    equal distances along the kerbs of the streets' lines and lead to the nearest manhole.

    Parameters
    ----------
    city : City
        With its streets (``network``) and their widths.
    site : xarray.Dataset
        Grid.
    network : SewerNetwork
        Places of the manholes and the distance of gullies.
    """
    from models.water.swmm_files import read_lines, sections

    if network.gully_spacing <= 0 or not len(city.network):
        return []
    outfalls = {w[0] for _, name, w in sections(read_lines(network.path)) if name.startswith("OUTFALL")}
    names = [name for name in network.places if name not in outfalls]
    manholes = np.array([network.places[name] for name in names]).reshape(-1, 2)
    x, y = site["x"].values, site["y"].values
    size = float(x[1] - x[0])
    inside = (np.abs(manholes[:, 0] - x.mean()) <= x.size * size / 2) & (
        np.abs(manholes[:, 1] - y.mean()) <= y.size * size / 2
    )
    if not inside.any():
        return []
    kept = np.flatnonzero(inside)
    tree = shapely.STRtree(shapely.points(manholes[kept]))
    found: dict[tuple[int, int], str] = {}
    for spot in _kerb_points(city, network.gully_spacing):
        column, row = int(np.floor((spot.x - x[0]) / size + 0.5)), int(np.floor((y[0] - spot.y) / size + 0.5))
        if not (0 <= row < y.size and 0 <= column < x.size):
            continue
        near = tree.query_nearest(spot, max_distance=_GULLY_REACH, all_matches=False)
        if near.size:
            found[row, column] = names[int(kept[near[0]])]
    return [(row, column, name) for (row, column), name in found.items()]


def _kerb_points(city: City, spacing: float) -> list[shapely.Point]:
    """Return points every so many metres along both kerbs of the streets that cars use."""
    points: list[shapely.Point] = []
    for row in city.network.itertuples():
        width = float(row.width) if np.isfinite(row.width) else 6.0
        if width < _CARRIAGE or row.geometry.length < spacing / 2:
            continue
        for side in (-0.5, 0.5):
            kerb = shapely.offset_curve(row.geometry, side * (width - 0.5))
            for line in shapely.get_parts(kerb):
                stations = np.arange(spacing / 2, line.length, spacing)
                points += list(shapely.line_interpolate_point(line, stations))
    return points


def _report(inlets: pd.DataFrame, site: xr.Dataset, source: str, log: GapLog) -> None:
    options: dict[str, Any] = {"layer": "sewer", "of": len(inlets), "source": source}
    for state, code, severity in (
        ("outside", "sewer_nodes_outside", "info"),
        ("no coordinates", "sewer_nodes_without_place", "warning"),
    ):
        nodes = inlets.loc[inlets["state"] == state, "node"]
        log.add(code, severity=severity, count=len(nodes), places=nodes.tolist(), **options)
    coupled = inlets[inlets["state"] == "coupled"]
    ground = site["terrain_height"].values[coupled["row"].to_numpy(), coupled["column"].to_numpy()]
    off = np.abs(ground - coupled["lid"].to_numpy(float))
    far = off > _LID_OFF
    log.add(
        "sewer_lids_off_the_ground",
        severity="warning",
        count=int(far.sum()),
        places=coupled.loc[far, "node"].tolist(),
        most=round(float(off.max(initial=0.0)), 2),
        **options,
    )
