"""Tree lists: mapping, cleaning, filling, and the cadastres of German cities."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from shapely.geometry import MultiPoint, Point

from models.layers import read_table
from twin.city.cadastres import cadastres, recognised
from twin.city.gaps import GapLog
from twin.city.placing import Reference
from twin.city.profile import TreesLayer
from twin.city.tree_filling import fill_trees, forms
from twin.city.trees import genus_of, limits, read_trees
from twin.errors import InputError

X, Y = 565000.0, 5930000.0

CSV = """BaumNr;Baumart (bot.);Höhe (m);Krone (m);Stammumfang (cm);Pflanzjahr;Ostwert;Nordwert
1;Tilia cordata;12,5;6,0;94;1985;565010,5;5930010,25
2;Picea abies;0;k.A.;60;ca. 1990;565020;5930020
3;Acer platanoides;10-12 m;5;0;unbekannt;565030;5930030
4;Quercus robur;75;8;300;1890;565040;5930040
5;Fagus sylvatica;4;15;90;0;565050;5930050
6;unbekannt;8;4;viel;2031;565060;
"""


def layer(file: Path, **keys: object) -> TreesLayer:
    return TreesLayer.model_validate({"path": str(file), **keys})


def city_reference() -> Reference:
    return Reference(crs=pyproj.CRS("EPSG:25832+7837"), extent=(X, Y, X + 500, Y + 500))


def read_csv(
    tmp_path: Path, body: str = CSV, encoding: str = "utf-8", **keys: object
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    file = tmp_path / "baumkataster.csv"
    file.write_bytes(body.encode(encoding))
    ref = city_reference()
    return read_trees([file], layer(file, **keys), ref), ref.log.table().set_index("code")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_german_table_is_read_and_cleaned(tmp_path: Path, encoding: str) -> None:
    trees, log = read_csv(tmp_path, encoding=encoding, crs="EPSG:25832", decimal=",", unknown=["k.A."])
    assert list(trees["id"]) == ["1", "2", "3", "4", "5"]
    assert trees.crs == pyproj.CRS("EPSG:25832+7837")
    assert trees.geometry.iloc[0] == Point(565010.5, 5930010.25)
    np.testing.assert_array_equal(trees["height"], [12.5, np.nan, 11.0, np.nan, 4.0])
    np.testing.assert_array_equal(trees["crown_diameter"], [6.0, np.nan, 5.0, 8.0, np.nan])
    np.testing.assert_array_equal(trees["trunk_circumference"], [94.0, 60.0, np.nan, 300.0, 90.0])
    np.testing.assert_array_equal(trees["planted"], [1985, 1990, np.nan, 1890, np.nan])
    assert log.loc["trees_without_place", "count"] == 1
    assert log.loc["tree_height_impossible", "places"] == ["4"]
    assert log.loc["tree_crown_too_wide", "places"] == ["5"]
    assert log.loc["tree_year_unreadable", "places"] == ["3"]
    assert (trees["filled"] == "").all()


def test_text_where_a_number_belongs_is_unknown_and_shown(tmp_path: Path) -> None:
    trees, log = read_csv(
        tmp_path, CSV.replace(";;", ";5930060;").replace("565060;\n", "565060;5930060\n"), crs="EPSG:25832"
    )
    assert np.isnan(trees["trunk_circumference"].iloc[5])
    assert trees["species"].iloc[5] == ""
    rows = log.loc[["tree_text_no_number"]]
    assert {row["column"] for row in rows["values"]} == {"trunk_circumference", "crown_diameter"}


def test_table_without_crs_is_taken_where_it_lies_on_the_city(tmp_path: Path) -> None:
    trees, log = read_csv(tmp_path)
    assert len(trees) == 5
    assert log.loc["crs_assumed", "default"] == "EPSG:25832"


def test_degrees_are_brought_to_the_city_and_refused_without_crs(tmp_path: Path) -> None:
    change = pyproj.Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True)
    lon, lat = change.transform(X + 100, Y + 200)
    body = f"species,height,lon,lat\nTilia cordata,10,{lon:.9f},{lat:.9f}\n"
    trees, _ = read_csv(tmp_path, body, crs="EPSG:4326")
    assert trees.geometry.iloc[0].distance(Point(X + 100, Y + 200)) < 0.001
    with pytest.raises(InputError, match=r'baumkataster\.csv names no coordinate reference system.*"EPSG:4326"'):
        read_csv(tmp_path, body)
    with pytest.raises(InputError, match="look like degrees"):
        read_csv(tmp_path, body, crs="EPSG:25832")


def test_another_utm_zone_is_brought_to_the_city(tmp_path: Path) -> None:
    change = pyproj.Transformer.from_crs("EPSG:25832", "EPSG:25833", always_xy=True)
    x, y = change.transform(X + 100, Y + 200)
    trees, _ = read_csv(tmp_path, f"species,height,x,y\nTilia cordata,10,{x},{y}\n", crs="EPSG:25833")
    assert trees.geometry.iloc[0].distance(Point(X + 100, Y + 200)) < 0.001


def test_unknown_column_and_cadastre_suggest_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'Hoehe \(m\)' \(did you mean 'Höhe \(m\)'\?\)"):
        read_csv(tmp_path, columns={"height": "Hoehe (m)", "x": "Ostwert", "y": "Nordwert"})
    with pytest.raises(InputError, match=r"'berln' is no known tree cadastre \(did you mean 'berlin'\?\)"):
        read_csv(tmp_path, cadastre="berln")
    with pytest.raises(InputError, match="no column of species, height, crown or trunk"):
        read_csv(tmp_path, "a;x;y\n1;565010;5930010\n")
    with pytest.raises(InputError, match="coordinates are not known"):
        read_csv(tmp_path, "height;crown_diameter\n1;2\n")
    with pytest.raises(InputError, match="heading but no row"):
        read_csv(tmp_path, "height;x;y\n")


def test_units_trunk_diameter_felled_and_age(tmp_path: Path) -> None:
    lines = [
        "art;h;d;u;gefaellt_am;alter;x;y",
        "Tilia;120;30;;;40;565010;5930010",
        "Tilia;90;;0,8;2021-03-01;5;565020;5930020",
        "Tilia;90;;0,8;gefällt;5;565020;5930020",
        "Tilia;90;;0,8;Krone einkürzen;;565020;5930020",
    ]
    body = "\n".join(lines) + "\n"
    columns = {
        "species": "art",
        "height": "h",
        "trunk_diameter": "d",
        "trunk_circumference": "u",
        "felled": "gefaellt_am",
    }
    columns |= {"age": "alter", "x": "x", "y": "y"}
    keys = {"units": {"height": "dm", "trunk_circumference": "m"}, "survey_year": 2025}
    trees, log = read_csv(tmp_path, body, columns=columns, **keys)
    assert trees["id"].tolist() == ["baumkataster-1", "baumkataster-4"], "a remark on pruning fells no tree"
    assert trees["height"].iloc[0] == pytest.approx(12.0)
    assert trees["trunk_circumference"].iloc[0] == pytest.approx(30 * math.pi)
    assert trees["planted"].iloc[0] == 1985
    assert log.loc["trees_felled", "count"] == 2


def test_multipoints_and_polygons_become_points(tmp_path: Path) -> None:
    shapes = [
        MultiPoint([(X + 1, Y + 1)]),
        MultiPoint([(X + 5, Y + 5), (X + 9, Y + 9)]),
        None,
        shapely.box(X + 20, Y, X + 24, Y + 4),
    ]
    frame = gpd.GeoDataFrame({"species": ["Tilia"] * 4, "height": [9.0] * 4}, geometry=shapes, crs="EPSG:25832")
    file = tmp_path / "trees.gpkg"
    frame.to_file(file, engine="pyogrio")
    ref = city_reference()
    trees = read_trees([file], layer(file), ref)
    assert [(p.x - X, p.y - Y) for p in trees.geometry] == [(1, 1), (5, 5), (22, 2)]
    log = ref.log.table().set_index("code")
    assert (log.loc["trees_of_many_points", "count"], log.loc["trees_without_place", "count"]) == (1, 1)


@pytest.mark.parametrize("name", [name for name in cadastres() if name != "general"])
def test_every_known_cadastre_is_recognised_by_its_columns(name: str) -> None:
    entry = cadastres()[name]
    columns = entry["columns"]
    assert recognised([*entry["recognise"], "other"]) == name
    assert set(columns) <= set(TreesLayer.model_fields["columns"].annotation.__args__[0].model_fields)  # type: ignore[union-attr]
    assert "species" in columns
    assert entry["licence"]
    assert entry["attribution"]


def test_at_least_eight_cadastres_are_known() -> None:
    assert len(cadastres()) - 1 >= 8


def test_heilbronn_girth_in_metres_and_filler_crowns(tmp_path: Path) -> None:
    body = (
        "BAUM_NR;WIS_TEXT;KRONE_DM;ST_UMFANG;x;y\n7;Tilia cordata;2;1,10;565010;5930010\n8;Acer;6;0,9;565020;5930020\n"
    )
    trees, log = read_csv(tmp_path, body, cadastre="heilbronn", columns={"x": "x", "y": "y"})
    np.testing.assert_allclose(trees["trunk_circumference"], [110, 90])
    np.testing.assert_array_equal(trees["crown_diameter"], [np.nan, 6])
    assert "tree_trunk_circumference_impossible" not in log.index


def test_vienna_classes_are_not_taken_for_metres(tmp_path: Path) -> None:
    body = "BAUM_ID;GATTUNG_ART;PFLANZJAHR;STAMMUMFANG;BAUMHOEHE;BAUMHOEHE_TXT;KRONENDURCHMESSER;SHAPE\n"
    body += "1;Acer platanoides (Spitzahorn);1990;110;4;16-20 m;5;POINT (9.983 53.517)\n"
    trees, _ = read_csv(tmp_path, body)
    assert trees["species"].iloc[0] == "Acer platanoides"
    assert trees["height"].iloc[0] == 18.0
    assert np.isnan(trees["crown_diameter"].iloc[0])


def test_genus_and_form_of_names() -> None:
    names = pd.Series(
        ["Tilia x vulgaris", "× Cupressocyparis leylandii", "k.A.", None, "QUERCUS ROBUR 'FASTIGIATA'", "Xanthoceras"]
    )
    assert genus_of(names).tolist() == ["Tilia", "Cupressocyparis", "", "", "Quercus", "Xanthoceras"]
    assert forms(names).tolist() == ["broadleaf", "conifer", "broadleaf", "broadleaf", "columnar", "broadleaf"]


def made_trees(count: int, *, species: str = "Tilia cordata", seed: int = 3) -> gpd.GeoDataFrame:
    """Trees that follow ln(crown) = -1.2 + 0.4 ln(height) + 0.5 ln(trunk) exactly."""
    rng = np.random.default_rng(seed)
    height, trunk = rng.uniform(5, 25, count), rng.uniform(30, 250, count)
    crown = np.exp(-1.2 + 0.4 * np.log(height) + 0.5 * np.log(trunk))
    data = {"id": [f"t{i}" for i in range(count)], "species": species, "height": height, "crown_diameter": crown}
    data |= {
        "crown_base": np.nan,
        "trunk_circumference": trunk,
        "planted": np.nan,
        "crown_shape": "",
        "filled": "",
        "source": "made.csv",
    }
    return gpd.GeoDataFrame(data, geometry=shapely.points(X + np.arange(count), Y))


def test_missing_crowns_follow_the_trees_own_genus() -> None:
    trees = pd.concat([made_trees(60), made_trees(60, species="Acer campestre", seed=4)], ignore_index=True)
    trees.loc[60:, "crown_diameter"] *= 1.5
    truth = trees["crown_diameter"].copy()
    hidden = [0, 5, 70, 75]
    trees.loc[hidden, "crown_diameter"] = np.nan
    log = GapLog()
    full = fill_trees(trees, log)
    np.testing.assert_allclose(full["crown_diameter"][hidden], truth[hidden], rtol=1e-9)
    assert full.loc[hidden, "filled"].tolist() == ["crown_diameter,crown_base"] * 4
    assert full.loc[1, "filled"] == "crown_base"
    row = log.table().set_index("code").loc["tree_crown_diameter_filled"]
    assert (row["count"], row["of"], row["severity"]) == (4, 120, "default")
    assert (row["values"]["genus"], row["values"]["table"]) == (4, 0)
    assert trees["crown_diameter"].isna().sum() == 4, "the given table stays as it is"


def test_estimates_stay_within_the_range_that_was_seen() -> None:
    trees = made_trees(60)
    widest = trees["crown_diameter"].max()
    giant = trees.iloc[[0]].assign(height=59.0, trunk_circumference=1500.0, crown_diameter=np.nan, id="giant")
    full = fill_trees(pd.concat([trees, giant], ignore_index=True), GapLog())
    assert full["crown_diameter"].iloc[-1] <= np.exp(-1.2 + 0.4 * np.log(25) + 0.5 * np.log(250)) * 1.0001
    assert full["crown_diameter"].iloc[-1] >= widest * 0.95


def test_few_trees_are_filled_by_the_general_table() -> None:
    trees = made_trees(3)
    trees["crown_diameter"] = np.nan
    trees.loc[1, ["height", "trunk_circumference"]] = np.nan
    trees.loc[2, "species"] = "Picea abies"
    log = GapLog()
    full = fill_trees(trees, log)
    height, trunk = trees["height"], trees["trunk_circumference"]
    broadleaf = math.exp(-1.7515 + 0.4291 * math.log(height[0]) + 0.5553 * math.log(trunk[0])) * 1.0506
    spruce = math.exp(-0.3232 + 0.6441 * math.log(trunk[2] / math.pi)) * 1.0131  # Hasenauer 1997
    assert full["crown_diameter"][0] == pytest.approx(broadleaf, rel=1e-4)
    assert full["crown_diameter"][2] == pytest.approx(spruce, rel=1e-3)
    assert full["height"][1] == pytest.approx(8.0, rel=1e-3)
    assert full["crown_shape"].tolist() == ["ellipsoid", "ellipsoid", "cone"]
    np.testing.assert_allclose(full["crown_base"] / full["height"], [0.25, 0.25, 0.10])
    assert log.table().set_index("code").loc["tree_crown_diameter_filled", "values"]["table"] == 3


def test_given_crown_base_is_kept_and_nothing_stays_unknown() -> None:
    trees = made_trees(40)
    trees.loc[3, "crown_base"] = 1.7
    trees.loc[[4, 9], ["height", "crown_diameter", "trunk_circumference"]] = np.nan
    full = fill_trees(trees, GapLog())
    assert full["crown_base"][3] == 1.7
    assert full["filled"][3] == ""
    assert not full[["height", "crown_diameter", "crown_base", "trunk_circumference"]].isna().any().any()
    assert (full["crown_base"] < full["height"]).all()
    assert (full["crown_diameter"] <= limits()["crown_to_height"][1] * full["height"] + 1e-9).all()


@pytest.mark.reference
def test_tiergarten_trees_and_the_general_table(shared: Path) -> None:
    folder = shared / "data" / "berlin-tiergarten"
    files = [folder / "Berlin_trees_park2025.shp", folder / "Berlin_trees_street2025.shp"]
    ref = Reference()
    trees = read_trees(files, TreesLayer.model_validate({"path": [str(f) for f in files], "cadastre": "berlin"}), ref)
    assert len(trees) == 11_739 + 3_695
    assert (
        int(trees["crown_diameter"].isna().sum()) == 9_105 + 20 + 2 + 2
    )  # none, 0 m (park), 0 m (street), wider than 3 x tall
    full = fill_trees(trees, ref.log)
    assert not full[["height", "crown_diameter", "trunk_circumference"]].isna().any().any()
    broad = (forms(trees["species"]) != "conifer").to_numpy()
    for row in read_table("twin.city", "tree_allometry.csv"):
        if row["source"] == "A" and row["group"] == "broadleaf":
            names = [n for n in ("height", "crown_diameter", "trunk_circumference") if row[n]]
            known = trees[broad][[*names, row["target"]]].dropna()
            design = np.column_stack([np.ones(len(known)), np.log(known[names])])
            found, *_ = np.linalg.lstsq(design, np.log(known[row["target"]]), rcond=None)
            np.testing.assert_allclose(found, [float(row[n]) for n in ("intercept", *names)], atol=0.02)
