"""SWMM input files: what a coupling must know of them, and the copy that is run.

The file as delivered is never changed. SWMM runs a copy in a temporary folder that differs in a few options; lines keep
their numbers, so that SWMM's messages name the line of the file as delivered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path

from models.layers import InputError

__all__ = [
    "as_number",
    "coordinates",
    "coupled_options",
    "file_options",
    "in_section",
    "pipe_heights",
    "read_lines",
    "sections",
    "spoken_errors",
    "working_copy",
]

_SHORTEST, _LONGEST = 0.25, 0.5  # s; routing steps of a coupled run
_BETWEEN = 2.0  # s; between two looks at the surface
_GRAVITY = 9.80665
_ERROR = re.compile(r"ERROR\s+(\d+):\s*(.*)")
_READS = re.compile(r'(\bFILE\s+|\bUSE\s+\w+\s+)(?:"([^"]+)"|(\S+))', re.IGNORECASE)
_WITH_FILES = ("RAINGAGES", "TIMESERIES", "TEMPERATURE", "FILES")


def read_lines(path: str | PathLike[str]) -> list[str]:
    """Return the lines of a SWMM input file (UTF-8, or the older Windows code page).

    Raises
    ------
    InputError
        If there is no such file, it is empty, or it has no ``[JUNCTIONS]`` to speak of.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"The sewer file {file} does not exist: check the path of the .inp.")
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    lines = text.splitlines()
    if not any(line.lstrip().startswith("[") for line in lines):
        raise InputError(f"{file.name} is no SWMM input file (it has no [SECTION]): give an .inp of SWMM 5.")
    return lines


def sections(lines: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line number (from 0), section name and words of each line that says something.

    Examples
    --------
    >>> list(sections(["[JUNCTIONS]", ";; name", "J1  100.0  2.5"]))
    [(2, 'JUNCTIONS', ['J1', '100.0', '2.5'])]
    """
    name = ""
    for number, line in enumerate(lines):
        said = line.split(";", 1)[0].strip()
        if said.startswith("["):
            name = said.strip("[]").upper()
        elif said:
            yield number, name, said.split()


def file_options(lines: list[str]) -> dict[str, str]:
    """Return the options of a file by their names in capitals."""
    rows = [words for _, name, words in sections(lines) if in_section(name, "OPTIONS") and words[1:]]
    return {words[0].upper(): words[1] for words in rows}


def in_section(name: str, wanted: str) -> bool:
    """Return whether a heading means a section; SWMM reads headings such as ``[OUTFALL]`` by their beginning."""
    return name == wanted or (len(name) >= 4 and wanted.startswith(name[: max(4, len(name) - 1)]))


def coordinates(lines: list[str], file: str) -> dict[str, tuple[float, float]]:
    """Return the map coordinates of the nodes by name.

    Parameters
    ----------
    lines : list of str
        Lines of the .inp.
    file : str
        Its name, for messages.

    Raises
    ------
    InputError
        If a coordinate is no number.
    """
    found: dict[str, tuple[float, float]] = {}
    for number, name, words in sections(lines):
        if not in_section(name, "COORDINATES"):
            continue
        try:
            found[words[0]] = (float(words[1]), float(words[2]))
        except (ValueError, IndexError):
            raise InputError(
                f"{file}, line {number + 1}: [COORDINATES] must hold node, x, y, not {' '.join(words)!r}: correct it."
            ) from None
    return found


def _absolute(line: str, folder: Path) -> str:
    """Return a line with a file it reads, where that lies beside the .inp, named in full."""

    def whole(match: re.Match[str]) -> str:
        file = folder / (match.group(2) or match.group(3))
        return f'{match.group(1)}"{file}"' if file.is_file() else match.group(0)

    return _READS.sub(whole, line)


def working_copy(lines: list[str], source: Path, target: Path, options: Mapping[str, str]) -> None:
    """Write the copy that SWMM runs: lines keep their numbers, options stand in a section of their own at the end.

    Files that the input wants written are left out; those it reads are named in full.

    Parameters
    ----------
    lines : list of str
        Lines as delivered.
    source : pathlib.Path
        File they came from.
    target : pathlib.Path
        File to write.
    options : mapping
        Options to set, in place of those of the file.
    """
    copied = list(lines)
    for number, name, words in sections(lines):
        replaced = in_section(name, "OPTIONS") and words[0].upper() in options
        if replaced or (name == "FILES" and words[0].upper() == "SAVE"):
            copied[number] = f"; {lines[number]}"
        elif name in _WITH_FILES:
            copied[number] = _absolute(lines[number], source.resolve().parent)
    if options:
        copied += ["[OPTIONS]", *(f"{key} {value}" for key, value in options.items())]
    target.write_text("\n".join(copied) + "\n", encoding="utf-8")


def coupled_options(lines: list[str], *, rainfall: bool) -> tuple[int, dict[str, str]]:
    """Return how often to look at the surface [s] and the options of a coupled run.

    No node of the file ponds (the surface holds the water; see :class:`models.water.sewers.Sewer` for the shafts), and no
    rain falls on the subcatchments unless asked for (it falls on the surface). The routing step is fixed, so that SWMM
    receives exactly the volume that the surface gives; it is at most half a second, at most the file's own and, where the
    file lets SWMM shorten it, short enough for a wave not to run through a pipe in one.

    Parameters
    ----------
    lines : list of str
        Lines as delivered.
    rainfall : bool
        Whether rain falls on the subcatchments of the file.
    """
    given = file_options(lines)
    step = _seconds(given.get("ROUTING_STEP", "20")) or _BETWEEN
    factor = as_number(given.get("VARIABLE_STEP", "0.75"))
    between = max(1, round(min(step, _BETWEEN)))
    longest = min(step, _LONGEST)
    shortest = min(_shortest_passage(lines, given) * factor, longest) if factor > 0 else longest
    parts = math.ceil(between / max(_SHORTEST, shortest) - 1e-9)
    options = {"ALLOW_PONDING": "YES", "VARIABLE_STEP": "0", "ROUTING_STEP": f"{between / parts:.10g}"}
    if not rainfall:
        options["IGNORE_RAINFALL"] = "YES"
    return between, options


def _seconds(word: str) -> float:
    """Return a step that SWMM writes as seconds or as hours:minutes:seconds."""
    parts = [as_number(part) for part in word.split(":")]
    return sum(value * unit for value, unit in zip(reversed(parts), (1.0, 60.0, 3600.0), strict=False))


def _shortest_passage(lines: list[str], options: Mapping[str, str]) -> float:
    """Return the shortest time [s] that a wave at the speed of flow takes through any conduit."""
    unit = 1.0 if options.get("FLOW_UNITS", "CFS").upper() in ("CMS", "LPS", "MLD") else 0.3048
    lengths = {w[0]: as_number(w[3]) for _, name, w in sections(lines) if in_section(name, "CONDUITS") and len(w) > 3}
    times = [
        lengths[words[0]] * unit / (2.0 * math.sqrt(_GRAVITY * as_number(words[2]) * unit))
        for _, name, words in sections(lines)
        if in_section(name, "XSECTIONS") and len(words) > 2 and words[0] in lengths and as_number(words[2]) > 0
    ]
    return min(times, default=_BETWEEN)


def spoken_errors(report: str, most: int = 3) -> str:
    r"""Return what SWMM's report says is wrong, with its lines, in one piece of a sentence.

    Examples
    --------
    >>> spoken_errors("ERROR 211: invalid number x at line 4 of [JUNC] section:\n  A 1 x")
    'ERROR 211: invalid number x at line 4 of [JUNC] section (A 1 x)'
    """
    lines, said = report.splitlines(), []
    for number, line in enumerate(lines):
        match = _ERROR.search(line)
        if match is None:
            continue
        words = " ".join(match.group(2).split()).rstrip(":.")
        quoted = lines[number + 1].strip() if line.rstrip().endswith(":") and number + 1 < len(lines) else ""
        said.append(f"ERROR {match.group(1)}: {words}" + (f" ({' '.join(quoted.split())})" if quoted else ""))
    more = f"; and {len(said) - most} more" if len(said) > most else ""
    return "; ".join(said[:most]) + more


def pipe_heights(lines: list[str]) -> dict[str, float]:
    r"""Return, for each node, the height of its highest conduit, in the file's own unit of length.

    Parameters
    ----------
    lines : list of str
        Lines of the .inp.

    Examples
    --------
    >>> pipe_heights("[CONDUITS]\nC1 A B 100 0.01\n[XSECTIONS]\nC1 CIRCULAR 0.4 0 0 0".splitlines())
    {'A': 0.4, 'B': 0.4}
    """
    rows = list(sections(lines))
    ends = {words[0]: words[1:3] for _, name, words in rows if in_section(name, "CONDUITS") and len(words) > 3}
    found: dict[str, float] = {}
    for _, name, words in rows:
        if in_section(name, "XSECTIONS") and len(words) > 2:
            for node in ends.get(words[0], ()):
                found[node] = max(found.get(node, 0.0), as_number(words[2]))
    return found


def as_number(word: str) -> float:
    """Return a word of a file as a number, 0 where it is none."""
    try:
        return float(word)
    except ValueError:
        return 0.0
