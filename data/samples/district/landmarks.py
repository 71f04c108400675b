"""The buildings that people name: church, town hall, school, nursing home, supermarket, halls, mill."""

from __future__ import annotations

import math

from district import roofs
from district.houses import Frame, House, Part, eave_of, rectangle

SCHOOL = Frame((24.0, 250.0), math.radians(4))
NURSING_HOME = Frame((134.0, 273.0), math.radians(1))
SUPERMARKET = Frame((420.0, 389.0), math.radians(3.5))
METALWORKS = Frame((405.0, 441.0), math.radians(3.0))
KINDERGARTEN = Frame((350.0, 204.0), math.radians(2.0))
PUBLIC, TRADE, MIXED, LIVING, GREEN = "public", "trade", "mixed", "living", "green"
"""Zones: what the ground of a building is used for."""


def church() -> House:
    """Return the town church: tower with a spire, nave, aisle-like sacristy and a five-sided apse."""
    f = Frame((284.5, 231.0), math.radians(4))
    tower = Part(roofs.tent(f.box(0.0, 8.0, 4.0, 12.0), 25.0, 43.0), roofs.TENT, 1)
    nave = rectangle(f.box(8.0, 30.0, 0.5, 15.5), roofs.GABLE, 9.5, 52.0, 1)
    apse_line = [f.at(30.0, 13.0), f.at(30.0, 3.0), f.at(33.5, 3.6), f.at(36.0, 6.2), f.at(36.0, 9.8), f.at(33.5, 12.4)]
    apse = Part(roofs.apse(apse_line, 8.0, 13.2), "9999", 1)
    sacristy = Part(
        roofs.bands([[f.at(27, 20), f.at(20, 20)], [f.at(27, 15.5), f.at(20, 15.5)]], [3.6, 5.6]), roofs.PENT, 1
    )
    return House(
        [tower, nave, apse, sacristy], "31001_3041", f.at(4, 0), PUBLIC, "Stadtkirche St. Marien", heated=False
    )


def town_hall() -> House:
    """Return the town hall on the market square: hipped main house and a stair tower."""
    f = Frame((203.5, 207.5), math.radians(-5.0))
    main = rectangle(f.box(0.0, 25.0, 0.0, 12.0), roofs.HIP, eave_of(3, 3.4), 50.0, 3)
    tower = Part(roofs.tent(f.box(10.0, 15.0, -4.0, 0.0), 16.0, 24.0), roofs.TENT, 4)
    return House([main, tower], "31001_3012", f.at(12, -4), PUBLIC, "Rathaus")


def school() -> list[House]:
    """Return the primary school: two wings round a yard, a link, and a sports hall."""
    f = SCHOOL
    north = rectangle(f.box(0.0, 54.0, 40.0, 54.0), roofs.FLAT, 11.2, 0, 3)
    west = rectangle(f.box(0.0, 13.0, 8.0, 40.0), roofs.FLAT, 7.6, 0, 2)
    entry = rectangle(f.box(13.0, 21.0, 31.0, 40.0), roofs.FLAT, 4.2, 0, 1)
    hall = rectangle(f.box(0.0, 26.0, -26.0, -6.0), roofs.GABLE, 7.2, 14.0, 1)
    changing = rectangle(f.box(26.0, 32.0, -24.0, -8.0), roofs.FLAT, 3.4, 0, 1)
    return [
        House([north, west, entry], "31001_3021", f.at(27, 54), PUBLIC, "Grundschule am Wehr"),
        House([hall, changing], "31001_3211", f.at(13, -26), PUBLIC, "Turnhalle der Grundschule", heated=False),
    ]


def nursing_home() -> House:
    """Return the nursing home: three hipped wings round a garden open to the south."""
    f = NURSING_HOME
    eave = eave_of(3, 3.0)
    north = rectangle(f.box(0.0, 52.0, 25.0, 38.0), roofs.HIP, eave, 32.0, 3)
    west = rectangle(f.box(0.0, 13.0, 1.0, 25.0), roofs.GABLE, eave, 30.0, 3, across=True)
    east = rectangle(f.box(39.0, 52.0, 5.0, 25.0), roofs.GABLE, eave, 30.0, 3, across=True)
    porch = rectangle(f.box(20.0, 32.0, 20.0, 25.0), roofs.FLAT, 3.6, 0, 1)
    return House([north, west, east, porch], "31001_1022", f.at(26, 38), PUBLIC, "Seniorenheim Lindenhof")


def trade() -> list[House]:
    """Return supermarket, commercial hall, station building and goods shed."""
    f = SUPERMARKET
    market = rectangle(f.box(0.0, 52.0, 0.0, 27.0), roofs.FLAT, 6.4, 0, 1)
    entrance = rectangle(f.box(4.0, 16.0, -5.0, 0.0), roofs.PENT, 4.0, 5.0, 1)
    delivery = rectangle(f.box(52.0, 60.0, 9.0, 24.0), roofs.FLAT, 4.6, 0, 1)
    g = METALWORKS
    hall = rectangle(g.box(8.0, 70.0, 0.0, 22.0), roofs.GABLE, 7.0, 9.0, 1)
    office = rectangle(g.box(0.0, 8.0, 2.0, 16.0), roofs.FLAT, 6.6, 0, 2)
    h = Frame((306.0, 446.0), math.radians(2.0))
    station = rectangle(h.box(0.0, 24.0, 0.0, 10.0), roofs.GABLE, 7.4, 38.0, 2)
    waiting = rectangle(h.box(24.0, 34.0, 1.5, 8.5), roofs.GABLE, 3.8, 35.0, 1)
    k = Frame((196.0, 441.0), math.radians(1.5))
    shed = rectangle(k.box(0.0, 40.0, 0.0, 11.0), roofs.GABLE, 4.6, 22.0, 1)
    return [
        House([market, entrance, delivery], "31001_2055", f.at(10, -5), TRADE, "Frischemarkt Lindenau"),
        House([hall, office], "31001_2100", g.at(4, 2), TRADE, "Metallbau Weidner"),
        House([station, waiting], "31001_3091", h.at(12, 0), TRADE, "Bahnhof Lindenau"),
        House([shed], "31001_2143", k.at(20, 0), TRADE, "Güterschuppen", heated=False),
    ]


def riverside() -> list[House]:
    """Return the old mill at the weir, the boat house and the huts of the allotments."""
    f = Frame((314.0, 84.5), math.radians(3.0))
    mill = rectangle(f.box(0.0, 24.0, 0.0, 12.0), roofs.HALF_HIP, 10.2, 46.0, 3)
    wheel = rectangle(f.box(-6.0, 0.0, 1.0, 9.0), roofs.PENT, 4.4, 18.0, 1)
    b = Frame((246.0, 36.5), math.radians(6.0))
    boats = rectangle(b.box(0.0, 17.0, 0.0, 7.5), roofs.GABLE, 3.4, 25.0, 1)
    houses = [
        House([mill, wheel], "31001_1100", f.at(12, 12), MIXED, "Wehrmühle"),
        House([boats], "31001_1313", b.at(8, 0), GREEN, "Bootshaus", heated=False),
    ]
    for i, (turn, roof) in enumerate([(4, "3100"), (-6, "2100"), (2, "3100"), (-3, "2100"), (8, "3100"), (3, "3100")]):
        hut = Frame((344.5 + 23.5 * i, 9.0 - 0.7 * i), math.radians(turn))
        part = rectangle(hut.box(0.0, 5.0, 0.0, 4.0 + 0.2 * (i % 3)), roof, 2.3, 14.0 if roof == "2100" else 24.0, 1)
        houses.append(House([part], "31001_1313", hut.at(2, 0), GREEN, heated=False))
    return houses


def kindergarten() -> House:
    """Return the kindergarten: two pent roofs against each other."""
    f = KINDERGARTEN
    low = Part(roofs.bands([f.box(0, 26, 0, 8)[:2], f.box(0, 26, 0, 8)[:1:-1]], [3.4, 5.0]), roofs.PENT, 1)
    high = Part(roofs.bands([[f.at(26, 15), f.at(0, 15)], [f.at(26, 8), f.at(0, 8)]], [3.4, 6.2]), roofs.PENT, 1)
    return House([low, high], "31001_3065", f.at(13, 0), PUBLIC, "Kindertagesstätte Spatzennest")
