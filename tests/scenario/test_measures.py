"""Measures change tables and reach the layers; nonsense is refused, all of it at once; the baseline stays."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from models.layers import LAND_COVER
from twin.city.model import LAND_COVER_COLUMNS, NETWORK_COLUMNS, OBJECT_COLUMNS, TREE_COLUMNS, City
from twin.errors import InputError
from twin.scenario.measures import KINDS, apply_measures
from twin.scenario.measures.change import added
from twin.scenario.measures.costs import cost_table
from twin.scenario.measures.growth import known_genus, size_after

CRS = "EPSG:25832"
AREA = (0.0, 0.0, 60.0, 60.0)


def _house(name: str, corner: float, height: float) -> dict:
    row = {column: np.nan if kind == "float64" else "" for column, kind in OBJECT_COLUMNS.items()}
    attributes = {"name": f"House {name}"}
    return row | {
        "id": name, "kind": "Building", "parent": -1, "measured_height": height, "ground_height": 10.0,
        "attributes": attributes, "shape": shapely.box(corner, corner, corner + 10, corner + 10),
    }  # fmt: skip


@pytest.fixture(scope="module")
def town() -> City:
    houses = [_house("a", 5.0, 9.0), _house("b", 40.0, 6.0)]
    shapes = [house.pop("shape") for house in houses]
    rows = {column: [house[column] for house in houses] for column in OBJECT_COLUMNS}
    empty = City(crs=gpd.GeoSeries([], crs=CRS).crs)
    tree = {name: [np.nan] if kind == "float64" else [""] for name, kind in TREE_COLUMNS.items()}
    tree |= {"id": ["old"], "species": ["Acer"], "height": [8.0], "crown_diameter": [6.0], "crown_base": [2.0]}
    cover = {"cover": ["asphalt", "water"], "source": ["m", "m"]}
    street = {name: [np.nan if kind == "float64" else ""] for name, kind in NETWORK_COLUMNS.items()}
    street |= {"id": ["s"], "name": ["Lange Straße"], "kind": ["road"], "width": [6.0], "source": ["m"]}
    return empty.replace(
        area=AREA,
        objects=added(empty.objects, rows, shapes, OBJECT_COLUMNS, empty.crs),
        trees=added(empty.trees, tree, [shapely.Point(30, 10)], TREE_COLUMNS, empty.crs),
        land_cover=added(
            empty.land_cover, cover, [shapely.box(*AREA), shapely.box(0, 50, 10, 60)], LAND_COVER_COLUMNS, empty.crs
        ),
        network=added(
            empty.network, street, [shapely.LineString([(0, 30), (60, 30)])], NETWORK_COLUMNS, empty.crs
        ),
    )  # fmt: skip


def _done(city: City, *settings: dict):
    measures = [KINDS[one["kind"]](**one) for one in settings]
    after, report = apply_measures(city, measures, folder=Path.cwd())
    return after, report, after.rasterise(resolution=1.0)


def _at(site, name: str, x: float, y: float) -> float:
    return float(site[name].sel(x=x, y=y, method="nearest"))


SQUARE = [[20.0, 40.0], [30.0, 40.0], [30.0, 50.0], [20.0, 50.0]]


def test_baseline_is_never_changed(town):
    before = (len(town.trees), len(town.objects), len(town.land_cover), dict(town.objects["attributes"].iloc[0]))
    _done(
        town,
        {"kind": "plant_trees", "points": [[50, 10]], "species": "Linde"},
        {"kind": "green_roof", "ids": ["a"]},
        {"kind": "demolish", "ids": ["b"]},
        {"kind": "unseal", "polygon": SQUARE},
    )
    assert before == (len(town.trees), len(town.objects), len(town.land_cover), town.objects["attributes"].iloc[0])
    assert not len(town.structures)


def test_trees_along_a_street_are_as_large_as_the_growth_table_says(town):
    settings = {"street": "Lange Straße", "species": "Winterlinde", "spacing": 12, "after": 40}
    city, report, site = _done(town, {"kind": "plant_trees", **settings})
    grown = size_after("Tilia", 40)
    new = city.trees[city.trees["source"].str.startswith("measure")]
    assert len(new) == report["count"].iloc[0] == 5
    assert new["height"].unique().tolist() == [grown["height"]]
    assert _at(site, "canopy_height", new.geometry.iloc[0].x, 30.5) == pytest.approx(grown["height"], abs=0.6)
    assert set(new["species"]) == {"Tilia"}


def test_growth_is_monotone_and_starts_at_nursery_size():
    heights = [size_after("Quercus", years)["height"] for years in (0, 1, 10, 40, 100, 200)]
    assert heights == sorted(heights)
    assert heights[0] == 6.0  # median of the youngest street trees of the source list
    assert heights[-1] == heights[-2]
    assert known_genus("Tillia cordata") is None


@pytest.mark.parametrize(
    ("measure", "layer", "place", "expected"),
    [
        ({"kind": "unseal", "polygon": SQUARE}, "land_cover", (25, 45), LAND_COVER["grass"]),
        ({"kind": "unseal", "to": "planting", "polygon": SQUARE}, "land_cover", (25, 45), LAND_COVER["shrub"]),
        ({"kind": "unseal", "polygon": SQUARE}, "imperviousness", (25, 45), 0.0),
        ({"kind": "permeable_paving", "form": "grass_pavers", "polygon": SQUARE}, "imperviousness", (25, 45), 0.2),
        ({"kind": "cool_pavement", "albedo": 0.5, "polygon": SQUARE}, "albedo", (25, 45), 0.5),
        ({"kind": "irrigation", "soil_moisture": 0.3, "polygon": SQUARE}, "soil_moisture", (25, 45), 0.3),
        ({"kind": "shade_sail", "height": 5.0, "polygon": SQUARE}, "canopy_height", (25, 45), 5.0),
        ({"kind": "swale", "depth": 0.3, "polygon": SQUARE}, "terrain_height", (25, 45), 9.7),
        ({"kind": "retention_basin", "depth": 2.0, "polygon": SQUARE}, "surface_height", (25, 45), 8.0),
        ({"kind": "wall", "height": 1.5, "line": [[20, 20.5], [30, 20.5]]}, "terrain_height", (25, 20.5), 11.5),
        ({"kind": "raise_kerb", "line": [[20, 20.5], [30, 20.5]]}, "surface_height", (25, 20.5), 10.15),
        ({"kind": "green_roof", "ids": "a"}, "land_cover", (10, 10), LAND_COVER["green_roof"]),
        ({"kind": "cool_roof", "ids": "House a"}, "albedo", (10, 10), 0.55),
        ({"kind": "demolish", "ids": "a", "leaves": "grass"}, "surface_height", (10, 10), 10.0),
        ({"kind": "new_building", "height": 12.0, "polygon": SQUARE}, "surface_height", (25, 45), 22.0),
        ({"kind": "fountain", "points": [[25, 45]], "diameter": 6}, "land_cover", (25, 45), LAND_COVER["water"]),
        ({"kind": "remove_trees", "ids": "old"}, "canopy_height", (30, 10), 0.0),
    ],
)
def test_measure_reaches_its_layer(town, measure, layer, place, expected):
    _, report, site = _done(town, measure)
    assert _at(site, layer, *place) == pytest.approx(expected, abs=1e-5)
    assert layer in report["layers"].iloc[0].split()
    before = town.rasterise(resolution=1.0)
    touched = set(report["layers"].iloc[0].split())
    for name in before.data_vars:  # a measure changes the layers it names, and no other
        if name not in touched:
            np.testing.assert_array_equal(site[name].values, before[name].values, err_msg=str(name))


def test_amounts_and_costs_are_hand_numbers(town):
    _, report, _ = _done(
        town,
        {"kind": "unseal", "polygon": SQUARE},
        {"kind": "retention_basin", "depth": 0.5, "polygon": [[40, 10], [50, 10], [50, 14], [40, 14]]},
        {"kind": "green_roof", "ids": ["a", "b"]},
    )
    assert report["amount"].tolist() == [100.0, 20.0, 200.0]  # m2, m3, m2
    unseal = cost_table()["unseal", "grass"]
    assert report["cost"].iloc[0] == 100.0 * unseal.cost == 5000.0
    assert report["yearly"].iloc[0] == pytest.approx(100.0 * (50.0 / 40.0 + 2.0))
    assert (report["cost_low"] <= report["cost"]).all()
    assert (report["cost"] <= report["cost_high"]).all()


def test_own_costs_win_and_wrong_ones_are_refused(tmp_path):
    own = tmp_path / "kosten.csv"
    own.write_text("# our prices\nkind,variant,unit,cost\nunseal,grass,m2,80\n", encoding="utf-8")
    assert cost_table(own)["unseal", "grass"].cost == 80.0
    assert cost_table(own)["unseal", "grass"].basis == "own"
    for line, word in (("unseel,grass,m2,80", "unseel"), ("unseal,grass,ha,80", "per m2"), ("swale,,m2,viel", "viel")):
        own.write_text(f"kind,variant,unit,cost\n{line}\n", encoding="utf-8")
        with pytest.raises(InputError, match=word):
            cost_table(own)


@pytest.mark.parametrize(
    ("measure", "word"),
    [
        ({"kind": "plant_trees", "points": [[10, 10]], "species": "Linde"}, "building a"),
        ({"kind": "plant_trees", "points": [[5, 55]], "species": "Linde"}, "water"),
        ({"kind": "plant_trees", "points": [[30.5, 10]], "species": "Linde"}, "another tree"),
        ({"kind": "plant_trees", "points": [[500, 10]], "species": "Linde"}, "outside the area"),
        ({"kind": "remove_trees", "ids": "olt"}, "did you mean 'old'"),
        ({"kind": "green_roof", "ids": "House c"}, "did you mean 'House"),
        ({"kind": "unseal", "polygon": [[6, 6], [9, 6], [9, 9]]}, "under buildings"),
        ({"kind": "unseal", "polygon": [[20, 20], [30, 30], [30, 20], [20, 30]]}, "crosses itself"),
        ({"kind": "unseal", "line": [[20, 20], [30, 30]]}, "width"),
        ({"kind": "new_building", "height": 9, "polygon": [[8, 8], [20, 8], [20, 20]]}, "stands in building a"),
        ({"kind": "new_building", "height": 9, "polygon": [[28, 8], [34, 8], [34, 14], [28, 14]]}, "1 trees"),
        ({"kind": "close_road", "street": "Lange Strasse"}, "did you mean 'Lange Straße'"),
        ({"kind": "wall", "geometry": "POINT (3 3)"}, "Point"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(town, measure, word, monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")
    with pytest.raises(InputError, match=word):
        apply_measures(town, [KINDS[measure["kind"]](**measure)])


def test_contradictions_are_named_together(town, monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")
    settings = [
        {"kind": "demolish", "ids": "a"},
        {"kind": "green_roof", "ids": "a"},
        {"kind": "unseal", "polygon": SQUARE},
        {"kind": "cool_pavement", "polygon": SQUARE},
        {"kind": "green_roof", "ids": "b"},
        {"kind": "cool_roof", "ids": "b"},
    ]
    with pytest.raises(InputError) as caught:
        apply_measures(town, [KINDS[one["kind"]](**one) for one in settings], where="plan.toml")
    said = str(caught.value)
    assert said.startswith("plan.toml has 3 problems")
    assert "demolished by measure 1" in said
    assert "100 m² of the ground that measure 3 (unseal)" in said
    assert "green or cool" in said


def test_places_by_geojson_file_and_degrees_agree(town, tmp_path):
    square = shapely.Polygon(SQUARE)
    file = tmp_path / "square.geojson"
    # a place on Earth: the same square given in the city's system and in longitude and latitude
    far = town.replace(
        area=(570000.0, 5670000.0, 570060.0, 5670060.0),
        objects=town.objects.iloc[:0],
        land_cover=town.land_cover.iloc[:0],
        trees=town.trees.iloc[:0],
    )
    moved = shapely.transform(square, lambda xy: xy + np.array([570000.0, 5670000.0]))
    gpd.GeoDataFrame(geometry=[moved], crs=CRS).to_crs("EPSG:4326").to_file(file)
    degrees = gpd.GeoSeries([moved], crs=CRS).to_crs("EPSG:4326").iloc[0]
    amounts = []
    for place in (
        {"geometry": moved.wkt},
        {"geometry": shapely.geometry.mapping(moved)},
        {"geometry": degrees.wkt, "crs": "EPSG:4326"},
        {"file": str(file)},
    ):
        _, report = apply_measures(far, [KINDS["unseal"](kind="unseal", **place)])
        amounts.append(report["amount"].iloc[0])
    assert amounts == pytest.approx([100.0] * 4, abs=0.01)


def test_every_kind_has_costs_and_words():
    from twin.language import text

    priced = {kind for kind, _ in cost_table()}
    assert priced == set(KINDS)
    for language in ("en", "de"):
        assert all(text(f"measures.kind_{kind}", language) for kind in KINDS)
        assert all(text(f"measures.unit_{cost.unit}", language) for cost in cost_table().values())
