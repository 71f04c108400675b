"""The long lists of numbers in a CityJSON text, taken out before it is parsed, and turned into flat arrays.

Three quarters of a CityJSON file are vertices and nested lists of vertex numbers. As Python lists they cost more time
and memory than all other work. So the values of ``vertices``, ``boundaries`` and ``values`` are cut out of the text by
plain searches, a marker stays in their place, and the ``json`` module reads the small rest. The lists that turn out
to be geometry become arrays all at once.

A nested list is kept as its numbers in order and one entry for each opening bracket: how deep it stands, and how many
numbers came before it.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = ["Nested", "Texts", "cut", "list_number", "nested", "points"]

_KEY = re.compile(rb'"(?:boundaries|values|vertices)"\s*:\s*\[')
_LOOSE = re.compile(rb"\d\s+[-.\d]|-(?!\d)|[^\[,\seE]-")  # numbers without a comma between, signs without a number
_GLUED_NULL = re.compile(rb"null[^\]\s,]|[^\[\s,]null")
_BARE_MINUS = re.compile(rb"-(?!\d)")
_MARK = -(10**15)  # no number of a city stands under these keys; list k is written as _MARK - k
_EXACT = 2.0**53  # whole numbers below it are doubles; larger ones may not fit an int64 either
_WHOLE = b"0123456789[], \t\r\n-"
_DECIMAL = _WHOLE + b".eE+"
_BLANKED = bytes.maketrans(b"[],", b"   ")
_NUMBER_SIGNS = b"0123456789.eE+- \t\r\n"
_OPEN, _CLOSE, _COMMA, _ZERO = 91, 93, 44, 48
_COMPILED_PAYS = 4 << 20  # bytes from which loading compiled code costs less than it saves


class Texts(Sequence[bytes]):
    """Lists as they stand in a text, none of them copied before it is asked for.

    Parameters
    ----------
    text : bytes
        The text.
    spans : numpy.ndarray
        int64 (lists, 2), begin and end of each.

    Examples
    --------
    >>> texts = Texts(b"[1], [2, 3]", np.array([[0, 3], [5, 11]]))
    >>> list(texts), list(texts.some([1]))
    ([b'[1]', b'[2, 3]'], [b'[2, 3]'])
    """

    def __init__(self, text: bytes, spans: np.ndarray) -> None:
        self.text, self.spans = text, spans

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Texts:
        """Return single texts in this form."""
        if isinstance(texts, cls):
            return texts
        ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
        return cls(b"".join(texts), np.column_stack((np.append(0, ends)[:-1], ends)))

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, number: Any) -> Any:
        first, last = self.spans[number].tolist()
        return self.text[first:last]

    def __iter__(self) -> Iterator[bytes]:
        return (self.text[first:last] for first, last in self.spans.tolist())

    @property
    def size(self) -> int:
        """Bytes of all lists."""
        return int((self.spans[:, 1] - self.spans[:, 0]).sum())

    def some(self, rows: Sequence[int] | np.ndarray) -> Texts:
        """Return some of the lists, in the order of their numbers; -1 stands for an empty list."""
        rows = np.asarray(rows, dtype=np.int64)
        if (rows < 0).any():
            return Texts.of([b"[]" if row < 0 else self[row] for row in rows.tolist()])
        return Texts(self.text, self.spans[rows])


def cut(text: bytes, *, careful: bool = False) -> tuple[bytes, Texts]:
    """Return the text with a marker for each list under the keys of geometry, and these lists.

    Parameters
    ----------
    text : bytes
        UTF-8 text of one or several JSON values.
    careful : bool
        Leave lists where they are whose brackets do not match up to the next key or closing brace: lists that hold
        more than numbers, which stand in attributes only.

    Examples
    --------
    >>> short, lists = cut(b'{"type": "Solid", "boundaries": [[1, 2]], "lod": "2"}')
    >>> short, list(lists)
    (b'{"type": "Solid", "boundaries": -1000000000000000, "lod": "2"}', [b'[[1, 2]]'])
    """
    compiled_pays = len(text) >= _COMPILED_PAYS
    if compiled_pays:
        from twin.city.cityjson.spans import list_spans, shortened

        spans = list_spans(text)
    else:
        spans = np.array(list(_searched_spans(text)), dtype=np.int64).reshape(-1, 2)
    if careful:
        sound = [text.count(b"[", *span) == text.count(b"]", *span) for span in spans.tolist()]
        spans = spans[np.array(sound, dtype=bool)]
    if compiled_pays:
        return shortened(text, spans, _MARK), Texts(text, spans)
    kept: list[bytes] = []
    last = 0
    for number, (first, end) in enumerate(spans.tolist()):
        kept += (text[last:first], b"%d" % (_MARK - number))
        last = end
    kept.append(text[last:])
    return b"".join(kept), Texts(text, spans)


def _searched_spans(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each list under the keys of geometry: up to the last bracket before a quote or brace."""
    for match in _KEY.finditer(text):  # a list holds no quote, so no key is in one
        first = match.end() - 1
        if text[match.start() - 1 : match.start()] == b"\\":
            continue
        quote, brace = text.find(b'"', first), text.find(b"}", first)
        stop = min(quote, brace) if quote >= 0 and brace >= 0 else max(quote, brace, len(text) * (quote == brace))
        if end := text.rfind(b"]", first, stop) + 1:
            yield first, end


def list_number(value: Any) -> int:
    """Return which list a marker stands for, -1 where the value is no marker.

    Examples
    --------
    >>> list_number(-1000000000000002), list_number(5), list_number(None)
    (2, -1, -1)
    """
    return _MARK - value if type(value) is int and value <= _MARK else -1


@dataclass(frozen=True)
class Nested:
    """Nested lists as flat arrays.

    Parameters
    ----------
    numbers : numpy.ndarray
        int64, all numbers in order; null is -1.
    first : numpy.ndarray
        int64 (lists + 1,): the numbers of list k are ``numbers[first[k]:first[k + 1]]``.
    depth, start : numpy.ndarray
        Of each opening bracket: how deep it stands (0 = the outermost of its list), numbers before it.
    open_first : numpy.ndarray
        int64 (lists + 1,): opening brackets of list k.
    low, high : numpy.ndarray
        Least and greatest depth at which a list has numbers (of the brackets around them); 99 and -1 where it has none.
    deepest : numpy.ndarray
        Depth of its deepest bracket.
    broken : numpy.ndarray
        bool, the list is no list of whole numbers and nulls; it then counts as empty.
    """

    numbers: np.ndarray
    first: np.ndarray
    depth: np.ndarray
    start: np.ndarray
    open_first: np.ndarray
    low: np.ndarray
    high: np.ndarray
    deepest: np.ndarray
    broken: np.ndarray


def _is_whole(value: Any) -> bool:
    """Tell whether a value is a list of lists, whole numbers and nulls."""
    if not isinstance(value, list):
        return False
    rest = list(value)
    while rest:
        item = rest.pop()
        if isinstance(item, list):
            rest.extend(item)
        elif not (item is None or type(item) is int):
            return False
    return True


def _readable(text: bytes) -> bool:
    try:
        return _is_whole(json.loads(text))
    except (ValueError, RecursionError):
        return False


def nested(texts: Sequence[bytes]) -> Nested:
    """Return lists of whole numbers and nulls as arrays.

    Examples
    --------
    >>> solid = nested([b"[[[[0, 1, 2]], [[3, 2, 1], [4, 5, 6]]]]"])
    >>> solid.numbers.tolist(), solid.depth.tolist(), solid.start.tolist()
    ([0, 1, 2, 3, 2, 1, 4, 5, 6], [0, 1, 2, 3, 2, 3, 3], [0, 0, 0, 0, 3, 3, 6])
    """
    broken = np.zeros(len(texts), dtype=bool)
    found = _flat(texts, broken)
    if found is None:
        broken[:] = [not _readable(text) for text in texts]
        found = _flat([b"[]" if bad else text for bad, text in zip(broken, texts, strict=True)], broken)
        assert found is not None  # what json reads as lists of whole numbers, this module reads
    return found


def _flat(texts: Sequence[bytes], broken: np.ndarray) -> Nested | None:
    """Return the lists as arrays; None where one of them is not well formed."""
    if Texts.of(texts).size >= _COMPILED_PAYS:
        found = compiled(texts)
        return None if found is None else replace(found[0], broken=broken)
    joined = b" ".join(texts)
    if b"n" in joined:
        if _GLUED_NULL.search(joined) is not None:
            return None
        sizes = np.array([len(text) - 2 * text.count(b"null") for text in texts], dtype=np.int64)
        joined = joined.replace(b"null", b"-1")
    else:
        sizes = np.array([len(text) for text in texts], dtype=np.int64)
    if joined.translate(None, _WHOLE):
        return None
    if b"-" in joined and _BARE_MINUS.search(joined) is not None:
        return None
    codes = np.frombuffer(joined, np.uint8)
    digit = codes - np.uint8(_ZERO) < 10
    marked = codes >= _OPEN  # brackets, and the first digit of each number
    marked[1:] |= digit[1:] > digit[:-1]
    marks = np.flatnonzero(marked)
    signs = codes[marks]
    bracket = signs >= _OPEN
    begins = marks[~bracket]
    if (digit[np.minimum(begins + 1, len(digit) - 1)] & (codes[begins] == _ZERO) & (begins + 1 < len(digit))).any():
        return None  # a number such as 01
    before = np.cumsum(~bracket)[bracket]
    opens = signs[bracket] == _OPEN
    level = np.cumsum(np.where(opens, np.int8(1), np.int8(-1)), dtype=np.int32)
    total = len(signs) - len(opens)
    numbers = _parsed(joined.translate(_BLANKED), np.int64) if total else np.empty(0, np.int64)
    byte_first = np.concatenate(([0], np.cumsum(sizes + 1)))
    bracket_first = np.searchsorted(marks[bracket], byte_first)
    between = np.diff(before, append=total)  # numbers after each bracket, up to the next
    closed = level[bracket_first[1:] - 1] == 0
    sound = numbers is not None and closed.all() and len(numbers) == total and (len(level) == 0 or level.min() >= 0)
    if numbers is None or not sound or not _parted(marks, signs, np.flatnonzero(codes == _COMMA), byte_first):
        return None
    held = between > 0
    single = np.count_nonzero(opens & (level == 1)) == len(texts)
    if not single or (held & (level == 0)).any():  # a second list, or a number behind the last bracket
        return None
    low, high, deepest = _depths(level, held, bracket_first)
    return Nested(
        numbers=numbers,
        first=np.append(before, total)[bracket_first],
        depth=level[opens] - 1,
        start=before[opens],
        open_first=np.concatenate(([0], np.cumsum(opens)))[bracket_first],
        low=low,
        high=high,
        deepest=deepest,
        broken=broken,
    )


def _parted(marks: np.ndarray, signs: np.ndarray, commas: np.ndarray, edge: np.ndarray) -> bool:
    """Tell whether one comma stands between two values, and none anywhere else; a list's values are its own."""
    ends, begins = signs != _OPEN, signs != _CLOSE  # a value ends or begins with this token
    wanted = ends[:-1] & begins[1:]
    wanted[np.searchsorted(marks, edge[1:-1]) - 1] = False  # from one list to the next
    counts = np.diff(np.searchsorted(commas, marks))
    return len(commas) == np.count_nonzero(wanted) and np.array_equal(counts, wanted)


def compiled(texts: Sequence[bytes]) -> tuple[Nested, int] | None:
    """Return the lists as arrays and the number of nulls, read by compiled code; None where one is not well formed."""
    from twin.city.cityjson.brackets import count_signs, read_nested

    held = Texts.of(texts)
    codes = np.frombuffer(held.text, np.uint8)
    brackets, commas = count_signs(codes, held.spans)
    numbers = np.empty(commas + brackets, np.int64)
    depth, start = np.empty(brackets, np.int32), np.empty(brackets, np.int64)
    lists = np.empty((len(texts), 5), np.int64)
    total, opens, nulls = read_nested(codes, held.spans, numbers, depth, start, lists)
    if total < 0:
        return None
    ends, low, high, deepest = lists[:, :2], *lists[:, 2:].T.copy()
    first, open_first = np.concatenate((np.zeros((1, 2), np.int64), ends)).T.copy()
    broken = np.zeros(len(texts), dtype=bool)
    found = Nested(numbers[:total], first, depth[:opens], start[:opens], open_first, low, high, deepest, broken)
    return found, nulls


def _depths(level: np.ndarray, held: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least and greatest depth of numbers, and greatest depth of brackets, of each list."""
    if len(first) == 1:
        return (np.empty(0, np.int64),) * 3
    starts = first[:-1]
    low = np.minimum.reduceat(np.where(held, level - 1, 99), starts)
    high = np.maximum.reduceat(np.where(held, level - 1, -1), starts)
    return low, high, np.maximum.reduceat(level - 1, starts)


def points(texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return lists of points ``[[x, y, z], ...]`` as one array, and the number of points of each list.

    None where one of them is something else.

    Examples
    --------
    >>> points([b"[[1, 2, 3], [4, 5.5, 6]]", b"[]"])
    (array([[1. , 2. , 3. ],
           [4. , 5.5, 6. ]]), array([2, 0]))
    """
    if Texts.of(texts).size >= _COMPILED_PAYS and (found := _whole_points(texts)) is not None:
        return found
    joined = b"".join(texts)
    if joined.translate(None, _DECIMAL):
        return None
    whole = not joined.translate(None, _WHOLE)
    counts = np.array([max(text.count(b"[") - 1, 0) for text in texts], dtype=np.int64)
    total = int(counts.sum())
    form = b"".join(b"[" + b",".join([b"[,,]"] * n) + b"]" for n in counts.tolist())
    if joined.translate(None, _NUMBER_SIGNS) != form:
        return None
    blanked = joined.translate(_BLANKED)
    if total == 0:
        return None if blanked.strip() else (np.empty((0, 3)), counts)
    if any(sign in joined for sign in (b" ", b"\n", b"\t", b"\r", b"-")) and _LOOSE.search(joined) is not None:
        return None
    values = _parsed(blanked, np.int64 if whole else np.float64)
    if whole and values is not None and (np.abs(values.astype(np.float64)) >= _EXACT).any():
        values = _parsed(blanked, np.float64)
    if values is None or len(values) != 3 * total:
        return None
    return values.reshape(-1, 3).astype(np.float64, copy=False), counts


def _whole_points(texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return lists of points of whole numbers, read by compiled code; None where one of them is something else."""
    read = compiled(texts)
    if read is None or read[1]:
        return None
    found = read[0]
    inner = found.start[found.depth == 1]
    if (found.depth > 1).any() or (found.low < 1).any() or not np.array_equal(inner, np.arange(len(inner)) * 3):
        return None
    numbers = found.numbers
    if len(numbers) != 3 * len(inner) or (len(numbers) and max(-int(numbers.min()), int(numbers.max())) >= _EXACT):
        return None
    numbers = numbers.astype(np.float64)
    return numbers.reshape(-1, 3), np.diff(found.open_first) - 1


def _parsed(text: bytes, dtype: type) -> np.ndarray | None:
    """Return numbers parted by blanks; None where something else stands between them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # what numpy before 2.4 gives instead of an error
        try:
            return np.fromstring(text, sep=" ", dtype=dtype)
        except (DeprecationWarning, ValueError):
            return None
