"""Culverts, underpasses, walls and the sewer of a city, on the cells of a grid."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr

import twin
from models.water.structures import Culvert, Wall
from twin.city.gaps import GapLog
from twin.city.sewer_network import coupled_sewer, street_gullies
from twin.city.water_structures import line_faces, underpass_cells, water_works
from twin.errors import InputError


def grid(cells: int = 40, size: float = 1.0, dam: bool = False) -> xr.Dataset:
    x, y = (np.arange(cells) + 0.5) * size, (cells - np.arange(cells) - 0.5) * size
    terrain = np.full((cells, cells), 50.0)
    if dam:
        terrain[:, 15:25] = 53.0
    layers = {"terrain_height": (("y", "x"), terrain), "building_id": (("y", "x"), np.zeros((cells, cells), int))}
    return xr.Dataset(layers, {"y": y, "x": x})


def city_with(tmp_path: Path, rows: list[tuple[Any, ...]], columns: list[str], **layer: Any) -> twin.City:
    frame = gpd.GeoDataFrame(rows, columns=[*columns, "geometry"], geometry="geometry", crs="EPSG:25832")
    file = tmp_path / "bauwerke.gpkg"
    frame.to_file(file)
    return twin.load(structures={"path": file, **layer})


def test_culvert_of_an_office_layer(tmp_path: Path) -> None:
    line = shapely.LineString([(14.5, 20.5), (25.5, 20.5)])
    city = city_with(
        tmp_path, [("D1", "Durchlass", 0.8, 50.1, 49.9, line)], ["kennung", "art", "breite", "sohle_ein", "sohle_aus"]
    )
    assert np.isnan(city.structures["height"].iloc[0])  # a culvert raises no ground
    (culvert,) = water_works(city, grid(dam=True))
    assert isinstance(culvert, Culvert)
    assert culvert.inverts == (50.1, 49.9)
    assert (culvert.width, culvert.height) == (0.8, 0.8)
    assert culvert.length == pytest.approx(11.0)
    assert culvert.start[1] < 15 <= 25 <= culvert.end[1]


@pytest.mark.parametrize("dam", [True, False])
def test_underpass_leads_water_only_below_a_dam(tmp_path: Path, dam: bool) -> None:
    line = shapely.LineString([(13.5, 20.5), (26.5, 20.5)])
    city = city_with(tmp_path, [("Unterführung", 5.0, 3.5, line)], ["art", "breite", "hoehe"])
    site = grid(dam=dam)
    works = water_works(city, site)
    assert len(works) == (1 if dam else 0)
    (cells,) = underpass_cells(city, site).values()
    assert cells.sum() == pytest.approx(13 * 5, abs=5)


def test_wall_with_a_crest_is_a_line_of_faces_without_a_gap(tmp_path: Path) -> None:
    line = shapely.LineString([(2.2, 3.1), (17.3, 25.6), (33.0, 30.2)])
    city = city_with(tmp_path, [("Mauer", 51.5, line)], ["art", "krone"])
    (wall,) = water_works(city, grid())
    assert isinstance(wall, Wall)
    assert wall.crest == 51.5
    # faces as edges between corners: each corner but both ends has exactly two
    ends: dict[tuple[int, int], int] = {}
    for row, column, side in zip(wall.rows, wall.columns, wall.side, strict=True):
        corners = (
            [(row + 1, column + 1), (row + 1, column)]
            if side == "south"
            else [(row + 1, column + 1), (row, column + 1)]
        )
        for corner in corners:
            ends[corner] = ends.get(corner, 0) + 1
    assert sorted(ends.values()).count(1) == 2
    assert set(ends.values()) == {1, 2}


def test_faces_stay_on_the_grid() -> None:
    rows, columns, sides = line_faces(np.array([[-5.0, 20.0], [60.0, 20.0]]), grid())
    assert len(rows) == 40
    assert set(sides) == {"south"}
    assert min(columns) == 0
    assert max(columns) == 39


def test_what_leads_no_water_is_said(tmp_path: Path) -> None:
    inside, outside = shapely.LineString([(5, 5), (15, 5)]), shapely.LineString([(5, 5), (500, 5)])
    city = city_with(
        tmp_path, [("Rohr", np.nan, inside), ("Rohr", 0.5, outside)], ["art", "breite"], kinds={"Rohr": "culvert"}
    )
    log = GapLog()
    assert water_works(city, grid(), log) == []
    assert dict(log.table()[["code", "count"]].values.tolist()) == {
        "structures_outside": 1,
        "structures_without_size": 1,
    }


def test_unknown_kinds_are_named_with_the_nearest(tmp_path: Path) -> None:
    line = shapely.LineString([(5, 5), (15, 5)])
    with pytest.raises(InputError, match=r"'Durchlas' is no known kind of structure.*durchlass"):
        city_with(tmp_path, [("Durchlas", line)], ["art"])
    with pytest.raises(InputError, match="no column says what the structures are"):
        city_with(tmp_path, [(1.0, line)], ["breite"])
    with pytest.raises(InputError, match="is no key of"):
        twin.load(structures={"path": tmp_path / "bauwerke.gpkg", "colums": {}})


def test_sample_city_brings_culverts_and_sewer_to_the_grid(samples: Path) -> None:
    pytest.importorskip("swmm.toolkit")
    layers = {
        "terrain": samples / "dgm1.tif",
        "structures": samples / "bauwerke.gpkg",
        "sewer": samples / "kanalnetz.inp",
    }
    city = twin.load(**layers)  # type: ignore[arg-type]
    terrain = city.terrain
    assert terrain is not None
    site = xr.Dataset({"terrain_height": terrain, "building_id": xr.zeros_like(terrain, dtype=int)})
    log = GapLog()
    assert len(water_works(city, site, log)) == 2
    sewer = coupled_sewer(city, site, log)
    assert sewer is not None
    with sewer:
        assert (sewer.inlets["state"] == "coupled").sum() == 59
    assert log.table().empty  # no streets, so no gullies either
    small = site.isel(x=slice(0, 250))
    part = coupled_sewer(city, small, log)
    assert part is not None
    part.close()
    assert log.table()["code"].tolist() == ["sewer_nodes_outside"]
    assert set(city.sources["role"]) >= {"sewer", "structures"}


def test_gullies_stand_along_the_kerbs_and_lead_to_the_nearest_manhole(samples: Path, tmp_path: Path) -> None:
    street = gpd.GeoDataFrame(
        {"name": ["Gasse", "Steig"], "breite": [6.0, 2.0]},
        geometry=[shapely.LineString([(10, 50), (90, 50)]), shapely.LineString([(10, 20), (90, 20)])],
        crs="EPSG:25832",
    )
    street.to_file(tmp_path / "strassen.gpkg")
    inp = tmp_path / "netz.inp"
    inp.write_text(
        "[JUNCTIONS]\nA 48 2 0 0 0\nB 47 2 0 0 0\n[OUTFALLS]\nO 46 FREE NO\n[COORDINATES]\nA 20 50\nB 80 50\nO 50 50\n",
        encoding="utf-8",
    )
    city = twin.load(streets=tmp_path / "strassen.gpkg", sewer={"path": inp, "gully_spacing": 20.0})
    assert city.sewer is not None
    found = street_gullies(city, grid(100), city.sewer)
    assert len(found) == 8
    assert {row for row, _, _ in found} == {47, 52}  # 2.75 m beside the axis, on both sides
    assert all(name == ("A" if column < 50 else "B") for _, column, name in found)
    none = dataclasses.replace(city.sewer, gully_spacing=0.0)
    assert street_gullies(city, grid(100), none) == []


def test_sewer_of_another_place_is_refused(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"kanalnetz\.inp"):
        twin.load(
            terrain=samples / "dgm1.tif",
            sewer={"path": _moved(samples / "kanalnetz.inp", tmp_path / "kanalnetz.inp"), "crs": "EPSG:25832"},
        )
    bare = tmp_path / "ohne.inp"
    bare.write_text("[JUNCTIONS]\nA 1 2 0 0 0\n", encoding="utf-8")
    with pytest.raises(InputError, match="COORDINATES"):
        twin.load(terrain=samples / "dgm1.tif", sewer=bare)


def _moved(source: Path, target: Path) -> Path:
    target.write_text(
        source.read_text(encoding="utf-8").replace(" 5718", " 5918").replace(" 5717", " 5917"), encoding="utf-8"
    )
    lines = target.read_text(encoding="utf-8").splitlines()
    start = lines.index("[COORDINATES]")
    moved = [f"{w[0]} {float(w[1]) + 50000:.2f} {w[2]}" for w in (line.split() for line in lines[start + 1 :])]
    target.write_text("\n".join([*lines[: start + 1], *moved]) + "\n", encoding="utf-8")
    return target
