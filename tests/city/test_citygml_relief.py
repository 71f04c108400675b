"""Terrain told by mass points and grids in CityGML: triangles through every point, and rows that say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.city.citygml import read_citygml
from twin.city.gaps import GapLog
from twin.city.grid import grid_of
from twin.city.ground import terrain_of_relief
from twin.city.writers.citygml3 import write_citygml

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><CityModel xmlns="http://www.opengis.net/citygml/2.0" '
    'xmlns:dem="http://www.opengis.net/citygml/relief/2.0" xmlns:gml="http://www.opengis.net/gml" '
    'xmlns:xlink="http://www.w3.org/1999/xlink">'
)
ENVELOPE = (
    f'<gml:boundedBy><gml:Envelope srsName="EPSG:25832"><gml:lowerCorner>{400000} {5700000} 0</gml:lowerCorner>'
    f"<gml:upperCorner>{400000} {5700000} 0</gml:upperCorner></gml:Envelope></gml:boundedBy>"
)
WEST, SOUTH = 400000.0, 5700000.0


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 30.0 + 0.1 * (x - WEST) - 0.05 * (y - SOUTH)


def model(tmp_path: Path, component: str, kind: str, envelope: str = ENVELOPE) -> Path:
    path = tmp_path / "relief.gml"
    path.write_text(
        f"{HEAD}{envelope}<cityObjectMember><dem:ReliefFeature gml:id='r'><dem:lod>2</dem:lod><dem:reliefComponent>"
        f"<dem:{kind} gml:id='k'><dem:lod>2</dem:lod>{component}</dem:{kind}></dem:reliefComponent>"
        "</dem:ReliefFeature></cityObjectMember></CityModel>"
    )
    return path


def heights(city, size: float) -> np.ndarray:
    box = grid_of(city, 1.0, (WEST, SOUTH, WEST + size, SOUTH + size))
    terrain = terrain_of_relief(city, box, GapLog())
    assert terrain is not None
    return terrain


def expected(size: int) -> np.ndarray:
    x, y = WEST + np.arange(size) + 0.5, SOUTH + size - np.arange(size) - 0.5
    return plane(*np.meshgrid(x, y))


def mass_points(count: int = 200, size: float = 20.0) -> np.ndarray:
    random = np.random.default_rng(4)
    flat = np.concatenate((random.uniform(0, size, (count, 2)), [[0, 0], [size, 0], [0, size], [size, size]]))
    x, y = WEST + flat[:, 0].round(3), SOUTH + flat[:, 1].round(3)
    return np.column_stack((x, y, plane(x, y)))


@pytest.mark.parametrize("notation", ["pos", "posList", "coordinates"])
def test_mass_points_become_triangles_through_every_point(tmp_path: Path, notation: str) -> None:
    points = mass_points()
    texts = [f"{x:.3f} {y:.3f} {z:.6f}" for x, y, z in points]
    if notation == "pos":
        inner = "".join(
            f"<gml:pointMember><gml:Point><gml:pos>{t}</gml:pos></gml:Point></gml:pointMember>" for t in texts
        )
    elif notation == "posList":
        inner = f"<gml:posList srsDimension='3'>{' '.join(texts)}</gml:posList>"
    else:
        inner = f"<gml:coordinates>{' '.join(t.replace(' ', ',') for t in texts)}</gml:coordinates>"
    component = f"<dem:reliefPoints><gml:MultiPoint>{inner}</gml:MultiPoint></dem:reliefPoints>"
    city = read_citygml(model(tmp_path, component, "MassPointRelief"))
    assert city.counts()["MultiPoint"] > len(points)
    assert len(np.unique(city.polygons.xyz, axis=0)) == len(points)
    assert city.surfaces["normal_z"].min() > 0.9
    assert set(city.surfaces["lod"]) == {2}
    row = city.gaps[city.gaps["code"] == "gml_relief_of_points"].iloc[0]
    assert row["count"] == len(points)
    assert "Delaunay" in row["default"]
    np.testing.assert_allclose(heights(city, 20.0), expected(20), atol=2e-3)


def grid(order: str, values: str, rule: str = "") -> str:
    x, y = order.split()
    return (
        '<dem:grid><gml:RectifiedGridCoverage><gml:rectifiedGridDomain><gml:RectifiedGrid dimension="2"><gml:limits>'
        "<gml:GridEnvelope><gml:low>0 0</gml:low><gml:high>4 2</gml:high></gml:GridEnvelope></gml:limits>"
        f"<gml:origin><gml:Point><gml:pos>{WEST} {SOUTH}</gml:pos></gml:Point></gml:origin>"
        f"<gml:offsetVector>{x.replace(',', ' ')}</gml:offsetVector>"
        f"<gml:offsetVector>{y.replace(',', ' ')}</gml:offsetVector></gml:RectifiedGrid></gml:rectifiedGridDomain>"
        f"<gml:rangeSet>{values}</gml:rangeSet>{rule}</gml:RectifiedGridCoverage></dem:grid>"
    )


@pytest.mark.parametrize("turned", [False, True])
def test_a_grid_becomes_two_triangles_a_cell(tmp_path: Path, turned: bool) -> None:
    i, j = np.meshgrid(np.arange(5), np.arange(3))
    z = plane(WEST + 4.0 * i, SOUTH + 5.0 * j)
    words = [f"{v:.4f}" for v in (z.T if turned else z).ravel()]
    rule = (
        "<gml:coverageFunction><gml:GridFunction><gml:sequenceRule axisOrder='+2 +1'>Linear</gml:sequenceRule>"
        "</gml:GridFunction></gml:coverageFunction>"
    )
    values = f"<gml:DataBlock><gml:tupleList>{' '.join(words)}</gml:tupleList></gml:DataBlock>"
    city = read_citygml(model(tmp_path, grid("4,0 0,5", values, rule if turned else ""), "RasterRelief"))
    assert city.counts()["RectifiedGridCoverage"] == 2 * 4 * 2
    np.testing.assert_allclose(city.polygons.xyz[:, 2], plane(*city.polygons.xyz[:, :2].T), atol=1e-4)
    assert city.gaps[city.gaps["code"] == "gml_relief_of_grid"]["count"].tolist() == [15]
    np.testing.assert_allclose(heights(city, 10.0), expected(10), atol=1e-3)


def test_grid_points_without_height_leave_their_cells_out(tmp_path: Path) -> None:
    words = ["30"] * 14 + ["missing"]
    values = f"<gml:DataBlock><gml:doubleOrNilReasonTupleList>{' '.join(words)}</gml:doubleOrNilReasonTupleList></gml:DataBlock>"
    city = read_citygml(model(tmp_path, grid("1,0 0,1", values), "RasterRelief"))
    assert len(city.polygons) == 14  # the last cell loses both of its triangles
    assert np.isfinite(city.polygons.xyz).all()


def test_what_is_no_terrain_is_told(tmp_path: Path) -> None:
    short = "<gml:DataBlock><gml:tupleList>1 2 3</gml:tupleList></gml:DataBlock>"
    for component, kind in (
        (grid("1,0 0,1", short), "RasterRelief"),
        ("<dem:reliefPoints><gml:MultiPoint/></dem:reliefPoints>", "MassPointRelief"),
        ("<dem:reliefPoints><gml:MultiPoint><gml:posList>0 0 1 1 1 1 2 2 1 3 3 1</gml:posList></gml:MultiPoint>"
         "</dem:reliefPoints>", "MassPointRelief"),
        ("<dem:reliefPoints><gml:MultiPoint><gml:posList>0 0 1 a b c</gml:posList></gml:MultiPoint></dem:reliefPoints>",
         "MassPointRelief"),
    ):  # fmt: skip
        city = read_citygml(model(tmp_path, component, kind))
        assert not len(city.polygons)
        assert city.gaps[city.gaps["code"] == "gml_relief_lost"]["count"].tolist() == [1]


def test_points_with_a_system_of_their_own_are_placed_in_it(tmp_path: Path) -> None:
    degrees = "52.0 13.0 1 52.001 13.0 1 52.0 13.001 1 52.001 13.001 1"
    component = (
        "<dem:reliefPoints><gml:MultiPoint srsName='http://www.opengis.net/def/crs/EPSG/0/4979'>"
        f"<gml:posList>{degrees}</gml:posList></gml:MultiPoint></dem:reliefPoints>"
    )
    city = read_citygml(model(tmp_path, component, "MassPointRelief", envelope=""))
    assert city.crs.to_epsg() == 32633
    low, high = city.polygons.xyz.min(axis=0), city.polygons.xyz.max(axis=0)
    assert high[1] - low[1] == pytest.approx(111.3, abs=2.0)
    assert high[0] - low[0] == pytest.approx(68.7, abs=3.0)


def test_the_triangles_are_written_as_tin(tmp_path: Path) -> None:
    texts = " ".join(f"{x:.3f} {y:.3f} {z:.3f}" for x, y, z in mass_points(20))
    component = (
        f"<dem:reliefPoints><gml:MultiPoint><gml:posList>{texts}</gml:posList></gml:MultiPoint></dem:reliefPoints>"
    )
    city = read_citygml(model(tmp_path, component, "MassPointRelief"))
    again = read_citygml(write_citygml(city, tmp_path / "drei.gml"))
    assert list(again.objects["kind"]) == ["ReliefFeature", "TINRelief"]
    np.testing.assert_allclose(again.polygons.xyz, city.polygons.xyz, atol=1e-3)
