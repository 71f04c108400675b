"""The tree cadastre: the trees at their age, as a list with the gaps of a real one."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import Point

from district import cadastre, layout, quarters
from district.planting import Tree, planted

_YEAR = 2023  # of the survey
COLUMNS = (
    "Baumnummer", "Baumart botanisch", "Baumart deutsch", "Pflanzjahr", "Höhe (m)", "Kronendurchmesser (m)",
    "Stammumfang (cm)", "Straße", "Ostwert", "Nordwert", "Bemerkung",
)  # fmt: skip


@cache
def _species() -> dict[str, dict[str, str]]:
    lines = Path(__file__).with_name("species.csv").read_text(encoding="utf-8").splitlines()
    return {row["botanical"]: row for row in csv.DictReader(line for line in lines if not line.startswith("#"))}


def _grown(tree: Tree, random: Random) -> Tree:
    """Return the tree with girth, height and crown of its age; crowns and heights follow the girth."""
    kind = _species()[tree.species]
    age = max(3, _YEAR - tree.planted)
    girth = 14 + float(kind["girth"]) * age * (1 - min(age, 150) / 520) * random.uniform(0.85, 1.15)
    grown = 1 - math.exp(-girth / 95)
    height = float(kind["height"]) * (0.1 + 0.9 * grown) * random.uniform(0.9, 1.06)
    crown = float(kind["crown"]) * (0.08 + 0.92 * (1 - math.exp(-girth / 115))) * random.uniform(0.88, 1.1)
    return replace(tree, height=round(height * 2) / 2, crown=max(1.0, round(crown * 2) / 2), girth=round(girth))


def _place_of(tree: Tree) -> str:
    names = cadastre.named_streets()
    if tree.v < 62:
        return "Wiesenweg"
    if tree.u < 135 and 118 < tree.v < 193:
        return "Stadtpark"
    return min(names, key=lambda n: (names[n].distance(Point(tree.u, tree.v)), n))


def _pruned(trees: list[Tree]) -> list[Tree]:
    """Return the trees with crowns cut back at house fronts and held by their neighbours."""
    points = shapely.points([(t.u, t.v) for t in trees])
    to_house = shapely.distance(points, shapely.union_all([h.footprint for h in quarters.houses()]))
    tree = cKDTree(shapely.get_coordinates(points))
    to_next = tree.query(tree.data, k=2)[0][:, 1]
    widest = np.minimum(2 * to_house + 1.0, 1.7 * to_next)
    return [replace(t, crown=min(t.crown, math.floor(2 * w) / 2)) for t, w in zip(trees, widest.tolist(), strict=True)]


@cache
def trees() -> tuple[Tree, ...]:
    """Return all trees as they stand, complete."""
    random = Random(92)
    grown = [_grown(t, random) for t in planted()]
    pruned = _pruned(grown)
    named = [replace(t, place=_place_of(t)) for t in pruned]
    return tuple(sorted(named, key=lambda t: (t.place, round(t.u), t.v)))


def _number(value: float) -> str:
    return f"{value:g}".replace(".", ",")


def _row(index: int, tree: Tree, random: Random) -> list[str]:
    """Return one line of the list, some of its values missing."""
    draw = [random.random() for _ in range(6)]
    planted = str(tree.planted) if draw[0] > 0.12 else ""
    if 0.12 < draw[0] < 0.135:
        planted = f"ca. {tree.planted // 10 * 10}"
    height = _number(tree.height) if draw[1] > 0.07 else ("k.A." if draw[1] < 0.015 else "")
    crown = _number(tree.crown) if draw[2] > 0.20 else ("0" if draw[2] < 0.02 else "k.A." if draw[2] < 0.035 else "")
    girth = str(tree.girth) if draw[3] > 0.03 else ""
    species, german = tree.species, _species()[tree.species]["german"]
    if draw[4] < 0.008:
        species, german = "", "k.A."
    elif draw[4] < 0.05:
        species = species.split(" ")[0] + " spec."
    east, north = tree.u + layout.ORIGIN[0], tree.v + layout.ORIGIN[1]
    return [
        f"{index:04d}",
        species,
        german,
        planted,
        height,
        crown,
        girth,
        tree.place,
        f"{east:.2f}".replace(".", ","),
        f"{north:.2f}".replace(".", ","),
        "",
    ]


def write(path: Path) -> None:
    """Write the list as offices export it: semicolons, decimal commas, UTF-8 with a byte order mark."""
    random = Random(93)
    rows = [_row(i + 1, t, random) for i, t in enumerate(trees())]
    rows[211][3] = "vor 1945"
    rows[388][10] = "gefällt 2021, Nachpflanzung geplant"
    rows[388][4] = rows[388][5] = rows[388][6] = "0"
    church = quarters.houses()[0].parts[1].footprint.centroid  # a slip of the office: this tree lies in the church
    rows[97][8:10] = [
        f"{church.x + layout.ORIGIN[0]:.2f}".replace(".", ","),
        f"{church.y + layout.ORIGIN[1]:.2f}".replace(".", ","),
    ]
    rows.insert(305, list(rows[304]))  # the same tree twice
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
