"""The made sample district as its files say: city objects, footprints, land cover, streets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon

BLDG, GML = "{http://www.opengis.net/citygml/building/2.0}", "{http://www.opengis.net/gml}"
ORIGIN = (571700.0, 5676200.0)
MM = 1000


@dataclass
class Body:
    """One solid: a Building without parts, or a BuildingPart."""

    building: str
    element: ElementTree.Element
    rings: dict[str, np.ndarray] = field(default_factory=dict)  # polygon id -> (n, 3), closing point dropped
    kinds: dict[str, str] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[np.ndarray]:
        return [self.rings[i] for i, k in self.kinds.items() if k == kind]

    @property
    def footprint(self) -> Polygon:
        (ground,) = self.of_kind("GroundSurface")
        return Polygon(ground[:, :2])


def local_coordinates(text: str) -> np.ndarray:
    """Return positions with the millimetre as unit, near zero so that nothing is lost to rounding."""
    points = np.array([float(v) for v in text.split()]).reshape(-1, 3) - [*ORIGIN, 0.0]
    return np.round(points * MM) / MM


def bodies_of(element: ElementTree.Element) -> list[Body]:
    parts = element.findall(f"{BLDG}consistsOfBuildingPart/{BLDG}BuildingPart") or [element]
    out = []
    for part in parts:
        body = Body(element.attrib[f"{GML}id"], part)
        for bounded in part.findall(f"{BLDG}boundedBy"):
            (surface,) = bounded
            for polygon in surface.iter(f"{GML}Polygon"):
                (pos,) = polygon.iter(f"{GML}posList")
                points = local_coordinates(pos.text or "")
                assert (points[0] == points[-1]).all(), f"{polygon.attrib[f'{GML}id']} is not closed"
                name = polygon.attrib[f"{GML}id"]
                body.rings[name] = points[:-1]
                body.kinds[name] = surface.tag.removeprefix(BLDG)
        out.append(body)
    return out


@pytest.fixture(scope="session")
def tiles(samples: Path) -> dict[str, ElementTree.Element]:
    return {p.stem: ElementTree.parse(p).getroot() for p in sorted((samples / "lod2").glob("*.gml"))}


@pytest.fixture(scope="session")
def buildings(tiles: dict[str, ElementTree.Element]) -> dict[str, ElementTree.Element]:
    found = {}
    for root in tiles.values():
        for element in root.iter(f"{BLDG}Building"):
            found[element.attrib[f"{GML}id"]] = element
    return found


@pytest.fixture(scope="session")
def bodies(buildings: dict[str, ElementTree.Element]) -> list[Body]:
    return [body for element in buildings.values() for body in bodies_of(element)]


@pytest.fixture(scope="session")
def footprints(bodies: list[Body]) -> gpd.GeoSeries:
    by_building = defaultdict(list)
    for body in bodies:
        by_building[body.building].append(body.footprint.buffer(0.003, join_style="mitre"))
    return gpd.GeoSeries({k: shapely.union_all(v) for k, v in sorted(by_building.items())})


@pytest.fixture(scope="session")
def cover(samples: Path) -> gpd.GeoDataFrame:
    table = gpd.read_file(samples / "landnutzung.gpkg")
    assert table.crs.to_epsg() == 25832
    return table.set_geometry(table.geometry.translate(-ORIGIN[0], -ORIGIN[1]))


@pytest.fixture(scope="session")
def streets(samples: Path) -> gpd.GeoDataFrame:
    table = gpd.read_file(samples / "strassen.gpkg")
    assert table.crs.to_epsg() == 25832
    return table.set_geometry(table.geometry.translate(-ORIGIN[0], -ORIGIN[1]))
