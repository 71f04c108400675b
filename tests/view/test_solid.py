"""The solid for 3D print: closed, as large as told, in both formats."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from twin.city.model import City
from twin.view.solid import solid_mesh, write_solid

manifold3d = pytest.importorskip("manifold3d", reason="the optional package manifold3d (extra print3d)")


def test_the_body_is_closed_and_holds_ground_and_houses(square_city: City) -> None:
    points, triangles = solid_mesh(square_city)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 1).all()  # each directed edge once, and once the other way: no hole, no fold
    assert {tuple(e) for e in edges} == {(b, a) for a, b in edges.tolist()}
    a, b, c = (points[triangles[:, k]].astype(float) for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume > 0
    assert np.ptp(points[:, 2]) > 15  # the highest house stands on it


def test_both_formats_hold_the_same_triangles(square_city: City, tmp_path: Path) -> None:
    stl, mf = write_solid(square_city, tmp_path / "a.stl"), write_solid(square_city, tmp_path / "a.3mf")
    data = stl.read_bytes()
    count = int.from_bytes(data[80:84], "little")
    assert len(data) == 84 + 50 * count
    with zipfile.ZipFile(mf) as archive:
        model = archive.read("3D/3dmodel.model").decode()
    assert model.count("<triangle ") == count
    corners = np.frombuffer(data[84:], np.dtype([("n", "<f4", 3), ("p", "<f4", (3, 3)), ("a", "<u2")]))["p"].reshape(
        -1, 3
    )
    assert np.ptp(corners, axis=0)[:2].max() == pytest.approx(200.0, abs=0.01)
