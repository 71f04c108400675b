"""What compiled code reads of large CityJSON files is what numpy reads of small ones."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.city import surfaces
from twin.city.cityjson import faces, lists, read_cityjson, spans

NESTED = st.recursive(
    st.none() | st.integers(-(10**6), 10**6), lambda inner: st.lists(inner, max_size=4), max_leaves=12
)
WRONG = (
    "[1,,2]",
    "[1 2]",
    "[01]",
    "[1.5]",
    "[-]",
    "[1]]",
    "[[1]",
    "[1],[2]",
    "1",
    "[nul]",
    "[,1]",
    "[1,]",
    "[- 1]",
    "[]5",
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(NESTED, max_size=4), min_size=1, max_size=5), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_nested_lists_read_alike(values, separators):
    texts = [json.dumps(value, separators=separators).encode() for value in values]
    plain, (found, nulls) = lists.nested(texts), lists.compiled(texts)
    assert nulls == sum(text.count(b"null") for text in texts)
    for name in ("numbers", "first", "depth", "start", "open_first", "low", "high", "deepest", "broken"):
        assert getattr(found, name).tolist() == getattr(plain, name).tolist(), name


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_list_of_whole_numbers_is_refused(text):
    assert lists.compiled([b"[1]", text.encode()]) is None


PIECES = st.sampled_from(
    [b'"boundaries"', b'"values"', b'"vertices"', b':', b' : ', b':\n\t', b"[", b"]", b"[[1, 2]", b"[1,2,3]", b"{", b"}", b'"',
     b'\\"', b"\\", b"values", b",", b"12", b'"other": 5', b'"values":[0,null]}', b'"boundaries": [[[0,1,2]]]']
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=24).map(b"".join))
def test_lists_are_found_and_taken_out_alike(text):
    wanted = [list(span) for span in lists._searched_spans(text)]
    found = spans.list_spans(text)
    assert found.tolist() == wanted
    short, held = lists.cut(text)
    assert spans.shortened(text, found, lists._MARK) == short
    assert list(held) == [text[first:last] for first, last in wanted]


def test_more_lists_than_one_block_holds(monkeypatch):
    monkeypatch.setattr(spans, "_BLOCK", 3)
    text = b'{"values": [1], "x": "values"}' * 10
    assert spans.list_spans(text).tolist() == [list(span) for span in lists._searched_spans(text)]


def test_numbers_beyond_64_bits_do_not_come_round_again():
    numbers = lists.compiled([b"[99999999999999999999999, -99999999999999999999999, -0]"])[0].numbers
    assert numbers[0] > 10**16
    assert numbers[1] < -(10**16)
    assert numbers[2] == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rings_are_judged_alike(data):
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [np.nan, 0, 0], [1e12, 0, 0]], float)
    rings = data.draw(st.lists(st.lists(st.integers(-1, 7), max_size=8), min_size=1, max_size=6))
    numbers, sizes = (
        np.array([n for ring in rings for n in ring], dtype=np.int64),
        np.array([len(ring) for ring in rings]),
    )
    fits = (numbers >= 0) & (numbers < len(vertices))
    plain = faces._gathered(numbers, fits, sizes, vertices)
    compiled = faces._compiled(numbers, sizes, vertices)
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(one, other)


def test_vector_areas_agree_to_the_last_digits(monkeypatch):
    generator = np.random.default_rng(7)
    starts = np.concatenate(([0], np.cumsum(generator.integers(0, 12, 300)))).astype(np.int64)
    xyz = generator.uniform(0, 40, (starts[-1], 3)) + np.array([390_000, 5_800_000, 30])
    plain = surfaces.ring_vectors(xyz, starts)
    monkeypatch.setattr(surfaces, "_COMPILED_PAYS", 1)
    np.testing.assert_allclose(surfaces.ring_vectors(xyz, starts), plain, rtol=1e-12, atol=1e-9)


def test_a_real_file_gives_the_same_city(shared, monkeypatch):
    path = shared / "data" / "cityjson" / "3-20-DELFSHAVEN.city.json"
    plain = read_cityjson(path)
    for module in (lists, faces):
        monkeypatch.setattr(module, "_COMPILED_PAYS", 1)
    compiled = read_cityjson(path)
    np.testing.assert_array_equal(compiled.polygons.xyz, plain.polygons.xyz)
    assert compiled.surfaces.equals(plain.surfaces)
    assert compiled.boundaries.equals(plain.boundaries)
    assert compiled.gaps.equals(plain.gaps)


@pytest.mark.parametrize("text", [*WRONG, "[1 null,,2]", "[null3]", "[3null]"])
def test_numpy_refuses_the_same(text):
    assert lists._flat([b"[1]", text.encode()], np.zeros(2, dtype=bool)) is None


@pytest.mark.parametrize("number", ["1000000000000000000000000000000", "-9223372036854775809", "99999999999999999999"])
def test_whole_numbers_beyond_64_bits_keep_their_value_both_ways(monkeypatch, number):
    text = f"[[744,{number},1219]]".encode()
    plain = lists.points([text])
    monkeypatch.setattr(lists, "_COMPILED_PAYS", 1)
    for found in (plain, lists.points([text])):
        assert found[0].tolist() == [[744.0, float(number), 1219.0]]
