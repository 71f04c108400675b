"""Tree cadastres as the cities hand them out: their columns, their formats, and the traps in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import twin
from twin.city import gaps
from twin.city.cadastres import cadastres

NAN = float("nan")

# Each entry: how the city writes its list (file ending, CRS of the points), its rows with the real column names, and
# what they mean: species, height [m], crown [m], trunk [cm], year; NaN where the list does not say it.
CITIES: dict[str, dict[str, Any]] = {
    "berlin": {  # pflanzjahr is text: a year, "0", nonsense
        "file": "strassenbaeume.shp", "crs": 25833, "x": [390000, 390020, 390040, 390060], "y": [5819000] * 4,
        "rows": {
            "gisid": ["00008100:1", "00008100:2", "00008100:3", "00008100:4"], "standortnr": ["1", "2", "3", "4"],
            "art_bot": ["Tilia cordata", "Quercus robur", "", "Acer platanoides"], "art_dtsch": ["Winter-Linde", "Eiche", "", "Spitz-Ahorn"],
            "pflanzjahr": ["1985", "0", "unbekannt", "19"], "standalter": [40, 0, 0, 0], "kronedurch": [8.0, 0.0, 5.0, 3.5],
            "stammumfg": [125, 300, 0, 40], "baumhoehe": [15.0, 22.0, 9.0, 0.0], "bezirk": ["Mitte"] * 4,
        },
        "ids": ["00008100:1", "00008100:2", "00008100:3", "00008100:4"],
        "species": ["Tilia cordata", "Quercus robur", "", "Acer platanoides"], "height": [15, 22, 9, NAN],
        "crown_diameter": [8, NAN, 5, 3.5], "trunk_circumference": [125, 300, NAN, 40], "planted": [1985, NAN, NAN, NAN],
    },
    "hamburg": {  # 0 means unknown; points are MultiPoints
        "file": "strassenbaumkataster.gpkg", "crs": 25832, "x": [565000, 565030], "y": [5934000] * 2, "multi": True,
        "rows": {
            "baumid": [1000001, 1000002], "baumnummer": ["17", "18"], "gattung_latein": ["Tilia", "Aesculus"],
            "art_latein": ["Tilia x vulgaris", "Aesculus hippocastanum"], "sorte_latein": [None, None], "pflanzjahr": [1965, 0],
            "kronendurchmesser": ["10", "0"], "kronendmzahl": [10, 0], "stammumfang": ["150", "0"], "stammumfangzahl": [150, 0],
            "stand_bearbeitung": ["2024-01-02", "2024-01-02"],
        },
        "ids": ["1000001", "1000002"], "species": ["Tilia x vulgaris", "Aesculus hippocastanum"], "height": [NAN, NAN],
        "crown_diameter": [10, NAN], "trunk_circumference": [150, NAN], "planted": [1965, NAN],
    },
    "leipzig": {  # felled trees stay in the list with the date of felling
        "file": "baeume.geojson", "crs": 25833, "x": [317000, 317020, 317040], "y": [5690000] * 3,
        "rows": {
            "objectid": [1, 2, 3], "standortnr": ["a", "b", "c"], "ga_lang_wiss": ["Tilia cordata", "Platanus x hispanica", "Betula pendula"],
            "ga_lang_deutsch": ["Winterlinde", "Platane", "Birke"], "pflanzjahr": [1990, 1920, 1975], "kr_durchm": [6, 18, 5],
            "st_durchm": [25, 90, 20], "st_umfang": [80, 285, 63], "baumhoehe": [9, 24, 12], "gefaellt_am": [None, None, "2019-11-04"],
        },
        "ids": ["1", "2"], "species": ["Tilia cordata", "Platanus x hispanica"], "height": [9, 24],
        "crown_diameter": [6, 18], "trunk_circumference": [80, 285], "planted": [1990, 1920], "code": ("trees_felled", 1),
    },
    "dresden": {  # a CSV whose place stands in UTM columns; trunk as a diameter in cm
        "file": "stadtbaeume.csv", "crs": 25833, "x": [411000.5, 411020.25], "y": [5655000] * 2, "xy": ("gis_x_utm", "gis_y_utm"),
        "rows": {
            "standort_nr": ["S1", "S2"], "art_botanisch": ["Tilia cordata", "Quercus rubra"], "art_deutsch": ["Winterlinde", "Roteiche"],
            "jalter": [40, 60], "kronendurchmesser_akt": [7, 12], "baumhoehe_akt": [11, 18], "stammdurchmesser_akt": [30, 50],
        },
        "ids": ["S1", "S2"], "species": ["Tilia cordata", "Quercus rubra"], "height": [11, 18],
        "crown_diameter": [7, 12], "trunk_circumference": [30 * np.pi, 50 * np.pi], "planted": [NAN, NAN],
    },
    "frankfurt": {  # shapefile names of ten characters; the German name stands behind a comma
        "file": "baumkataster.shp", "crs": 25832, "x": [477000, 477030], "y": [5551000] * 2,
        "rows": {
            "Baumnummer": [11, 12], "Gattung_Ar": ["Platanus x hispanica, Ahornblättrige Platane", "Robinia pseudoacacia, Robinie"],
            "Strasse": ["Zeil", "Zeil"], "Pflanzjahr": [1900, 2005], "Kronendurc": [16, 4],
        },
        "ids": ["11", "12"], "species": ["Platanus x hispanica", "Robinia pseudoacacia"], "height": [NAN, NAN],
        "crown_diameter": [16, 4], "trunk_circumference": [NAN, NAN], "planted": [1900, 2005],
    },
    "koeln": {  # a CSV in Windows-1252 with commas in numbers
        "file": "baumkataster.csv", "crs": 25832, "x": [356000.0, 356020.0], "y": [5645000.0] * 2, "xy": ("X_Koord", "Y_Koord"),
        "encoding": "cp1252", "decimal": ",",
        "rows": {
            "Baum-Nr.": ["0001", "0002"], "Gattung, Art, Sorte": ["Tilia cordata", "Ginkgo biloba"], "DeutscherN": ["Winterlinde", "Fächerblattbaum"],
            "HÖHE": ["12,5", "8"], "KRONE": ["6,5", "3"], "STAMMVON": ["30", "10"], "STAMMBIS": ["40", "20"],
        },
        "ids": ["0001", "0002"], "species": ["Tilia cordata", "Ginkgo biloba"], "height": [12.5, 8],
        "crown_diameter": [6.5, 3], "trunk_circumference": [40 * np.pi, 20 * np.pi], "planted": [NAN, NAN],
    },
    "rostock": {  # a CSV in degrees
        "file": "baeume.csv", "crs": 4326, "x": [12.1000, 12.1005], "y": [54.0900, 54.0901], "xy": ("longitude", "latitude"), "separator": ",",
        "rows": {
            "uuid": ["aa-1", "aa-2"], "nummer": ["5", "6"], "gattung_botanisch": ["Tilia", "Sorbus"], "gattung_deutsch": ["Linde", "Eberesche"],
            "art_botanisch": ["Tilia cordata", "Sorbus aucuparia"], "kronendurchmesser": [7, 3], "hoehe": [13, 5], "stammdurchmesser": [35, 12],
        },
        "ids": ["5", "6"], "species": ["Tilia cordata", "Sorbus aucuparia"], "height": [13, 5],
        "crown_diameter": [7, 3], "trunk_circumference": [35 * np.pi, 12 * np.pi], "planted": [NAN, NAN],
    },
    "heilbronn": {  # girth in metres, a crown of 2 m is a filler, a group's trunk is a sum
        "file": "baeume.shp", "crs": 25832, "x": [515000, 515020, 515040], "y": [5443000] * 3,
        "rows": {
            "BAUM_NR": ["1", "2", "3"], "TYP": ["Einzelbaum", "Einzelbaum", "Baumgruppe"], "DEU_TEXT": ["Linde", "Ahorn", "Birke"],
            "WIS_TEXT": ["Tilia cordata", "Acer campestre", "Betula pendula"], "ST_UMFANG": [1.25, 0.6, 9.4], "KRONE_DM": [8.0, 2.0, 6.0],
        },
        "ids": ["1", "2", "3"], "species": ["Tilia cordata", "Acer campestre", "Betula pendula"], "height": [NAN] * 3,
        "crown_diameter": [8, NAN, 6], "trunk_circumference": [125, 60, NAN], "planted": [NAN] * 3, "code": ("tree_groups", 1),
    },
    "halle": {
        "file": "baumkataster.gpkg", "crs": 25832, "x": [705000, 705030], "y": [5707000] * 2,
        "rows": {
            "baum_nr": ["12", "13"], "art_botan": ["Tilia cordata", "unbekannt"], "art_deut": ["Winterlinde", ""],
            "pflanzjahr": [1988, 1801], "krone_m": [7, 4], "hoehe_m": [14, 75],  # no tree of a town is 75 m tall
        },
        "ids": ["12", "13"], "species": ["Tilia cordata", ""], "height": [14, NAN],
        "crown_diameter": [7, 4], "trunk_circumference": [NAN, NAN], "planted": [1988, 1801], "code": ("tree_height_impossible", 1),
    },
    "wesel": {
        "file": "baeume.shp", "crs": 25832, "x": [337000], "y": [5726000],
        "rows": {"ID": ["77"], "GA_LANG": ["Fagus sylvatica"], "KR_DURCHM": [9], "ST_UMFANG": [180], "BAUMHOEHE": [17]},
        "ids": ["77"], "species": ["Fagus sylvatica"], "height": [17], "crown_diameter": [9], "trunk_circumference": [180], "planted": [NAN],
    },
    "wien": {  # sizes are classes; only their texts are metres
        "file": "baumkatogd.csv", "crs": 4326, "x": [16.37, 16.371], "y": [48.2] * 2, "wkt": "SHAPE", "separator": ",",
        "rows": {
            "BAUM_ID": ["9", "10"], "GATTUNG_ART": ["Acer platanoides (Spitzahorn)", "Tilia cordata (Winterlinde)"], "PFLANZJAHR": [1990, 0],
            "STAMMUMFANG": [110, 95], "BAUMHOEHE": [4, 2], "BAUMHOEHE_TXT": ["16-20 m", "6-10 m"],
            "KRONENDURCHMESSER": [5, 2], "KRONENDURCHMESSER_TXT": ["13-15 m", "4-6 m"],
        },
        "ids": ["9", "10"], "species": ["Acer platanoides", "Tilia cordata"], "height": [18, 8],
        "crown_diameter": [14, 5], "trunk_circumference": [110, 95], "planted": [1990, NAN],
    },
}  # fmt: skip


def write(folder: Path, city: dict[str, Any]) -> Path:
    """Write a city's list in its own format."""
    path = folder / city["file"]
    points = shapely.points(city["x"], city["y"])
    table = pd.DataFrame(city["rows"])
    if path.suffix == ".csv":
        if "wkt" in city:
            table[city["wkt"]] = shapely.to_wkt(points)
        else:
            for name, values in zip(city["xy"], (city["x"], city["y"]), strict=True):
                table[name] = [str(v).replace(".", city.get("decimal", ".")) for v in values]
        table.to_csv(path, sep=city.get("separator", ";"), index=False, encoding=city.get("encoding", "utf-8"))
        return path
    geometry = [shapely.MultiPoint([p]) for p in points] if city.get("multi") else points
    frame = gpd.GeoDataFrame(table, geometry=geometry, crs=city["crs"])
    if path.suffix == ".geojson":
        frame = frame.to_crs(4326)
    frame.to_file(path)
    return path


@pytest.mark.parametrize("name", list(CITIES))
def test_a_citys_own_list_is_recognised_and_read_right(tmp_path: Path, name: str) -> None:
    city = CITIES[name]
    metric = city["crs"] if city["crs"] != 4326 else 25833
    found = twin.load(trees=write(tmp_path, city), crs=f"EPSG:{metric}")
    log = dict(zip(found.gaps["code"], found.gaps["count"], strict=True))
    default = dict(zip(found.gaps["code"], found.gaps["default"], strict=True))
    assert default["cadastre_recognised"] == name
    trees = found.trees
    assert list(trees["id"]) == city["ids"]
    assert list(trees["species"]) == city["species"]
    for size in ("height", "crown_diameter", "trunk_circumference"):
        own = trees[size].where(~trees["filled"].str.contains(size))
        np.testing.assert_allclose(own, city[size], rtol=1e-6, err_msg=f"{name} {size}")
        assert trees[size].notna().all()  # what the list does not say was filled, and is told
        assert (f"tree_{size}_filled" in log) == bool(np.isnan(np.asarray(city[size], dtype=float)).any())
    np.testing.assert_array_equal(trees["planted"], city["planted"])
    if "code" in city:
        assert log[city["code"][0]] == city["code"][1]
    count = len(city["ids"])
    expected = gpd.GeoSeries(shapely.points(city["x"], city["y"]), crs=city["crs"]).to_crs(metric)[:count]
    assert trees.geometry.distance(expected.set_crs(trees.crs, allow_override=True), align=False).max() < 0.01


@pytest.mark.parametrize("name", list(CITIES))
def test_a_profile_that_names_the_cadastre_takes_its_licence(tmp_path: Path, name: str) -> None:
    city = CITIES[name]
    metric = city["crs"] if city["crs"] != 4326 else 25833
    found = twin.load(trees={"path": write(tmp_path, city), "cadastre": name}, crs=f"EPSG:{metric}")
    assert list(found.sources["licence"]) == [cadastres()[name]["licence"]]
    assert list(found.sources["attribution"]) == [cadastres()[name]["attribution"]]
    assert list(found.trees["id"]) == city["ids"]


def test_ages_without_the_year_of_their_survey_are_told(tmp_path: Path) -> None:
    berlin = CITIES["berlin"]
    rows = berlin["rows"] | {"pflanzjahr": ["1985", "0", "0", "0"], "standalter": [40, 25, 12, 0]}
    file = write(tmp_path, berlin | {"rows": rows})
    found = twin.load(trees=file, crs="EPSG:25833")
    told = found.gaps.set_index("code").loc["tree_age_unused"]
    assert (told["count"], told["of"]) == (2, 4)
    assert "survey_year" in " ".join(gaps.sentences(found.gaps, "de")["remedy"])
    profile = tmp_path / "city.toml"
    profile.write_text(
        f'name = "B"\ncrs = "EPSG:25833"\n[[trees]]\npath = "{file.name}"\ncadastre = "berlin"\nsurvey_year = 2025\n',
        "utf-8",
    )
    known = twin.load(profile)
    assert "tree_age_unused" not in set(known.gaps["code"])
    assert known.trees["planted"].tolist()[:3] == [1985, 2000, 2013]
