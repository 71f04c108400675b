"""A relief whose raster lies in a file of its own: read as terrain, or told with the reason why not."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

import twin
from twin.city.citygml import read_citygml
from twin.city.gaps import sentences

WEST, NORTH = 400000.0, 5700030.0
BUILDING = (
    "<{c}:cityObjectMember><bldg:Building gml:id='b'><bldg:lod1MultiSurface><gml:MultiSurface><gml:surfaceMember>"
    "<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList srsDimension='3'>400005 5700005 30 400010 5700005 30 "
    "400010 5700010 30 400005 5700005 30</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
    "</gml:surfaceMember></gml:MultiSurface></bldg:lod1MultiSurface></bldg:Building></{c}:cityObjectMember>"
)
NAMES = {
    "2.0": ("http://www.opengis.net/citygml", "http://www.opengis.net/gml"),
    "3.0": ("http://www.opengis.net/citygml", "http://www.opengis.net/gml/3.2"),
}


def heights(rows: int = 30, columns: int = 20) -> np.ndarray:
    return (30 + np.arange(rows)[:, None] * 0.5 + np.arange(columns) * 0.25).astype(np.float32)


def tif(
    path: Path, values: np.ndarray, *, crs: str | None = "EPSG:25832", west: float = WEST, place: bool = True
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    transform = Affine(1, 0, west, 0, -1, NORTH) if place else Affine.identity()
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype="float32", crs=crs,
        transform=transform, nodata=-9999,
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path


def asc(path: Path, values: np.ndarray) -> Path:
    head = f"ncols {values.shape[1]}\nnrows {values.shape[0]}\nxllcorner {WEST}\nyllcorner {NORTH - values.shape[0]}\n"
    rows = "\n".join(" ".join(f"{v:.3f}" for v in row) for row in values)
    path.write_text(f"{head}cellsize 1\nNODATA_value -9999\n{rows}\n", encoding="ascii")
    return path


def relief(name: str, tag: str = "fileName", lod: int = 2, number: int = 1) -> str:
    return (
        f"<dem:ReliefFeature gml:id='r{number}'><dem:lod>{lod}</dem:lod><dem:reliefComponent><dem:RasterRelief gml:id='k{number}'>"
        f"<dem:lod>{lod}</dem:lod><dem:grid><gml:RectifiedGridCoverage><gml:DOMAIN><gml:RectifiedGrid dimension='2'><gml:limits>"
        "<gml:GridEnvelope><gml:low>0 0</gml:low><gml:high>19 29</gml:high></gml:GridEnvelope></gml:limits><gml:origin>"
        f"<gml:Point><gml:pos>{WEST + 0.5} {NORTH - 0.5}</gml:pos></gml:Point></gml:origin><gml:offsetVector>1 0</gml:offsetVector>"
        "<gml:offsetVector>0 -1</gml:offsetVector></gml:RectifiedGrid></gml:DOMAIN><gml:rangeSet><gml:File><gml:rangeParameters/>"
        f"<gml:{tag}>{name}</gml:{tag}><gml:fileStructure>Record Interleaved</gml:fileStructure></gml:File></gml:rangeSet>"
        "</gml:RectifiedGridCoverage></dem:grid></dem:RasterRelief></dem:reliefComponent></dem:ReliefFeature>"
    )


def document(*reliefs: str, version: str = "2.0", building: bool = True, crs: str = "EPSG:25832") -> str:
    core, gml = NAMES[version]
    tags = {"DOMAIN": "rectifiedGridDomain" if version == "2.0" else "domainSet"}
    envelope = (
        f"<gml:boundedBy><gml:Envelope srsName='{crs}'><gml:lowerCorner>0 0 0</gml:lowerCorner><gml:upperCorner>0 0 0"
        "</gml:upperCorner></gml:Envelope></gml:boundedBy>"
    )
    members = "".join(f"<c:cityObjectMember>{one}</c:cityObjectMember>" for one in reliefs)
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?><c:CityModel xmlns:c='{core}/{version}' xmlns:gml='{gml}' "
        f"xmlns:dem='{core}/relief/{version}' xmlns:bldg='{core}/building/{version}'>{envelope}"
        f"{BUILDING.format(c='c') if building else ''}{members}</c:CityModel>"
    )
    return text.replace("gml:DOMAIN", f"gml:{tags['DOMAIN']}")


def model(folder: Path, *reliefs: str, name: str = "tile.gml", **options) -> Path:
    path = folder / name
    path.write_text(document(*reliefs, **options), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("version", "tag", "name"),
    [("2.0", "fileName", "dgm1.tif"), ("3.0", "fileReference", "dgm/Gelände 1.tif"), ("2.0", "fileName", "dgm1.asc")],
)
def test_the_raster_beside_the_model_is_its_terrain(tmp_path, version, tag, name):
    make = asc if name.endswith(".asc") else tif
    make(tmp_path / name, heights())
    city = read_citygml(model(tmp_path, relief(name, tag), version=version))
    assert city.terrain is not None
    np.testing.assert_allclose(city.terrain.values, heights(), atol=1e-3)
    assert (float(city.terrain["x"][0]), float(city.terrain["y"][0])) == (WEST + 0.5, NORTH - 0.5)
    assert city.terrain.rio.crs.to_epsg() == 25832
    assert list(city.sources["role"]) == ["buildings", "terrain"]
    assert len(city.sources["sha256"].iloc[1]) == 64
    assert "gml_relief_from_file" in list(city.gaps["code"])
    assert "gml_relief_in_file" not in list(city.gaps["code"])


def test_a_loaded_city_has_it_on_its_grid_unless_the_profile_names_a_terrain(tmp_path):
    tif(tmp_path / "dgm1.tif", heights())
    path = model(tmp_path, relief("dgm1.tif"))
    site = twin.load(path).rasterise(resolution=1.0)
    z = site["terrain_height"].sel(x=400005.5, y=5700005.5).item()
    assert z == pytest.approx(heights()[24, 5], abs=1e-4)
    other = tif(tmp_path / "anderes.tif", np.full((30, 20), 7.0, dtype=np.float32))
    city = twin.load(buildings=path, terrain=other)
    assert set(np.unique(city.terrain.values)) == {np.float32(7.0)}
    assert "terrain_told_twice" in list(city.gaps["code"])
    moved = twin.load(path, crs="EPSG:25833")
    assert moved.terrain.rio.crs.to_epsg() == 25833
    x, y = (float(v) for v in (moved.terrain["x"].mean(), moved.terrain["y"].mean()))
    assert np.isfinite(moved.terrain.sel(x=x, y=y, method="nearest").item())
    west, _, east, _ = moved.objects.total_bounds
    assert moved.terrain["x"].min() - 2 <= west <= east <= moved.terrain["x"].max() + 2


def test_a_model_of_nothing_but_a_named_raster_is_a_city(tmp_path):
    tif(tmp_path / "dgm1.tif", heights())
    city = twin.load(model(tmp_path, relief("dgm1.tif"), building=False))
    assert city.crs.to_epsg() == 25832
    np.testing.assert_array_equal(city.terrain.values, heights())


def test_a_raster_without_a_place_lies_where_the_coverage_says(tmp_path):
    tif(tmp_path / "roh.tif", heights(), crs=None, place=False)
    city = read_citygml(model(tmp_path, relief("roh.tif")))
    np.testing.assert_array_equal(city.terrain.values, heights())
    assert (float(city.terrain["x"][0]), float(city.terrain["y"][0])) == (WEST + 0.5, NORTH - 0.5)
    assert "gml_relief_file_placed" in list(city.gaps["code"])
    tif(tmp_path / "roh.tif", heights(rows=7), crs=None, place=False)  # of another shape: its place is not known
    city = read_citygml(model(tmp_path, relief("roh.tif")))
    assert city.terrain is None
    assert "gml_relief_in_file" in list(city.gaps["code"])


def test_several_rasters_become_one_and_the_finest_level_counts(tmp_path):
    tif(tmp_path / "a.tif", heights())
    tif(tmp_path / "b.tif", heights() + 100, west=WEST + 10)
    city = read_citygml(model(tmp_path, relief("a.tif", lod=1), relief("b.tif", lod=3, number=2)))
    assert city.terrain.shape == (30, 30)
    np.testing.assert_array_equal(city.terrain.values[:, :10], heights()[:, :10])
    np.testing.assert_array_equal(city.terrain.values[:, 10:], heights() + 100)
    city = read_citygml(model(tmp_path, relief("a.tif", lod=1), relief("b.tif", lod=3, number=2)), lod="1")
    np.testing.assert_array_equal(city.terrain.values, heights())


def test_two_tiles_that_name_one_raster_read_it_once(tmp_path):
    tif(tmp_path / "dgm1.tif", heights())
    for number in (1, 2):
        model(tmp_path, relief("dgm1.tif", number=number), name=f"tile{number}.gml", building=number == 1)
    city = twin.load(tmp_path)
    assert city.terrain.shape == (30, 20)
    assert list(city.sources["role"]).count("terrain") == 1


REFUSED = [
    ("../geheim.tif", "outside the folder", "außerhalb des Ordners"),
    ("unten/../../geheim.tif", "outside the folder", "außerhalb des Ordners"),
    ("/etc/geheim.tif", "not beside the model", "nicht neben dem Modell"),
    ("C:\\Daten\\geheim.tif", "not beside the model", "nicht neben dem Modell"),
    ("fehlt.tif", "not beside the model", "nicht neben dem Modell"),
    ("x" * 5000 + ".tif", "not beside the model", "nicht neben dem Modell"),
    ("https://example.org/dgm1.tif", "network", "im Netz"),
    ("/vsicurl/https://example.org/dgm1.tif", "not beside the model", "nicht neben dem Modell"),
    ("dgm.vrt", "only files ending in", "nur Dateien mit der Endung"),
    ("", "only files ending in", "nur Dateien mit der Endung"),
    ("link.tif", "outside the folder", "außerhalb des Ordners"),
    ("kaputt.tif", "cannot be read as a raster", "nicht als Raster lesbar"),
    ("leer.tif", "no height", "keine Höhe"),
    ("fern.tif", "does not lie on the model", "nicht auf dem Modell"),
    ("worte.xyz", "is no XYZ file", "ist keine XYZ-Datei"),
]


@pytest.mark.parametrize(("name", "english", "german"), REFUSED)
def test_what_is_not_read_is_told_with_the_reason(tmp_path, name, english, german):
    tif(tmp_path / "geheim.tif", heights())
    folder = tmp_path / "modell"
    folder.mkdir()
    (folder / "dgm.vrt").write_text("<VRTDataset/>")
    (folder / "link.tif").symlink_to(tmp_path / "geheim.tif")
    (folder / "kaputt.tif").write_bytes(b"II*\0" + b"\xff" * 60)
    (folder / "worte.xyz").write_text("kein Gelaende\n")
    tif(folder / "leer.tif", np.full((30, 20), -9999, dtype=np.float32))
    tif(folder / "fern.tif", heights(), west=WEST + 50_000)
    city = read_citygml(model(folder, relief(name)))
    assert city.terrain is None
    row = city.gaps[city.gaps["code"] == "gml_relief_in_file"]
    assert row["severity"].tolist() == ["warning"]
    for tongue, words in (("en", english), ("de", german)):
        message = sentences(row, tongue)["message"].iloc[0]
        assert words in message
        assert "\n" not in message
    assert city.counts()["Building"] == 1


def test_a_name_written_on_another_machine_means_the_file_beside_the_model(tmp_path):
    tif(tmp_path / "dgm1.tif", heights())
    for name in ("C:\\Export\\dgm1.tif", "/home/export/dgm1.tif", "file:///export/dgm1.tif"):
        assert read_citygml(model(tmp_path, relief(name))).terrain is not None


def test_packed_models_say_that_they_must_be_unpacked_and_gz_finds_its_neighbour(tmp_path):
    tif(tmp_path / "dgm1.tif", heights())
    with zipfile.ZipFile(tmp_path / "tile.zip", "w") as archive:
        archive.writestr("tile.gml", document(relief("dgm1.tif")))
        archive.write(tmp_path / "dgm1.tif", "dgm1.tif")
    city = read_citygml(tmp_path / "tile.zip")
    assert city.terrain is None
    assert "unpacked first" in sentences(city.gaps, "en")["message"].str.cat()
    (tmp_path / "tile.gml.gz").write_bytes(gzip.compress(document(relief("dgm1.tif")).encode()))
    assert read_citygml(tmp_path / "tile.gml.gz").terrain is not None


def test_a_raster_larger_than_any_city_takes_no_memory(tmp_path):
    with rasterio.open(
        tmp_path / "riese.tif", "w", driver="GTiff", height=200_000, width=200_000, count=1, dtype="float32",
        crs="EPSG:25832", transform=Affine(1, 0, WEST, 0, -1, NORTH), SPARSE_OK=True, tiled=True,
        blockxsize=4096, blockysize=4096,
    ):  # fmt: skip
        pass
    with pytest.raises(twin.InputError, match=r"40,000,000,000 cells.*coarser"):
        twin.load(terrain=tmp_path / "riese.tif")
    city = read_citygml(model(tmp_path, relief("riese.tif")))
    assert city.terrain is None
    assert "coarser" in sentences(city.gaps, "en")["message"].str.cat()
