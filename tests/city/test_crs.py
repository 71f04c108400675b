"""CRS names of German city data, and the order of their axes."""

from __future__ import annotations

import pyproj
import pytest

from twin.city.crs import crs_label, decide_axes, parse_crs, utm_crs

NAMES = [
    ("urn:ogc:def:crs:EPSG::25832", "EPSG:25832", ""),
    ("EPSG:25832", "EPSG:25832", ""),
    ("http://www.opengis.net/def/crs/EPSG/0/25832", "EPSG:25832", ""),
    ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783", "EPSG:5555", ""),
    ("urn:ogc:def:crs,crs:EPSG:6.12:25833,crs:EPSG:6.12:5783", "EPSG:5556", ""),
    ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837", "EPSG:25832+7837", ""),
    ("EPSG:25832+7837", "EPSG:25832+7837", ""),
    ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH", "EPSG:25832+7837", "adv"),
    ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NH*GCG2016", "EPSG:25832+7837", "adv"),
    ("urn:adv:crs:ETRS89_UTM32*DE_DHHN2016_NHN*GCG2016", "EPSG:25832+7837", "adv"),
    ("urn:adv:crs:ETRS89_UTM33*DE_DHHN2016_NH", "EPSG:25833+7837", "adv"),
    ("urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH", "EPSG:5555", "adv"),
    ("urn:adv:crs:ETRS89_UTM32", "EPSG:25832", "adv"),
    ("urn:adv:crs:DE_DHDN_3GK2_NW101", "EPSG:31466", "adv"),
    ("urn:adv:crs:DE_DHDN_3GK3*DE_DHHN92_NH", "EPSG:31467+5783", "adv"),
    ("urn:adv:crs:DE_DHDN_3GK4*DE_DHHN92_NH", "EPSG:31468+5783", "adv"),
    ("urn:adv:crs:DE_DHDN_3GK5*DE_DHHN92_NH", "EPSG:31469+5783", "adv"),
    ("urn:ogc:def:crs,crs:EPSG::31256", "EPSG:31256", "mended"),
    ("urn:ogc:def,crs::EPSG:31467", "EPSG:31467", "mended"),
    ("http://www.opengis.net/gml/srs/epsg.xml#25832", "EPSG:25832", "mended"),
    ("http://www.opengis.net/def/crs/EPSG/0/6697", "EPSG:6697", "geographic"),
    ("EPSG:4979", "EPSG:4979", "geographic"),
    ("urn:ogc:def:crs:OGC:1.3:CRS84", "OGC:CRS84", "geographic"),
]


@pytest.mark.parametrize(("name", "label", "note"), NAMES)
def test_name_is_understood(name: str, label: str, note: str) -> None:
    decision = parse_crs(name)
    assert (decision.label, decision.note) == (label, note)
    assert decision.crs is not None
    assert pyproj.CRS(decision.label) == decision.crs  # the label is a name pyproj reads again


@pytest.mark.parametrize(
    ("name", "note"), [("#local-CRS-1", "local"), ("nonsense", "unknown"), ("", "unknown"), ("EPSG:99999", "unknown")]
)
def test_name_without_a_place_on_earth(name: str, note: str) -> None:
    decision = parse_crs(name)
    assert decision.crs is None
    assert decision.note == note


def test_unknown_adv_part_is_not_guessed() -> None:
    assert parse_crs("urn:adv:crs:ETRS89_UTM32*DE_MARS_NH").note == "unknown"


def test_geographic_systems_swap_by_their_own_axes() -> None:
    assert parse_crs("EPSG:4979").swap_axes
    assert parse_crs("http://www.opengis.net/def/crs/EPSG/0/6697").swap_axes
    assert not parse_crs("urn:ogc:def:crs:OGC:1.3:CRS84").swap_axes


def test_gauss_krueger_written_east_first_stays_although_defined_north_first() -> None:
    decision = parse_crs("EPSG:31467")
    assert decision.crs is not None
    assert decision.crs.axis_info[0].direction == "north"
    assert not decision.swap_axes
    assert not decide_axes(decision, (3451262.0, 5429191.0, 3451300.0, 5429210.0)).swap_axes
    turned = decide_axes(decision, (5429191.0, 3451262.0, 5429210.0, 3451300.0))
    assert turned.swap_axes
    assert turned.note == "north_first"


def test_zone_number_before_the_easting_is_a_system_of_its_own() -> None:
    decision = decide_axes(parse_crs("EPSG:25832+7837"), (32354000.0, 5643000.0, 32355000.0, 5644000.0))
    assert decision.label == "EPSG:4647+7837"
    assert decision.note == "zone_prefix"


def test_degrees_in_a_metric_system_are_called_outside() -> None:
    assert decide_axes(parse_crs("EPSG:25832"), (9.0, 48.0, 9.1, 48.1)).note == "outside"
    assert decide_axes(parse_crs("EPSG:4326"), (354000.0, 5643000.0, 355000.0, 5644000.0)).note == "outside"


def test_longitude_before_latitude_is_noticed_where_only_that_can_be() -> None:
    tokyo = parse_crs("EPSG:6697")
    assert decide_axes(tokyo, (35.6, 139.7, 35.7, 139.8)).swap_axes
    assert not decide_axes(tokyo, (139.7, 35.6, 139.8, 35.7)).swap_axes


def test_utm_zone_fits_the_place_and_keeps_datum_and_heights() -> None:
    etrs = parse_crs("EPSG:4258").crs
    tokyo = parse_crs("EPSG:6697").crs
    wgs = parse_crs("EPSG:4979").crs
    assert etrs is not None
    assert tokyo is not None
    assert wgs is not None
    assert crs_label(utm_crs(etrs, 9.1, 48.8)) == "EPSG:25832"
    assert crs_label(utm_crs(etrs, 13.4, 52.5)) == "EPSG:25833"
    assert crs_label(utm_crs(tokyo, 139.7, 35.6)) == "EPSG:6691+6695"
    assert crs_label(utm_crs(wgs, 151.2, -33.9)) == "EPSG:32756"


def test_label_of_no_system() -> None:
    assert crs_label(None) == "local"
