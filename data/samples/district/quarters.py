"""Who stands where: the quarters of the town, house by house."""

from __future__ import annotations

from functools import cache
from random import Random

import shapely
from shapely.geometry import LineString

from district import landmarks, layout, roofs
from district.houses import Frame, House, Part, beside, eave_of, rectangle
from district.perimeter import Block, Style

_OLD = Style(
    "mixed", depth=10.5, width=9.0, storeys=(2, 2, 3), storey=2.75, pitch=(45.0, 54.0), to_street=0.4, wings=0.6,
    function=("31001_1010", "31001_1010", "31001_1120", "31001_1100"),
)  # fmt: skip
_FOUNDERS = Style(
    "living", depth=12.0, width=15.5, storeys=(3, 3, 4), storey=3.5, pitch=(34.0, 40.0), mansard=0.35, wings=0.45,
    setback=2.5, function=("31001_1010", "31001_1010", "31001_1010", "31001_1120"),
)  # fmt: skip


def _old_town() -> list[House]:
    style = _OLD
    narrow = Style(**{**_OLD.__dict__, "depth": 9.0, "wings": 0.35})
    out = Block(layout.block_at(195, 140), style, 11, gaps=[(170, 108), (156, 170), (236, 135)]).houses()
    out += Block(layout.block_at(290, 140), style, 12, gaps=[(300, 112), (321, 160)]).houses()
    out += Block(layout.block_at(162, 230), narrow, 13, gaps=[(140, 232)], length=3.5).houses()
    out += Block(layout.block_at(205, 245), narrow, 14, gaps=[(250, 262), (192, 243)], length=3.5).houses()
    parish = Frame((285.0, 190.5), -0.03)
    out.append(
        House(
            [rectangle(parish.box(0, 15, 0, 10), roofs.HIP, 6.4, 46.0, 2)],
            "31001_1010",
            parish.at(7, 0),
            "mixed",
            "Pfarrhaus",
        )
    )
    sexton = Frame((304.0, 190.0), 0.0)
    out.append(
        House([rectangle(sexton.box(0, 11, 0, 8.5), roofs.GABLE, 5.2, 48.0, 2)], "31001_1010", sexton.at(5, 0), "mixed")
    )
    library = Frame((275.0, 246.0), -0.06)
    out.append(
        House(
            [rectangle(library.box(0, 18, 0, 10.5), roofs.HALF_HIP, 6.8, 48.0, 2)],
            "31001_3037",
            library.at(9, 10),
            "public",
            "Stadtbücherei",
        )
    )
    return out


def _founders_quarter() -> list[House]:
    out: list[House] = []
    for seed, (u, v), gaps in (
        (21, (305, 290), [(298, 264)]),
        (22, (370, 295), [(400, 300)]),
        (23, (308, 375), [(342, 392), (281, 405)]),
        (24, (372, 380), [(348, 370), (398, 395)]),
    ):
        out += Block(layout.block_at(u, v), _FOUNDERS, seed, gaps=gaps).houses()
    return out


def _row(
    line: LineString, start: float, count: int, left: bool, setback: float, roof_pitch: float = 38.0
) -> list[House]:
    """Return a terrace of post-war houses; every third house steps back a little."""
    out = []
    width = 6.6
    for i in range(count):
        frame = beside(line, start + width * count / 2, left, setback)
        x0 = -width * count / 2 + i * width
        step = 1.2 if (i // 3) % 2 else 0.0
        part = rectangle(frame.box(x0, x0 + width, step, step + 9.6), roofs.GABLE, eave_of(2), roof_pitch, 2)
        out.append(House([part], "31001_1010", frame.at(x0 + width / 2, step), "living"))
    return out


def _line(name: str, index: int = 0) -> LineString:
    return [s.line for s in layout.streets() if s.name == name][index]


def _settlement() -> list[House]:
    finken, schul, damm = _line("Finkenweg"), _line("Schulstraße"), _line("Am Bahndamm")
    out = []
    for start, count, left, setback in (
        (12, 6, True, 8.0),
        (62, 6, True, 8.0),
        (112, 6, True, 8.0),
        (14, 6, False, 8.5),
        (66, 6, False, 8.5),
        (116, 5, False, 8.5),
    ):
        out += _row(finken, start, count, left, setback)
    for distance in (176.0, 218.0, 262.0):
        frame = beside(schul, distance, True, 8.5)
        body = rectangle(frame.box(-15, 15, 0, 10.0), roofs.GABLE, eave_of(3), 32.0, 3)
        out.append(House([body], "31001_1010", frame.at(0, 0), "living"))
    for distance in (172.0, 214.0, 258.0):
        frame = beside(damm, distance, False, 7.0)
        body = rectangle(frame.box(-14, 14, 0, 9.5), roofs.HIP, eave_of(2), 32.0, 2)
        out.append(House([body], "31001_1010", frame.at(0, 0), "living"))
    return out


def _detached(frame: Frame, kind: int, random: Random, garage: int) -> House:
    """Return a detached house of one of eight kinds; garage -1 left, 1 right, 0 none (seen from the street)."""
    length, depth = 10.5 + 2.5 * random.random(), 9.0 + 1.2 * random.random()
    x0, x1 = -length / 2, length / 2
    body = frame.box(x0, x1, 0.0, depth)
    parts: list[Part]
    if kind == 0:
        parts = [rectangle(body, roofs.GABLE, 3.6, 44.0, 1)]
    elif kind == 1:
        parts = [rectangle(body, roofs.HIP, eave_of(2), 30.0, 2)]
    elif kind == 2:
        parts = [rectangle(body, roofs.GABLE, 4.2, 42.0, 1, across=True)]
    elif kind == 3:
        parts = [rectangle(frame.box(-4.9, 4.9, 0.0, 9.8), roofs.TENT, eave_of(2), 24.0, 2)]
        x0, x1 = -4.9, 4.9
    elif kind == 4:
        parts = [rectangle(body, roofs.PENT, 5.2, 10.0, 2)]
    elif kind == 5:
        parts = [rectangle(body, roofs.HALF_HIP, 4.0, 45.0, 1)]
    elif kind == 6:
        parts = [
            rectangle(frame.box(x0, 1.0, 0.0, depth), roofs.FLAT, 6.3, 0, 2),
            rectangle(frame.box(1.0, x1 + 1.0, 1.0, depth - 1.0), roofs.FLAT, 3.3, 0, 1),
        ]
        x1 += 1.0
    else:
        parts = [
            rectangle(body, roofs.GABLE, 3.9, 40.0, 1),
            rectangle(frame.box(-1.8, 2.2, depth, depth + 3.0), roofs.FLAT, 3.0, 0, 1),
        ]
    back = 2.5 if kind == 6 else 1.2
    if garage:
        a, b = (x1, x1 + 3.4) if garage > 0 else (x0 - 3.4, x0)
        parts.append(rectangle(frame.box(a, b, back, back + 6.2), roofs.FLAT, 2.75, 0, 1))
    return House(parts, "31001_1010", frame.at(0.0, 0.0), "living")


_PLOTS: tuple[tuple[str, int, float, float, bool, float, int], ...] = (
    # street, which of its lines, first distance, spacing, left side, setback, houses
    ("Am Hang", 0, 90.0, 20.5, True, 8.0, 4),
    ("Am Hang", 0, 92.0, 20.0, False, 8.0, 4),
    ("Am Hang", 0, 20.0, 19.5, False, 8.0, 3),
    ("Uferstraße", 1, 106.0, 20.0, True, 8.5, 3),
    ("Uferstraße", 1, 178.0, 21.0, True, 8.5, 4),
    ("Grabenstraße", 0, 300.0, 20.5, False, 8.0, 4),
    ("Grabenstraße", 0, 302.0, 21.0, True, 8.0, 4),
    ("Grabenstraße", 0, 228.0, 19.5, False, 8.0, 3),
    ("Lindenallee", 0, 148.0, 22.0, False, 14.0, 4),
    ("Drosselweg", 0, 16.0, 20.0, True, 7.5, 4),
    ("Drosselweg", 0, 18.0, 20.5, False, 7.5, 4),
    ("Am Bahndamm", 0, 52.0, 21.0, False, 7.5, 4),
    ("Schulstraße", 0, 52.0, 21.0, True, 8.0, 5),
    ("Schulstraße", 0, 234.0, 22.0, False, 9.0, 3),
    ("Am Bahndamm", 0, 60.0, 22.0, True, 8.0, 4),
)
_KINDS = (0, 1, 2, 7, 3, 0, 5, 4, 1, 6, 2, 0, 7, 4, 3, 5, 0, 1, 6, 2)


def _detached_houses() -> list[House]:
    random = Random(31)
    out = []
    number = 0
    for name, index, first, spacing, left, setback, count in _PLOTS:
        line = _line(name, index)
        for i in range(count):
            frame = beside(line, first + i * spacing, left, setback + 1.5 * random.random())
            out.append(_detached(frame, _KINDS[number % len(_KINDS)], random, (1, -1, 1, 0)[(number + i) % 4]))
            number += 1
    return out


@cache
def houses() -> tuple[House, ...]:
    """Return all buildings; of two that would overlap the first stays, and none stands in a street or in water."""
    wanted = [
        landmarks.church(),
        landmarks.town_hall(),
        *landmarks.school(),
        landmarks.nursing_home(),
        *landmarks.trade(),
    ]
    wanted += [
        *landmarks.riverside(),
        landmarks.kindergarten(),
        *_old_town(),
        *_founders_quarter(),
        *_settlement(),
        *_detached_houses(),
    ]
    water = layout.river().union(layout.POND)
    lanes = shapely.union_all([s.line.buffer(s.half_width, cap_style="flat") for s in layout.streets()])
    kept: list[House] = []
    ground = layout.AREA.buffer(-1.0)
    for house in wanted:
        parts = [p for i, p in enumerate(house.parts) if i == 0 or not _hits(p, kept, house.parts[:i])]
        house = House(parts, house.function, house.front, house.zone, house.name, house.heated)
        clash = any(_share(house, other) > 0.05 for other in kept)
        if (
            not clash
            and ground.contains(house.footprint)
            and not house.footprint.intersects(water)
            and house.footprint.intersection(lanes).area < 0.05
        ):
            kept.append(house)
    return tuple(kept)


def _share(a: House, b: House) -> float:
    return a.footprint.intersection(b.footprint).area if a.footprint.intersects(b.footprint) else 0.0


def _hits(part: Part, kept: list[House], own: list[Part]) -> bool:
    near = part.footprint.buffer(1.0)
    if any(
        near.intersects(h.footprint) and part.footprint.buffer(0.5).intersection(h.footprint).area > 0.3 for h in kept
    ):
        return True
    return any(part.footprint.intersection(p.footprint).area > 0.05 for p in own)
