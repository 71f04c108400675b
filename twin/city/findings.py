"""What was found in a file or a city: as plain values for scripts, as small tables for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from models.layers import read_table
from twin.city import gaps as gap_table
from twin.city.placing import Bounds
from twin.language import default_language, text

__all__ = ["Inspection", "Section"]

_MOST_VALUES = 12


@dataclass(frozen=True)
class Section:
    """One small table for people: a title, column headings and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found in a file or a city.

    Parameters
    ----------
    path : str
        What was looked at.
    kind : str
        ``"profile"``, ``"citygml"``, ``"vector"``, ``"raster"``, ``"table"`` or ``"folder"``.
    counts : mapping
        How many objects of each kind, polygons, trees, ... there are.
    crs : str or None
        Short name of the CRS, ``"local"`` for an engineering system, None where none is named.
    extent : tuple of float or None
        West, south, east, north in that CRS.
    details : mapping
        Further findings by name: height range, roof types, functions, columns, layers, ...
    gaps : pandas.DataFrame
        Gap rows (``twin.city.gaps``).
    sources : pandas.DataFrame
        Files with hash and licence.
    """

    path: str
    kind: str
    counts: Mapping[str, int]
    crs: str | None
    extent: Bounds | None
    details: Mapping[str, Any] = field(default_factory=dict)
    gaps: pd.DataFrame = field(default_factory=gap_table.empty)
    sources: pd.DataFrame = field(default_factory=pd.DataFrame)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON.

        Returns
        -------
        dict
            ``path``, ``kind``, ``buildings``, ``parts``, ``polygons``, every other count by its name, ``crs``,
            ``extent``, the details, ``sources``, ``licences``, and ``gaps``: rows with the sentences ``en`` and
            ``de`` and the remedies ``remedy_en`` and ``remedy_de``.
        """
        counts = {name: int(count) for name, count in self.counts.items()}
        first = {"buildings": counts.pop("Building", 0), "parts": counts.pop("BuildingPart", 0)}
        files = [{key: str(value) for key, value in row.items()} for row in self.sources.to_dict("records")]
        return {
            "path": self.path,
            "kind": self.kind,
            **first,
            "polygons": counts.pop("polygons", 0),
            **counts,
            "crs": self.crs,
            "extent": None if self.extent is None else [round(float(v), 3) for v in self.extent],
            **self.details,
            "sources": files,
            "licences": sorted({row["licence"] for row in files if row.get("licence")}),
            "gaps": _gap_rows(self.gaps),
        }

    def tables(self, language: str | None = None) -> list[Section]:
        """Return the findings (all but the gaps) as small tables of text in a language."""

        def say(key: str) -> str:
            return text(f"city.inspect_{key}", language)

        def number(value: float) -> str:
            return _number(value, language)

        found = self.to_dict()
        named = [(say(key), number(found[key])) for key in ("buildings", "parts", "polygons") if found[key]]
        skipped = ("Building", "BuildingPart", "polygons")
        others = [(_kind_name(n, language), number(c)) for n, c in self.counts.items() if c and n not in skipped]
        sections = [Section(say("contents"), (say("what"), say("count")), tuple(named + others))]
        facts = [(say("crs"), self.crs or say("none"))]
        if self.extent is not None:
            west, south, east, north = self.extent
            facts.append((say("extent"), f"{west:.2f}, {south:.2f} – {east:.2f}, {north:.2f}"))
        for key, value in self.details.items():
            if isinstance(value, str):
                facts.append((say(key), value))
            elif isinstance(value, int | float):
                facts.append((say(key), number(value)))
            elif isinstance(value, list) and len(value) == 2 and all(isinstance(v, float) for v in value):
                facts.append((say(key), f"{number(value[0])} – {number(value[1])}"))
        sections.append(Section(say("facts"), (say("what"), say("value")), tuple(facts)))
        for key in ("roof_types", "functions", "land_cover_classes", "species"):
            values = self.details.get(key)
            if values:
                rows = tuple((_code_name(key, n, language), number(c)) for n, c in list(values.items())[:_MOST_VALUES])
                sections.append(Section(say(key), (say("what"), say("count")), rows))
        sections += self._column_tables(say, number)
        if len(self.sources):
            files = tuple((Path(r["path"]).name, r["role"], r["licence"] or "–") for r in found["sources"])
            sections.append(Section(say("sources"), (say("file"), say("role"), say("licence")), files))
        return sections

    def _column_tables(self, say: Callable[[str], str], number: Callable[[float], str]) -> list[Section]:
        """Return the columns of a table, or the files of a folder and layers of a container."""
        sections = []
        if self.details.get("columns"):
            rows = tuple((c["name"], c["type"], number(c["missing"]), c["values"]) for c in self.details["columns"])
            sections.append(Section(say("columns"), (say("column"), say("type"), say("missing"), say("values")), rows))
        if self.details.get("files"):
            files = tuple((f["name"], say(f["kind"]), f["crs"] or "–", f["contents"]) for f in self.details["files"])
            sections.append(Section(say("files"), (say("file"), say("type"), say("crs"), say("contents")), files))
        return sections


def _gap_rows(gaps: pd.DataFrame) -> list[dict[str, Any]]:
    rows = gaps.to_dict("records")
    english, german = (gap_table.sentences(gaps, language).to_dict("records") for language in ("en", "de"))
    return [
        {str(key): value for key, value in row.items() if key != "values"}
        | {"en": en["message"], "de": de["message"], "remedy_en": en["remedy"], "remedy_de": de["remedy"]}
        for row, en, de in zip(rows, english, german, strict=True)
    ]


def _kind_name(kind: str, language: str | None) -> str:
    try:
        return text(f"city.inspect_{kind}", language)
    except KeyError:
        return kind


def _number(value: float, language: str | None) -> str:
    """Return a number as a language writes it, thousands apart.

    Examples
    --------
    >>> _number(15434, "de"), _number(12.5, "de"), _number(15434, "en")
    ('15.434', '12,5', '15,434')
    """
    plain = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return plain.translate(str.maketrans(",.", ".,")) if (language or default_language()) == "de" else plain


def _code_name(key: str, code: str, language: str | None) -> str:
    """Return a code with its name in a language, where it has one."""
    language = language or default_language()
    if key == "roof_types":
        names = {row["code"]: row[language] for row in read_table("twin.city", "roof_types.csv")}
        return f"{code} {names[code]}" if code in names else code
    if key == "land_cover_classes":
        return next((r[f"label_{language}"] for r in read_table("models", "land_cover.csv") if r["name"] == code), code)
    return code
