"""The buildings of the sample district, by the strictest rules: plane, closed, outward, on the terrain."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from shapely.geometry import Polygon, box

BLDG, GML = "{http://www.opengis.net/citygml/building/2.0}", "{http://www.opengis.net/gml}"
GEN, XLINK = "{http://www.opengis.net/citygml/generics/2.0}", "{http://www.w3.org/1999/xlink}"
AREA = (571700.0, 5676200.0, 572200.0, 5676700.0)


def positions_of(text: str) -> np.ndarray:
    return np.array([float(v) for v in text.split()]).reshape(-1, 3) - [AREA[0], AREA[1], 0.0]


def test_two_tiles_share_the_buildings_on_their_border(
    tiles: dict[str, ElementTree.Element], footprints: gpd.GeoSeries
) -> None:
    assert list(tiles) == ["LoD2_32_571_5676_1_XX", "LoD2_32_572_5676_1_XX"]
    west, east = ({b.attrib[f"{GML}id"] for b in root.iter(f"{BLDG}Building")} for root in tiles.values())
    crossing = {k for k, f in footprints.items() if f.bounds[0] < 300.0 < f.bounds[2]}
    assert west & east == crossing
    assert 3 <= len(crossing) <= 15
    assert 200 <= len(west | east) <= 260


def test_envelope_carries_the_only_reference_system(tiles: dict[str, ElementTree.Element]) -> None:
    for root in tiles.values():
        named = [e.attrib["srsName"] for e in root.iter() if "srsName" in e.attrib]
        assert named == ["urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH"]


def test_solids_link_every_boundary_polygon_once(bodies: list[Any]) -> None:
    for body in bodies:
        solid = body.element.find(f"{BLDG}lod2Solid")
        assert solid is not None
        links = [e.attrib[f"{XLINK}href"] for e in solid.iter(f"{GML}surfaceMember")]
        assert sorted(links) == sorted(f"#{name}" for name in body.rings), body.building


def test_ids_are_unique(tiles: dict[str, ElementTree.Element]) -> None:
    for root in tiles.values():
        ids = Counter(e.attrib[f"{GML}id"] for e in root.iter() if f"{GML}id" in e.attrib)
        assert max(ids.values()) == 1


def test_polygons_are_plane_and_simple(bodies: list[Any]) -> None:
    for body in bodies:
        for name, ring in body.rings.items():
            assert len(np.unique(ring, axis=0)) == len(ring) >= 3, name
            middle = ring - ring.mean(axis=0)
            *_, axes = np.linalg.svd(middle)
            assert np.abs(middle @ axes[2]).max() < 0.01, name
            flat = Polygon(middle @ axes[:2].T)
            assert flat.is_valid, name
            assert flat.area > 0.02, name


def test_solids_are_closed_and_face_outward(bodies: list[Any]) -> None:
    for body in bodies:
        edges: Counter[tuple[tuple[float, ...], tuple[float, ...]]] = Counter()
        volume = 0.0
        centre = np.vstack(list(body.rings.values())).mean(axis=0)
        for ring in body.rings.values():
            points = [tuple(p) for p in ring.tolist()]
            edges.update(zip(points, points[1:] + points[:1], strict=True))
            local = ring - centre
            volume += (
                sum(float(np.dot(local[0], np.cross(local[i], local[i + 1]))) for i in range(1, len(local) - 1)) / 6
            )
        assert max(edges.values()) == 1, body.building
        assert all((b, a) in edges for a, b in edges), body.building
        assert volume > 10.0, body.building


def test_semantics_match_the_slope(bodies: list[Any]) -> None:
    for body in bodies:
        assert len(body.of_kind("GroundSurface")) == 1
        assert body.of_kind("RoofSurface")
        for name, ring in body.rings.items():
            normal = np.sum([np.cross(ring[i - 1] - ring[0], ring[i] - ring[0]) for i in range(2, len(ring))], axis=0)
            up = normal[2] / np.linalg.norm(normal)
            kind = body.kinds[name]
            wanted = {
                "RoofSurface": up > 0.05,
                "GroundSurface": up < -0.999,
                "WallSurface": abs(up) < 0.01,
                "ClosureSurface": abs(up) < 0.01,
            }
            assert wanted[kind], f"{name}: {kind} with {up:.3f}"


def test_parts_touch_with_equal_closure_surfaces(bodies: list[Any]) -> None:
    by_building = defaultdict(list)
    for body in bodies:
        by_building[body.building].append(body)
    with_parts = [group for group in by_building.values() if len(group) > 1]
    assert len(with_parts) >= 40
    for group in with_parts:
        areas = [_area(ring) for body in group for ring in body.of_kind("ClosureSurface")]
        assert areas, group[0].building
        for body in group:
            assert body.of_kind("ClosureSurface"), f"a part of {body.building} touches no other"
        # every closure is seen from both sides: half of the whole area on each
        total = sum(areas)
        signed = sum((_vector(ring) for body in group for ring in body.of_kind("ClosureSurface")), np.zeros(3))
        assert np.linalg.norm(signed) < 0.02 * total, group[0].building


def _vector(ring: np.ndarray) -> np.ndarray:
    local = ring - ring[0]
    return np.sum([np.cross(local[i], local[i + 1]) for i in range(1, len(local) - 1)], axis=0) / 2


def _area(ring: np.ndarray) -> float:
    return float(np.linalg.norm(_vector(ring)))


def test_attributes_follow_the_profile(buildings: dict[str, ElementTree.Element], bodies: list[Any]) -> None:
    for element in buildings.values():
        generic = {g.attrib["name"]: g.findtext(f"{GEN}value") for g in element.findall(f"{GEN}stringAttribute")}
        assert generic["Gemeindeschluessel"] == "06999001"
        assert (element.findtext(f"{BLDG}function") or "").startswith("31001_")
    roofs = Counter(body.element.findtext(f"{BLDG}roofType") for body in bodies)
    assert {"1000", "2100", "3100", "3200", "3500"} <= set(roofs)
    heights = [body.element.findtext(f"{BLDG}measuredHeight") for body in bodies]
    assert 3 <= heights.count(None) <= 20
    storeys = [body.element.findtext(f"{BLDG}storeysAboveGround") for body in bodies]
    assert 8 <= storeys.count(None) <= 50
    names = {e.findtext(f"{GML}name") for e in buildings.values()}
    assert {"Grundschule am Wehr", "Seniorenheim Lindenhof", "Rathaus"} <= names


def test_measured_height_is_ridge_above_ground(bodies: list[Any]) -> None:
    for body in bodies:
        text = body.element.findtext(f"{BLDG}measuredHeight")
        if text is not None:
            z = np.vstack(list(body.rings.values()))[:, 2]
            assert float(text) == pytest.approx(z.max() - z.min(), abs=0.0021)


def test_ground_surface_lies_at_the_lowest_terrain_of_the_footprint(
    samples: Path, bodies: list[Any], footprints: gpd.GeoSeries
) -> None:
    with rasterio.open(samples / "dgm1.tif") as raster:
        heights = raster.read(1)
        for body in bodies:
            ring = np.array(footprints[body.building].segmentize(0.5).exterior.coords) + AREA[:2]
            rows, columns = rasterio.transform.rowcol(raster.transform, ring[:, 0], ring[:, 1])
            lowest = float(heights[rows, columns].min())
            (ground,) = body.of_kind("GroundSurface")
            assert abs(float(ground[0, 2]) - lowest) < 0.35, body.building


def test_terrain_intersection_follows_the_terrain(samples: Path, bodies: list[Any]) -> None:
    with rasterio.open(samples / "dgm1.tif") as raster:
        for body in bodies[::7]:
            curve = body.element.find(f"{BLDG}lod2TerrainIntersection")
            assert curve is not None
            points = np.vstack([positions_of(p.text or "") for p in curve.iter(f"{GML}posList")])
            sampled = [v[0] for v in raster.sample(points[:, :2] + AREA[:2])]
            assert np.abs(points[:, 2] - sampled).max() < 1.0
            assert shapely.distance(shapely.points(points[:, :2]), body.footprint.boundary).max() < 0.01


def test_footprints_do_not_overlap(bodies: list[Any]) -> None:
    shapes = [body.footprint for body in bodies]
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    shared = [shapes[i].intersection(shapes[j]).area for i, j in zip(left, right, strict=True) if i < j]
    assert max(shared) < 0.05


def test_buildings_stand_inside_the_area_off_streets_and_water(
    footprints: gpd.GeoSeries, streets: gpd.GeoDataFrame, cover: gpd.GeoDataFrame
) -> None:
    everything = shapely.union_all(footprints.to_numpy())
    assert box(0, 0, 500, 500).contains(everything)
    roads = streets[streets["art"] != "Fußweg"]
    for line, width in zip(roads.geometry, roads["breite"], strict=True):
        assert everything.intersection(line.buffer(width / 2, cap_style="flat")).area < 0.05
    assert everything.intersection(cover[cover["belag"] == "Wasser"].union_all()).area == 0.0
