"""Buildings and ground as one watertight solid for 3D print (STL, 3MF).

Bodies that overlap are united (manifold3d); buildings are footprints raised from below the ground to their middle roof
height, because roof surfaces as delivered seldom close. The ground is the terrain on a base plate.
"""

from __future__ import annotations

import struct
import zipfile
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import InputError
from twin.language import text
from twin.view.local_frame import frame_of
from twin.view.tile_bodies import boxes_of
from twin.view.tiles3d import building_features

if TYPE_CHECKING:
    from twin.city.model import City

__all__ = ["solid_mesh", "write_solid"]

_BASE = 3.0  # [m] thickness of the plate below the lowest ground
_POSTS = 200
_MODEL = '<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xml:lang="en" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources><object id="1" type="model"><mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh></object></resources><build><item objectid="1"/></build></model>'
_TYPES = '<?xml version="1.0" encoding="UTF-8"?>\n<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
_RELATIONS = '<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/3dmodel.model" Id="rel0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'


def solid_mesh(city: City, *, area: tuple[float, float, float, float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return points [m] and triangles of one closed body of ground and buildings.

    Raises
    ------
    InputError
        If the optional package manifold3d is missing, or there is nothing to unite.
    """
    try:
        import manifold3d
    except ImportError as error:
        raise InputError(text("view.solid_package")) from error
    chosen = area or city.area
    frame = frame_of(city)
    parts: list[Any] = []
    ground = _ground(city, frame.origin, chosen)
    if ground is not None:
        parts.append(_manifold(manifold3d, *ground))
    floor = -_BASE
    features = building_features(city, frame, area=chosen)
    if len(features):
        corners = boxes_of(features.bodies).corners.astype(float)
        for box, outline in zip(corners, _outlines(city, features.rows), strict=True):
            low, high = (box[:, 2].min() if ground is None else floor + 0.5), float(box[:, 2].max())
            shapes = [np.asarray(ring) - frame.origin[:2] for ring in outline] or [box[:4, :2]]
            section = manifold3d.CrossSection(shapes, manifold3d.FillRule.EvenOdd)
            parts.append(manifold3d.Manifold.extrude(section, high - low).translate((0.0, 0.0, low)))
    if not parts:
        raise InputError(text("view.nothing_to_draw", name=city.name))
    mesh = manifold3d.Manifold.batch_boolean(parts, manifold3d.OpType.Add).to_mesh()
    return np.asarray(mesh.vert_properties)[:, :3].astype(np.float32), np.asarray(mesh.tri_verts).astype(np.int64)


def _manifold(package: Any, points: np.ndarray, triangles: np.ndarray) -> Any:
    return package.Manifold(package.Mesh(points.astype(np.float32), triangles.astype(np.uint32)))


def _outlines(city: City, rows: np.ndarray) -> list[list[np.ndarray]]:
    """Return the rings of each building's footprint, those of its parts where it has none itself."""
    import shapely

    from twin.view.tile_features import top_objects

    shapes, top = np.asarray(city.objects.geometry.values), top_objects(city)
    found: dict[int, list[Any]] = {int(row): [] for row in rows}
    for shape, owner in zip(shapes, top, strict=True):
        if int(owner) in found and shape is not None and not shape.is_empty:
            found[int(owner)].append(shape)
    united = [shapely.union_all(found[int(row)]) if found[int(row)] else None for row in rows]
    return [
        []
        if shape is None
        else [shapely.get_coordinates(r)[:-1] for p in shapely.get_parts(shape) for r in shapely.get_rings(p)]
        for shape in united
    ]


def _ground(
    city: City, origin: tuple[float, float, float], area: tuple[float, float, float, float] | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the terrain of the area as a closed body on a flat base; None where there is no terrain."""
    if city.terrain is None:
        return None
    terrain = city.terrain
    if area is not None:
        terrain = terrain.sel(x=slice(area[0], area[2]), y=slice(area[3], area[1]))
    rows, columns = (np.unique(np.linspace(0, n - 1, min(n, _POSTS)).round().astype(int)) for n in terrain.shape)
    if len(rows) < 2 or len(columns) < 2:
        return None
    x, y = terrain["x"].values[columns] - origin[0], terrain["y"].values[rows] - origin[1]
    z = terrain.values[np.ix_(rows, columns)].astype(float) - origin[2]
    z = np.maximum(np.where(np.isfinite(z), z, 0.0), 0.0)
    xx, yy = np.meshgrid(x, y)
    top = np.column_stack([xx.ravel(), yy.ravel(), z.ravel()])
    bottom = np.column_stack([xx.ravel(), yy.ravel(), np.full(z.size, -_BASE)])
    number = np.arange(z.size).reshape(z.shape)
    a, b, c, d = (n.ravel() for n in (number[1:, :-1], number[1:, 1:], number[:-1, 1:], number[:-1, :-1]))
    upper = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    edge = np.concatenate([number[0, ::-1], number[1:, 0], number[-1, 1:], number[-2:0:-1, -1]])
    after, low = np.roll(edge, -1), z.size
    sides = np.concatenate(
        [np.column_stack([edge, edge + low, after + low]), np.column_stack([edge, after + low, after])]
    )
    return np.vstack([top, bottom]), np.concatenate([upper, upper[:, ::-1] + low, sides])


def write_solid(
    city: City,
    file: str | PathLike[str],
    *,
    area: tuple[float, float, float, float] | None = None,
    length: float = 200.0,
) -> Path:
    """Write ground and buildings as STL or 3MF, by the ending of the file.

    Parameters
    ----------
    city : City
        With footprints; a terrain becomes the ground.
    file : path
        ``.stl`` or ``.3mf``.
    area : tuple of float, optional
        West, south, east, north [m].
    length : float
        Longest side of the printed body [mm].
    """
    target = Path(file)
    points, triangles = solid_mesh(city, area=area)
    points = (points - points.min(axis=0)) * (length / float(np.ptp(points[:, :2], axis=0).max()))
    data = _stl(points, triangles) if target.suffix.lower() == ".stl" else None
    beside = target.with_name(f".{target.name}.new")
    if data is not None:
        beside.write_bytes(data)
    else:
        _write_3mf(beside, points, triangles)
    beside.replace(target)
    return target


def _stl(points: np.ndarray, triangles: np.ndarray) -> bytes:
    corners = points[triangles].astype(np.float32)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    record = np.zeros(len(triangles), np.dtype([("n", "<f4", 3), ("p", "<f4", (3, 3)), ("a", "<u2")]))
    record["n"], record["p"] = normal, corners
    return b"urban-twin".ljust(80) + struct.pack("<I", len(triangles)) + record.tobytes()


def _write_3mf(file: Path, points: np.ndarray, triangles: np.ndarray) -> None:
    vertices = "".join(f'<vertex x="{x:.4f}" y="{y:.4f}" z="{z:.4f}"/>' for x, y, z in points.tolist())
    faces = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in triangles.tolist())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            ("[Content_Types].xml", _TYPES),
            ("_rels/.rels", _RELATIONS),
            ("3D/3dmodel.model", _MODEL.format(vertices=vertices, triangles=faces)),
        ):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
