"""The made sample district: is it what it says, and is it geometrically sound to the strictest rules?"""

from __future__ import annotations

import csv
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from shapely.geometry import Polygon, box

CORE, BLDG = "{http://www.opengis.net/citygml/2.0}", "{http://www.opengis.net/citygml/building/2.0}"
GML, GEN, XLINK = (
    "{http://www.opengis.net/gml}",
    "{http://www.opengis.net/citygml/generics/2.0}",
    "{http://www.w3.org/1999/xlink}",
)
AREA = (571700.0, 5676200.0, 572200.0, 5676700.0)
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
    points = np.array([float(v) for v in text.split()]).reshape(-1, 3) - [AREA[0], AREA[1], 0.0]
    return np.round(points * MM) / MM


def bodies_of(element: ElementTree.Element) -> list[Body]:
    parts = element.findall(f"{BLDG}consistsOfBuildingPart/{BLDG}BuildingPart") or [element]
    out = []
    for part in parts:
        body = Body(element.attrib[f"{GML}id"], part)
        for bounded in part.findall(f"{BLDG}boundedBy"):
            surface = bounded[0]
            for polygon in surface.iter(f"{GML}Polygon"):
                (pos,) = polygon.iter(f"{GML}posList")
                points = local_coordinates(pos.text or "")
                assert (points[0] == points[-1]).all(), f"{polygon.attrib[f'{GML}id']} is not closed"
                name = polygon.attrib[f"{GML}id"]
                body.rings[name] = points[:-1]
                body.kinds[name] = surface.tag.removeprefix(BLDG)
        out.append(body)
    return out


@pytest.fixture(scope="module")
def tiles(samples: Path) -> dict[str, ElementTree.Element]:
    return {p.stem: ElementTree.parse(p).getroot() for p in sorted((samples / "lod2").glob("*.gml"))}


@pytest.fixture(scope="module")
def buildings(tiles: dict[str, ElementTree.Element]) -> dict[str, ElementTree.Element]:
    found = {}
    for root in tiles.values():
        for element in root.iter(f"{BLDG}Building"):
            found[element.attrib[f"{GML}id"]] = element
    return found


@pytest.fixture(scope="module")
def bodies(buildings: dict[str, ElementTree.Element]) -> list[Body]:
    return [body for element in buildings.values() for body in bodies_of(element)]


@pytest.fixture(scope="module")
def footprints(bodies: list[Body]) -> gpd.GeoSeries:
    by_building = defaultdict(list)
    for body in bodies:
        by_building[body.building].append(body.footprint.buffer(0.003, join_style="mitre"))
    return gpd.GeoSeries({k: shapely.union_all(v) for k, v in sorted(by_building.items())})


@pytest.fixture(scope="module")
def cover(samples: Path) -> gpd.GeoDataFrame:
    table = gpd.read_file(samples / "landnutzung.gpkg")
    assert table.crs.to_epsg() == 25832
    return table.set_geometry(table.geometry.translate(-AREA[0], -AREA[1]))


@pytest.fixture(scope="module")
def streets(samples: Path) -> gpd.GeoDataFrame:
    table = gpd.read_file(samples / "strassen.gpkg")
    assert table.crs.to_epsg() == 25832
    return table.set_geometry(table.geometry.translate(-AREA[0], -AREA[1]))


@pytest.fixture(scope="module")
def tree_rows(samples: Path) -> list[dict[str, str]]:
    with (samples / "baumkataster.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def german(text: str) -> float:
    return float(text.replace(",", "."))


# ---- the files as a whole


@pytest.mark.slow
def test_the_script_writes_the_committed_files_again(samples: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(samples / "make_samples.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same" in done.stdout


def test_check_finds_a_changed_file(samples: Path, tmp_path: Path) -> None:
    """The comparison itself must be able to fail."""
    code = (
        f"import sys; sys.path.insert(0, {str(samples)!r}); import make_samples as m; from pathlib import Path; "
        f"print(m.differences(Path({str(tmp_path)!r})))"
    )
    names = sorted(
        p.relative_to(samples).as_posix()
        for p in samples.rglob("*")
        if p.suffix in {".gml", ".tif", ".gpkg", ".csv"} and "district" not in p.parts
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        data = (samples / name).read_bytes()
        (tmp_path / name).write_bytes(data[:-1] + b"x" if name == "wetter_hitzetag.csv" else data)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "['wetter_hitzetag.csv']"


def test_the_samples_are_small_enough_to_ship(samples: Path) -> None:
    size = sum(p.stat().st_size for p in samples.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    assert size < 6_000_000


def test_profile_and_scenario_name_files_and_columns_that_exist(samples: Path, tree_rows: list[dict[str, str]]) -> None:
    profile = tomllib.loads((samples / "city.toml").read_text(encoding="utf-8"))
    assert tuple(profile["area"]) == AREA
    assert profile["crs"] == "EPSG:25832+7837"
    assert set(profile["trees"][0]["columns"].values()) <= set(tree_rows[0])
    cover = gpd.read_file(samples / profile["land_cover"][0]["path"])
    assert set(cover[profile["land_cover"][0]["column"]]) == set(profile["land_cover"][0]["classes"])
    streets = gpd.read_file(samples / profile["streets"][0]["path"])
    assert set(profile["streets"][0]["columns"].values()) <= set(streets.columns)
    scenario = tomllib.loads((samples / "hitzetag.toml").read_text(encoding="utf-8"))
    assert (samples / scenario["city"]).exists()
    header = [
        x for x in (samples / scenario["weather"]["path"]).read_text(encoding="utf-8").splitlines() if x[0] != "#"
    ][0]
    assert set(scenario["weather"]["columns"].values()) <= set(header.split(";"))


# ---- buildings


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


def test_solids_link_every_boundary_polygon_once(bodies: list[Body]) -> None:
    for body in bodies:
        solid = body.element.find(f"{BLDG}lod2Solid")
        assert solid is not None
        links = [e.attrib[f"{XLINK}href"] for e in solid.iter(f"{GML}surfaceMember")]
        assert sorted(links) == sorted(f"#{name}" for name in body.rings), body.building


def test_ids_are_unique(tiles: dict[str, ElementTree.Element]) -> None:
    for root in tiles.values():
        ids = Counter(e.attrib[f"{GML}id"] for e in root.iter() if f"{GML}id" in e.attrib)
        assert max(ids.values()) == 1


def test_polygons_are_plane_and_simple(bodies: list[Body]) -> None:
    for body in bodies:
        for name, ring in body.rings.items():
            assert len(np.unique(ring, axis=0)) == len(ring) >= 3, name
            middle = ring - ring.mean(axis=0)
            *_, axes = np.linalg.svd(middle)
            assert np.abs(middle @ axes[2]).max() < 0.01, name
            flat = Polygon(middle @ axes[:2].T)
            assert flat.is_valid, name
            assert flat.area > 0.02, name


def test_solids_are_closed_and_face_outward(bodies: list[Body]) -> None:
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


def test_semantics_match_the_slope(bodies: list[Body]) -> None:
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


def test_parts_touch_with_equal_closure_surfaces(bodies: list[Body]) -> None:
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


def test_attributes_follow_the_profile(buildings: dict[str, ElementTree.Element], bodies: list[Body]) -> None:
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


def test_measured_height_is_ridge_above_ground(bodies: list[Body]) -> None:
    for body in bodies:
        text = body.element.findtext(f"{BLDG}measuredHeight")
        if text is not None:
            z = np.vstack(list(body.rings.values()))[:, 2]
            assert float(text) == pytest.approx(z.max() - z.min(), abs=0.0021)


def test_ground_surface_lies_at_the_lowest_terrain_of_the_footprint(
    samples: Path, bodies: list[Body], footprints: gpd.GeoSeries
) -> None:
    with rasterio.open(samples / "dgm1.tif") as raster:
        heights = raster.read(1)
        for body in bodies:
            ring = np.array(footprints[body.building].segmentize(0.5).exterior.coords) + AREA[:2]
            rows, columns = rasterio.transform.rowcol(raster.transform, ring[:, 0], ring[:, 1])
            lowest = float(heights[rows, columns].min())
            (ground,) = body.of_kind("GroundSurface")
            assert abs(float(ground[0, 2]) - lowest) < 0.35, body.building


def test_terrain_intersection_follows_the_terrain(samples: Path, bodies: list[Body]) -> None:
    with rasterio.open(samples / "dgm1.tif") as raster:
        for body in bodies[::7]:
            curve = body.element.find(f"{BLDG}lod2TerrainIntersection")
            assert curve is not None
            points = np.vstack([local_coordinates(p.text or "") for p in curve.iter(f"{GML}posList")])
            sampled = [v[0] for v in raster.sample(points[:, :2] + AREA[:2])]
            assert np.abs(points[:, 2] - sampled).max() < 1.0
            assert shapely.distance(shapely.points(points[:, :2]), body.footprint.boundary).max() < 0.01


def test_footprints_do_not_overlap(bodies: list[Body]) -> None:
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


# ---- terrain


def test_terrain_covers_the_area_with_a_slope_to_the_river(samples: Path) -> None:
    with rasterio.open(samples / "dgm1.tif") as raster:
        assert raster.crs.to_epsg() == 25832
        assert raster.res == (1.0, 1.0)
        assert raster.dtypes == ("float32",)
        assert box(*raster.bounds).buffer(-5).contains(box(*AREA))
        heights = raster.read(1, masked=True)
    assert not heights.mask.any()
    assert 10.0 < float(heights.max() - heights.min()) < 16.0
    assert float(heights[60:90].mean()) - float(heights[-150:-110].mean()) > 7.0


def test_water_surfaces_are_level_and_step_down_at_the_weir(samples: Path, cover: gpd.GeoDataFrame) -> None:
    river = cover[cover["nutzung"] == "AX_Fliessgewaesser"]
    water = river[river["belag"] == "Wasser"].union_all().buffer(-2.0)
    with rasterio.open(samples / "dgm1.tif") as raster:
        above = [v[0] for v in raster.sample([(AREA[0] + u, AREA[1] + v) for u, v in _inside(water, 0, 305)])]
        below = [v[0] for v in raster.sample([(AREA[0] + u, AREA[1] + v) for u, v in _inside(water, 320, 500)])]
    assert np.ptp(above) == 0.0
    assert np.ptp(below) == 0.0
    assert 1.0 < above[0] - below[0] < 2.0


def _inside(shape: shapely.Geometry, low: float, high: float) -> list[tuple[float, float]]:
    u, v = np.meshgrid(np.arange(low, high, 5.0), np.arange(0.0, 120.0, 2.0))
    kept = shapely.contains_xy(shape, u, v)
    return list(zip(u[kept].tolist(), v[kept].tolist(), strict=True))


def test_the_underpass_is_a_hollow_without_outlet(samples: Path, streets: gpd.GeoDataFrame) -> None:
    (line,) = streets[streets["name"] == "Bahnunterführung"].geometry
    points = [line.interpolate(s) for s in np.arange(0.0, line.length, 1.0)]
    with rasterio.open(samples / "dgm1.tif") as raster:
        heights = np.array([v[0] for v in raster.sample([(AREA[0] + p.x, AREA[1] + p.y) for p in points])])
    lowest = int(heights.argmin())
    assert heights[:lowest].max() - heights[lowest] > 2.0
    assert heights[lowest:].max() - heights[lowest] > 1.5
    assert np.abs(np.diff(heights)).max() < 0.2  # no step that a car could not take


# ---- trees


def test_tree_list_has_the_gaps_of_a_real_one(samples: Path, tree_rows: list[dict[str, str]]) -> None:
    assert (samples / "baumkataster.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    count = len(tree_rows)
    assert 700 <= count <= 1000
    missing = sum(r["Kronendurchmesser (m)"] in {"", "0", "k.A."} for r in tree_rows)
    assert 0.15 < missing / count < 0.25
    assert 10 < sum(r["Höhe (m)"] in {"", "0", "k.A."} for r in tree_rows) < 0.12 * count
    assert sum(r["Höhe (m)"] == "k.A." for r in tree_rows) >= 3
    assert any(r["Pflanzjahr"] == "vor 1945" for r in tree_rows)
    assert sum("gefällt" in r["Bemerkung"] for r in tree_rows) == 1
    numbers = Counter(r["Baumnummer"] for r in tree_rows)
    assert [n for n, k in numbers.items() if k == 2] and max(numbers.values()) == 2
    assert len({r["Baumart botanisch"] for r in tree_rows}) >= 20


def test_tree_sizes_fit_together(tree_rows: list[dict[str, str]]) -> None:
    known = [
        r
        for r in tree_rows
        if all(r[c] not in {"", "0", "k.A."} for c in ("Höhe (m)", "Kronendurchmesser (m)", "Stammumfang (cm)"))
    ]
    height, crown, girth = (
        np.array([german(r[c]) for r in known]) for c in ("Höhe (m)", "Kronendurchmesser (m)", "Stammumfang (cm)")
    )
    assert height.min() >= 2.0
    assert height.max() <= 32.0
    assert crown.max() <= 22.0
    assert (crown < 1.4 * height + 1.0).all()
    assert np.corrcoef(girth, height)[0, 1] > 0.7
    assert np.corrcoef(girth, crown)[0, 1] > 0.6


def test_trees_stand_clear_of_houses_roads_and_water(
    tree_rows: list[dict[str, str]], footprints: gpd.GeoSeries, streets: gpd.GeoDataFrame, cover: gpd.GeoDataFrame
) -> None:
    points = shapely.points([(german(r["Ostwert"]) - AREA[0], german(r["Nordwert"]) - AREA[1]) for r in tree_rows])
    houses = shapely.union_all(footprints.to_numpy())
    assert sum(shapely.contains(houses, points)) == 1  # the slip that the list is meant to have
    roads = streets[streets["art"] != "Fußweg"]
    lanes = shapely.union_all(
        [g.buffer(w / 2, cap_style="flat") for g, w in zip(roads.geometry, roads["breite"], strict=True)]
    )
    assert not shapely.contains(lanes, points).any()
    assert not shapely.contains(cover[cover["belag"] == "Wasser"].union_all(), points).any()
    assert shapely.contains(box(0, 0, 500, 500), points).all()


# ---- land cover and streets


def test_land_cover_fills_the_area_exactly(cover: gpd.GeoDataFrame) -> None:
    assert cover.geometry.is_valid.all()
    assert shapely.coverage_is_valid(cover.geometry.to_numpy())
    assert cover.area.sum() == pytest.approx(250_000.0, abs=0.01)
    assert cover.union_all().symmetric_difference(box(0, 0, 500, 500)).area < 0.01


def test_land_cover_has_the_mix_of_a_town_quarter(cover: gpd.GeoDataFrame) -> None:
    share = cover.dissolve("belag").area / 250_000.0
    assert 0.35 < share["Rasen"] < 0.65
    assert 0.10 < share["Asphalt"] < 0.25
    assert 0.05 < share["Pflaster"] < 0.25
    assert 0.02 < share["Wasser"] < 0.08
    assert share.min() > 0.005


def test_streets_are_one_network_joined_at_shared_points(streets: gpd.GeoDataFrame) -> None:
    ends = [[tuple(np.round(line.coords[i], 3)) for i in (0, -1)] for line in streets.geometry]
    nodes = {end for pair in ends for end in pair}
    reached, before = {ends[0][0]}, 0
    while len(reached) > before:
        before = len(reached)
        reached |= {end for pair in ends if reached & set(pair) for end in pair}
    assert reached == nodes
    inner = [shapely.get_coordinates(line)[1:-1] for line in streets.geometry]
    assert not any(tuple(np.round(p, 3)) in nodes for points in inner for p in points)
    left, right = streets.sindex.query(streets.geometry, predicate="crosses")
    assert not len(left), [(streets["name"][i], streets["name"][j]) for i, j in zip(left, right, strict=True)]


def test_streets_have_names_bridges_and_widths(streets: gpd.GeoDataFrame, cover: gpd.GeoDataFrame) -> None:
    assert {"Lindenallee", "Hauptstraße", "Mühlgasse", "Wehrsteg"} <= set(streets["name"])
    bridges = streets[streets["bruecke"] == "ja"]
    assert set(bridges["name"]) == {"Brückenstraße", "Wehrsteg"}
    assert streets["breite"].between(2.0, 9.0).all()
    assert (streets.length > 1.0).all()
    main = streets[(streets["art"] == "Hauptverkehrsstraße")]
    sealed = cover[cover["belag"].isin(["Asphalt", "Kopfsteinpflaster"])].union_all()
    assert all(sealed.buffer(0.05).contains(g) for g in main.geometry)


# ---- weather


@pytest.fixture(scope="module")
def hot_day(samples: Path) -> pd.DataFrame:
    return pd.read_csv(samples / "wetter_hitzetag.csv", sep=";", decimal=",", comment="#", parse_dates=["Zeit (UTC)"])


def test_hot_day_is_complete_and_hot(samples: Path, hot_day: pd.DataFrame) -> None:
    assert len(hot_day) == 24
    assert (hot_day["Zeit (UTC)"].diff().dropna() == pd.Timedelta(hours=1)).all()
    assert not hot_day.isna().any().any()
    temperature = hot_day["Lufttemperatur (°C)"]
    assert 35.5 < temperature.max() < 37.0
    assert 17.0 < temperature.min() < 21.0
    assert hot_day["Zeit (UTC)"][temperature.idxmax()].hour in {14, 15, 16}
    first = (samples / "wetter_hitzetag.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert "keine Messung" in first[0] and "Ende der Stunde" in first[1]


def test_hot_day_radiation_agrees_with_the_sun(hot_day: pd.DataFrame) -> None:
    import pvlib

    middle = pd.DatetimeIndex(hot_day["Zeit (UTC)"]).tz_localize("UTC") - pd.Timedelta(minutes=30)
    sun = pvlib.solarposition.get_solarposition(middle, 51.229, 10.0305, altitude=165.0)
    total, diffuse = hot_day["Globalstrahlung (W/m²)"].to_numpy(), hot_day["Diffusstrahlung (W/m²)"].to_numpy()
    assert (diffuse <= total).all()
    assert (total[sun["apparent_elevation"] < -5] == 0).all()
    outside = 1322.0 * np.sin(np.radians(sun["apparent_elevation"].clip(lower=0.0).to_numpy()))
    high = sun["apparent_elevation"].to_numpy() > 15
    assert ((total / np.maximum(outside, 1))[high] < 0.80).all()
    assert ((total / np.maximum(outside, 1))[high] > 0.48).all()
    assert 780 < total.max() < 900


def test_hot_day_dew_point_is_nearly_constant(hot_day: pd.DataFrame) -> None:
    t, rh = hot_day["Lufttemperatur (°C)"].to_numpy(), hot_day["Relative Feuchte (%)"].to_numpy()
    gamma = np.log(rh / 100) + 17.625 * t / (243.04 + t)
    dew = 243.04 * gamma / (17.625 - gamma)
    assert np.ptp(dew) < 2.5
    assert (hot_day["Luftdruck (hPa)"].between(990, 1000)).all()
    assert (hot_day["Windgeschwindigkeit (m/s)"].between(0.8, 3.5)).all()
