"""The compiled scanner finds exactly what the expat reader finds, or leaves the document to it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.city.citygml import read_citygml, scanning
from twin.city.citygml.events import parse
from twin.city.citygml.scanning import scan_document
from twin.errors import InputError

_spec = importlib.util.spec_from_file_location(
    "fuzz_citygml", Path(__file__).resolve().parents[1] / "fuzz" / "fuzz_citygml.py"
)
assert _spec is not None
assert _spec.loader is not None
fuzz = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fuzz)

HEAD = (
    b'<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:gml="http://www.opengis.net/gml" '
    b'xmlns:bldg="http://www.opengis.net/citygml/building/2.0">'
)
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def model(inside: bytes) -> bytes:
    return (
        HEAD
        + b"<core:cityObjectMember><bldg:Building>"
        + inside
        + b"</bldg:Building></core:cityObjectMember></core:CityModel>"
    )


def ring(text: str) -> bytes:
    return (
        f"<bldg:lod2MultiSurface><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>{text}</gml:posList>"
        "</gml:LinearRing></gml:exterior></gml:Polygon></bldg:lod2MultiSurface>"
    ).encode()


@pytest.mark.reference
def test_every_real_file_is_read_alike(shared: Path) -> None:
    files = [*(shared / "data").rglob("*.gml"), *(shared / "data" / "ingolstadt-lod3").glob("*.xml")]
    assert len(files) > 25
    told = json.loads((shared / "data" / "expected_counts.json").read_text(encoding="utf-8"))
    for file in files:
        try:
            found = fuzz.differences(file.read_bytes())
        except AssertionError as error:
            raise AssertionError(f"{file.name}: {error}") from None
        assert not found, (file.name, found)
        valid = told.get(str(file.relative_to(shared / "data")), {}).get("top")
        assert found is not None or not valid or file.parent.name == "citymodel-invalid", file.name


@SETTINGS
@given(st.randoms(use_true_random=False))
def test_made_documents_are_read_alike(random: Random) -> None:
    assert not fuzz.differences(fuzz.Maker(random).document())


@SETTINGS
@given(st.randoms(use_true_random=False))
def test_damaged_documents_are_read_alike_or_left_to_expat(random: Random) -> None:
    assert not fuzz.differences(fuzz.damaged(fuzz.Maker(random).document(), random))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10_000), st.integers(40, 3000), st.integers(1, 40))
def test_where_pieces_end_and_tables_are_emptied_changes_nothing(seed: int, piece: int, room: int) -> None:
    document = fuzz.Maker(Random(seed)).document()
    before = scanning._PIECE, scanning._ROOM
    scanning._PIECE, scanning._ROOM = max(piece, 1 + len(document) // 4), room
    try:
        assert not fuzz.differences(document, size=piece)
    finally:
        scanning._PIECE, scanning._ROOM = before


def test_a_polygon_larger_than_the_buffer_and_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_PIECE", 4096)
    monkeypatch.setattr(scanning, "_ROOM", 8)
    hole = "<gml:interior><gml:LinearRing><gml:posList>1 2 3 4 5 6 7 8 9</gml:posList></gml:LinearRing></gml:interior>"
    text = " ".join(f"{i}.5 {i} 7" for i in range(40_000))
    large = ring(text).replace(b"</gml:Polygon>", hole.encode() * 500 + b"</gml:Polygon>")
    document = model(large + ring("1 1 1 2 2 2 3 3 3"))
    parsed = scan_document([document], "large.gml")
    assert parsed is not None
    assert parsed.ring_values.tolist() == [120_000] + [9] * 501
    assert not fuzz.differences(document)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.decimals(-(10**7), 10**7, places=9).map(lambda d: f"{d:f}"),
            st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,25})?(e[+-]?[0-9]{1,3})?", fullmatch=True),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_numbers_are_those_of_python_to_the_last_bit(words: list[str]) -> None:
    parsed = scan_document([model(ring(" ".join(words)))], "numbers.gml")
    assert parsed is not None
    expected = np.array([float(word) for word in words])
    assert parsed.values.tobytes() == expected.tobytes()


LEFT = {
    "a doctype": b"<!DOCTYPE a>" + model(b""),
    "an entity in structure": model(b"&amp;"),
    "an unknown entity in an attribute": model(b"<bldg:function>&nothing;</bldg:function>"),
    "CDATA in a ring": model(ring("<![CDATA[1 2 3]]>")),
    "a processing instruction": model(b"<?a b?>"),
    "a namespace below the root": model(b'<bldg:function xmlns:u="urn:u">1</bldg:function>'),
    "a prefix without namespace": model(b"<no:function>1</no:function>"),
    "the same attribute twice": model(b'<bldg:a b="1" b="2"/>'),
    "an attribute without value": model(b"<bldg:a b/>"),
    "attributes not apart": model(b'<bldg:a b="1"c="2"/>'),
    "tags that do not match": model(b"<bldg:boundedBy></bldg:bounded>"),
    "a lesser sign in a value": model(b'<bldg:boundedBy b="<"/>'),
    "two hyphens in a comment": model(b"<!-- a -- b -->"),
    "a control character": model(b"\x01"),
    "bytes that are no UTF-8": model(b"<gml:name>\xff</gml:name>"),
    "a character XML forbids": model("<gml:name>\uffff</gml:name>".encode()),
    "a second root": model(b"") + b"<a/>",
    "text after the root": model(b"") + b"a",
    "an end before the root's": model(b"")[:-10],
    "words for numbers": model(ring("one two three")),
    "deep nesting": model(b"<bldg:boundedBy>" * 300 + b"</bldg:boundedBy>" * 300),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_out_of_the_ordinary_is_left_to_expat(case: str) -> None:
    assert scan_document([LEFT[case]], "odd.gml") is None


def test_ordinary_documents_are_taken() -> None:
    plain = model(
        b'<!-- c --><gml:name a = "1" b="2">M\xc3\xbcller &amp; S\xc3\xb6hne</gml:name><bldg:function>\n1 </bldg:function>'
    )
    for document in (plain, b"\xef\xbb\xbf" + plain, b"<?xml version='1.0'?>\n<!-- x -->" + plain + b"\n<!-- y -->\n"):
        parsed = scan_document([document], "plain.gml")
        assert parsed is not None
        assert parsed.object_attributes == [{"name": "Müller & Söhne", "function": "1"}]
        assert not fuzz.differences(document)
    for encoding in ("iso-8859-15", "windows-1252", "utf-16"):
        text = f'<?xml version="1.0" encoding="{encoding}"?>' + plain.decode()
        parsed = scan_document([text.encode(encoding)], "plain.gml")
        assert parsed is not None
        assert parsed.object_attributes[0]["name"] == "Müller & Söhne"


@pytest.mark.reference
def test_files_side_by_side_give_the_same_city(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.city.citygml import tiles

    folder = shared / "data" / "berlin-lod2"
    alone = read_citygml(folder / "*.gml")
    monkeypatch.setattr(tiles, "_PROCESSES_PAY", 0)
    monkeypatch.setattr(tiles, "threads", lambda: 2)
    beside = read_citygml(folder / "*.gml")
    assert alone.polygons.xyz.tobytes() == beside.polygons.xyz.tobytes()
    for name in ("objects", "surfaces", "boundaries", "shells", "gaps", "sources"):
        assert getattr(alone, name).equals(getattr(beside, name)), name


def test_a_damaged_file_is_told_from_a_process_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.city.citygml import tiles

    (tmp_path / "a.gml").write_bytes(model(ring("0 0 0 1 0 0 1 1 0")))
    (tmp_path / "b.gml").write_bytes(model(b"")[:-10])
    monkeypatch.setattr(tiles, "_PROCESSES_PAY", 0)
    monkeypatch.setattr(tiles, "threads", lambda: 2)
    with pytest.raises(InputError, match=r"b\.gml is cut off"):
        read_citygml(tmp_path)


def test_the_expat_reader_says_what_is_wrong_with_large_files_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("twin.city.citygml.tiles._COMPILED_PAYS", 0)
    file = tmp_path / "tile.gml"
    file.write_bytes(model(b"<bldg:boundedBy></bldg:bounded>"))
    with pytest.raises(InputError, match="not well-formed"):
        read_citygml(file)
    with pytest.raises(InputError, match="not well-formed"):
        parse([file.read_bytes()], "tile.gml")


def test_some_seconds_of_fuzzing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    count, taken = fuzz.run(5.0, 7_000_000, [model(ring("0 0 0 1 0 0 1 1 0"))])
    assert count > 20
    assert taken > 0


def test_the_scanner_is_compiled_for_large_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from twin.city.citygml import tiles

    (tmp_path / "a.gml").write_bytes(model(b" " * 2000))
    monkeypatch.setattr(tiles, "_COMPILED_PAYS", 1000)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    taken: list[bool] = []
    monkeypatch.setattr(tiles, "answer", lambda task: taken.append(task.compiled))
    files = tiles.GmlFile(tmp_path / "a.gml"), tiles.GmlFile(tmp_path / "a.gml")
    list(tiles.answers(files, None, None))
    (tmp_path / "scan.scan-212.py311.nbi").touch()
    list(tiles.answers(files, None, None))
    assert taken == [False, False, True, True]


def test_kernels_are_compiled_anew_where_a_file_they_are_made_of_changes() -> None:
    """Numba keeps machine code by the text of a kernel's own file; so each file names the state of all of them."""
    folder = Path(scanning.__file__).parent
    files = [folder / f"scan{name}.py" for name in ("", "_elements", "_polygons", "_state", "_tokens")]
    mark = re.compile(r"^# Compiled with the other files of the scanner as of (\w+)\.\n", re.MULTILINE)
    texts = [file.read_text("utf-8") for file in files]
    state = hashlib.sha256("".join(mark.sub("", text) for text in texts).encode()).hexdigest()[:12]
    for file, text in zip(files, texts, strict=True):
        if "@njit" in text:
            assert mark.findall(text) == [state], f"write into {file.name} that it is as of {state}"
