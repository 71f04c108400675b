"""Files that are damaged, hostile or something else: one sentence or a row in the gap table, never a crash."""

from __future__ import annotations

import contextlib
import gzip
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from twin.city.citygml import read_citygml
from twin.city.citygml.scanning import scan_document
from twin.errors import InputError

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" '
    'xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:gml="http://www.opengis.net/gml" '
    'xmlns:dem="http://www.opengis.net/citygml/relief/2.0" xmlns:xlink="http://www.w3.org/1999/xlink">'
)
ENVELOPE = '<gml:boundedBy><gml:Envelope srsName="EPSG:25832" srsDimension="3"/></gml:boundedBy>'
TAIL = "</core:CityModel>"
RING = "400000 5700000 9 400010 5700000 9 400010 5700008 9 400000 5700000 9"


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile the scanner on whole and cut documents, so that no test pays for it."""
    content = (HEAD + ENVELOPE + building(shapes(ring(RING))) + TAIL).encode()
    for cut in (len(content), len(content) - 60):
        with contextlib.suppress(InputError):
            scan_document([content[:cut]], "warm")


@pytest.fixture(params=["expat", "compiled"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run every test with the reader for small files and with the one for large files."""
    if request.param == "compiled":
        request.getfixturevalue("warm")
        monkeypatch.setattr("twin.city.citygml.tiles._COMPILED_PAYS", 0)
    return request.param


def ring(text: str) -> str:
    return f"<gml:exterior><gml:LinearRing><gml:posList>{text}</gml:posList></gml:LinearRing></gml:exterior>"


def shapes(*rings: str) -> str:
    polygons = "".join(
        f'<gml:surfaceMember><gml:Polygon gml:id="p{i}">{r}</gml:Polygon></gml:surfaceMember>'
        for i, r in enumerate(rings)
    )
    return f"<bldg:lod2MultiSurface><gml:MultiSurface>{polygons}</gml:MultiSurface></bldg:lod2MultiSurface>"


def building(content: str, identity: str = ' gml:id="b"') -> str:
    return f"<core:cityObjectMember><bldg:Building{identity}>{content}</bldg:Building></core:cityObjectMember>"


def written(folder: Path, content: str | bytes, name: str = "tile.gml") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def loaded(folder: Path, *members: str, head: str = HEAD + ENVELOPE):
    city = read_citygml(written(folder, head + "".join(members) + TAIL))
    return city, dict(zip(city.gaps["code"], city.gaps["count"], strict=True))


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {b} "{"&" + a + ";" * 1}{("&" + a + ";") * 9}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><m>&i;</m>"
)
REFUSED = {
    "billion laughs": (LAUGHS, "DOCTYPE"),
    "external entity": (
        '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/hostname">]><m>&x;</m>',
        "DOCTYPE",
    ),
    "any doctype": ('<?xml version="1.0"?><!DOCTYPE CityModel>' + HEAD[38:] + TAIL, "DOCTYPE"),
    "empty file": ("", "is empty"),
    "blanks": ("   \n", "is empty"),
    "text": ("no model at all", "is not XML"),
    "JSON": ('{"type": "CityJSON"}', "is not XML"),
    "cut off in a tag": (HEAD + building(shapes(ring(RING)))[:150], "cut off"),
    "cut off after a member": (HEAD + ENVELOPE + building(shapes(ring(RING))), "cut off"),
    "mixed tags": (HEAD + "<core:cityObjectMember></core:other>" + TAIL, "not well-formed"),
    "IndoorGML": ('<core:IndoorFeatures xmlns:core="http://www.opengis.net/indoorgml/1.0/core"/>', "IndoorFeatures"),
    "another GML": ('<gml:Dictionary xmlns:gml="http://www.opengis.net/gml"/>', "Dictionary"),
    "features of another kind": (
        '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" xmlns:x="https://example.org">'
        "<wfs:member/></wfs:FeatureCollection>",
        "without CityGML objects",
    ),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?><a/>', "encoding"),
    "wrong encoding": (
        HEAD.encode() + "<gml:name>Müngsten</gml:name>".encode("latin-1") + TAIL.encode(),
        "not well-formed",
    ),
    "deep attributes": (
        HEAD + building("<core:a>" + "<core:b>" * 3000 + "</core:b>" * 3000 + "</core:a>") + TAIL,
        "nests",
    ),
    "deep surfaces": (
        HEAD + building("<bldg:lod2MultiSurface>" + "<gml:MultiSurface>" * 3000 + "</gml:MultiSurface>" * 3000) + TAIL,
        "nests",
    ),
    "deep buildings": (HEAD + "<bldg:Building>" * 3000 + "</bldg:Building>" * 3000 + TAIL, "nests"),
    "deep extension": (
        HEAD + building('<x:a xmlns:x="urn:x">' + "<x:b>" * 3000 + "</x:b>" * 3000 + "</x:a>") + TAIL,
        "nests",
    ),
    "decimal commas": (HEAD + ENVELOPE + building(shapes(ring(RING.replace(" 9", " 9,5")))) + TAIL, "decimal point"),
    "words for numbers": (HEAD + ENVELOPE + building(shapes(ring("one two three"))) + TAIL, "no readable coordinates"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    content, words = REFUSED[case]
    file = written(tmp_path, content)
    start = time.process_time()
    with pytest.raises(InputError, match=words) as caught:
        read_citygml(file)
    assert time.process_time() - start < 1.0
    message = str(caught.value)
    assert message.startswith("tile.gml")
    assert "\n" not in message
    assert len(message) < 300


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "none.gml", "does not exist"),
        (tmp_path, "holds no CityGML"),
        (tmp_path / "*.gml", "No file fits"),
        ([], "No CityGML file is given"),
    ):
        with pytest.raises(InputError, match=words):
            read_citygml(path)
    with pytest.raises(InputError, match="lod must be one of"):
        read_citygml(tmp_path, lod="7")
    with pytest.raises(InputError, match="not known"):
        read_citygml(tmp_path, crs="EPSG:0815")


def test_archives_that_are_bombs_or_broken(tmp_path: Path) -> None:
    bomb = HEAD.encode() + b" " * (200 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tile.gml", bomb)
    with gzip.open(tmp_path / "bomb.gml.gz", "wb", compresslevel=6) as out:
        out.write(bomb)
    del bomb
    for name in ("bomb.zip", "bomb.gml.gz"):
        with pytest.raises(InputError, match="zip bomb"):
            read_citygml(tmp_path / name)
    written(tmp_path, b"PK nothing", "broken.zip")
    written(tmp_path, b"\x1f\x8b nothing", "broken.gml.gz")
    for name in ("broken.zip", "broken.gml.gz"):
        with pytest.raises(InputError, match="damaged archive"):
            read_citygml(tmp_path / name)
    whole = gzip.compress((HEAD + TAIL).encode() * 50)
    written(tmp_path, whole[: len(whole) // 2], "cut.gml.gz")
    with pytest.raises(InputError, match="damaged archive"):
        read_citygml(tmp_path / "cut.gml.gz")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "no city here")
    with pytest.raises(InputError, match="holds no CityGML"):
        read_citygml(tmp_path / "other.zip")


def test_other_files_in_a_folder_are_passed_over_and_told(tmp_path: Path) -> None:
    written(tmp_path, HEAD + ENVELOPE + building(shapes(ring(RING))) + TAIL, "a.gml")
    written(tmp_path, '<metadata xmlns="urn:meta"/>', "a.xml")
    city = read_citygml(tmp_path)
    assert len(city.polygons) == 1
    assert city.gaps.loc[city.gaps["code"] == "gml_file_skipped", "source"].tolist() == ["a.xml"]
    assert city.sources["path"].str.endswith("a.gml").all()


def test_a_damaged_tile_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    written(tmp_path, HEAD + ENVELOPE + building(shapes(ring(RING))) + TAIL, "a.gml")
    written(tmp_path, HEAD + building(shapes(ring(RING))), "b.gml")
    with pytest.raises(InputError, match=r"b\.gml is cut off"):
        read_citygml(tmp_path)


def test_empty_model_is_an_empty_city(tmp_path: Path) -> None:
    city, gaps = loaded(tmp_path)
    assert len(city.objects) == len(city.polygons) == len(city.surfaces) == 0
    assert city.counts()["polygons"] == 0
    assert gaps == {}


def test_no_crs_is_told_and_can_be_given(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + building(shapes(ring(RING))) + TAIL)
    bare = read_citygml(file)
    assert bare.crs is None
    row = bare.gaps.set_index("code").loc["gml_crs_missing"]
    assert (row["severity"], row["source"]) == ("warning", "tile.gml")
    given = read_citygml(file, crs="EPSG:25832")
    assert given.crs is not None
    assert given.crs.to_epsg() == 25832
    assert given.objects.crs == given.crs


def test_unknown_crs_name_is_told(tmp_path: Path) -> None:
    city, gaps = loaded(tmp_path, building(shapes(ring(RING))), head=HEAD + ENVELOPE.replace("EPSG:25832", "Gotham"))
    assert city.crs is None
    assert gaps["gml_crs_unknown"] == 1


@pytest.mark.parametrize("number", ["NaN", "inf", "-INF", "1e308", "1e999", "99999999999999999999"])
def test_polygon_without_a_place_is_left_out_and_told(tmp_path: Path, number: str) -> None:
    bad = RING.replace("400010", number)
    city, gaps = loaded(tmp_path, building(shapes(ring(RING), ring(bad))), building("", ' gml:id="c"'))
    assert city.surfaces["id"].tolist() == ["p0"]
    assert gaps["gml_coordinates_wild"] == 1
    assert len(city.objects) == 2
    assert np.isfinite(city.polygons.xyz).all()


@pytest.mark.parametrize("number", ["4000,5", "x", "0x1F", "1.2.3", "--5"])
def test_one_polygon_with_words_for_numbers_is_left_out_and_named(tmp_path: Path, number: str) -> None:
    city, gaps = loaded(tmp_path, building(shapes(ring(RING), ring(RING.replace("400010", number)), ring(RING))))
    assert city.surfaces["id"].tolist() == ["p0", "p2"]
    assert gaps["gml_coordinates_unreadable"] == 1
    assert city.gaps.set_index("code").loc["gml_coordinates_unreadable", "places"] == ["p1"]


def test_numbers_that_make_no_points_are_left_out(tmp_path: Path) -> None:
    city, gaps = loaded(tmp_path, building(shapes(ring(RING), ring(RING + " 7"))))
    assert city.surfaces["id"].tolist() == ["p0"]
    assert gaps["gml_coordinates_unreadable"] == 1


def test_rings_that_are_open_short_empty_or_repeat_points(tmp_path: Path) -> None:
    unclosed = "400000 5700000 9 400010 5700000 9 400010 5700008 9"
    repeated = "400000 5700000 9 400000 5700000 9 400010 5700000 9 400010 5700008 9 400000 5700000 9"
    two = "400000 5700000 9 400010 5700000 9 400000 5700000 9"
    back = "400000 5700000 9 400010 5700000 9 400000 5700000 9 400010 5700000 9 400000 5700000 9"
    city, gaps = loaded(tmp_path, building(shapes(ring(unclosed), ring(repeated), ring(two), ring(back), ring(""), "")))
    assert city.surfaces["id"].tolist() == ["p0", "p1", "p2", "p3"]
    assert city.surfaces["closed"].tolist() == [False, True, True, True]
    assert np.diff(city.polygons.ring_start).tolist() == [3, 4, 2, 4]
    told = {
        code: gaps[code] for code in ("gml_ring_open", "gml_points_repeated", "gml_ring_short", "gml_polygon_empty")
    }
    assert told == {"gml_ring_open": 1, "gml_points_repeated": 1, "gml_ring_short": 2, "gml_polygon_empty": 2}
    assert city.objects.geometry[0].area > 0 or city.objects.geometry[0] is not None


def test_empty_geometry_properties(tmp_path: Path) -> None:
    city, gaps = loaded(
        tmp_path,
        building(
            "<bldg:lod1MultiSurface/><bldg:lod2Solid/><bldg:lod2MultiSurface><gml:MultiSurface/></bldg:lod2MultiSurface>"
        ),
    )
    assert len(city.polygons) == 0
    assert gaps["gml_building_without_geometry"] == 1


def solid_of(*hrefs: str) -> str:
    members = "".join(f'<gml:surfaceMember xlink:href="{h}"/>' for h in hrefs)
    return f"<bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{members}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid>"


def test_references_to_nothing_and_elsewhere(tmp_path: Path) -> None:
    content = solid_of("#p0", "#gone", "other.gml#x", "https://example.org/y") + shapes(ring(RING))
    city, gaps = loaded(tmp_path, building(content))
    assert city.shells["polygon"].tolist() == [0]
    assert gaps["gml_xlink_missing"] == 1
    assert gaps["gml_xlink_elsewhere"] == 2


def test_references_in_a_circle_end(tmp_path: Path) -> None:
    def loop(name: str, target: str) -> str:
        return (
            f'<bldg:lod2MultiSurface><gml:CompositeSurface gml:id="{name}"><gml:surfaceMember xlink:href="#{target}"/>'
            "</gml:CompositeSurface></bldg:lod2MultiSurface>"
        )

    city, gaps = loaded(tmp_path, building(loop("a", "b") + loop("b", "a") + solid_of("#a") + shapes(ring(RING))))
    assert len(city.polygons) == 1
    assert gaps["gml_xlink_cycle"] >= 1


def test_a_long_chain_of_references_is_followed(tmp_path: Path) -> None:
    links = 5000
    chain = "".join(
        f'<bldg:lod2MultiSurface><gml:CompositeSurface gml:id="c{i}"><gml:surfaceMember xlink:href="#c{i + 1}"/>'
        "</gml:CompositeSurface></bldg:lod2MultiSurface>"
        for i in range(links)
    )
    end = (
        f'<bldg:lod2MultiSurface><gml:CompositeSurface gml:id="c{links}"><gml:surfaceMember><gml:Polygon>{ring(RING)}'
        "</gml:Polygon></gml:surfaceMember></gml:CompositeSurface></bldg:lod2MultiSurface>"
    )
    city, gaps = loaded(tmp_path, building(solid_of("#c0") + chain + end))
    assert city.shells["polygon"].tolist() == [0]
    assert "gml_xlink_cycle" not in gaps


def test_objects_without_an_id_get_one_and_twice_given_ids_are_told_apart(tmp_path: Path) -> None:
    city, gaps = loaded(tmp_path, building(shapes(ring(RING)), ""), building("", ""), building(""), building(""))
    assert city.objects["id"].tolist() == ["tile.gml#1", "tile.gml#2", "b", "b#2"]
    assert (gaps["gml_id_missing"], gaps["gml_id_twice_in_file"]) == (2, 1)


@pytest.mark.parametrize("tangled", [False, True])
def test_a_text_of_twenty_megabytes(tmp_path: Path, tangled: bool) -> None:
    count = 600_000
    turn = np.linspace(0.0, (201 if tangled else 1) * 2.0 * np.pi, count, endpoint=False)
    points = np.column_stack(
        (400000.0 + 900.0 * np.cos(turn), 5700000.0 + 900.0 * np.sin(turn), np.full(count, 50.125))
    )
    text = " ".join(map(repr, points.ravel().tolist()))
    file = written(tmp_path, f"{HEAD}{ENVELOPE}{building(shapes(ring(text)))}{TAIL}")
    assert file.stat().st_size > 20_000_000
    start = time.process_time()
    city = read_citygml(file)
    assert time.process_time() - start < 20.0
    np.testing.assert_array_equal(city.polygons.xyz, points)
    assert city.objects.geometry[0].area == pytest.approx(np.pi * 900.0**2, rel=1e-3)


def test_wrong_nesting_of_geometry_is_survived(tmp_path: Path) -> None:
    stray = f"<gml:Polygon>{ring(RING)}</gml:Polygon><gml:posList>1 2 3</gml:posList><gml:exterior/><gml:LinearRing/>"
    city, _ = loaded(tmp_path, stray, building(f"{stray}<bldg:boundedBy>{stray}</bldg:boundedBy>"))
    assert len(city.objects) == 1
    assert len(city.polygons) == 3


def test_degrees_in_a_metric_system_are_told(tmp_path: Path) -> None:
    _, gaps = loaded(tmp_path, building(shapes(ring("9.1 48.7 9 9.2 48.7 9 9.2 48.8 9 9.1 48.7 9"))))
    assert gaps["gml_crs_outside"] == 1


@pytest.mark.reference
def test_indoorgml_and_the_schema_invalid_file(shared: Path) -> None:
    folder = shared / "data" / "citymodel-invalid"
    with pytest.raises(InputError, match="root element is IndoorFeatures"):
        read_citygml(folder / "FZK-Haus_full.gml")
    city = read_citygml(folder / "invalid_building_v3.gml")
    assert len(city.polygons) == 7
    assert city.objects.geometry[0].area > 0
