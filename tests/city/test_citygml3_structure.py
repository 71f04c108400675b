"""CityGML 3.0 as written stands in the order and the namespaces that published files of the standard have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from twin.city.citygml import read_citygml
from twin.city.writers.citygml3 import write_citygml

WRITTEN = [
    "berlin-lod2/3910_5819.gml", "nrw-adv-lod2/in_old.gml", "ingolstadt-lod3/4018194.xml",
    "citygml3/BuildingUnits_Storeys_xlink.gml", "citygml3/Building_LOD3-EPSG25832.gml",
    "citygml3/Building_CityGML3.0_with_Dynamizer_and_SensorConnection_V1.gml",
    "citygml3/Road_over_Bridge_CityGML3.0_LOD2_with_CityObjectRelations.gml",
    "citygml3/citygml3_roads_3wayintersection.gml",
]  # fmt: skip
GML = "{http://www.opengis.net/gml/3.2}"


def families(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each element of a file with its children, names with their namespace."""
    for element in ElementTree.parse(path).iter():
        if len(element):
            yield element.tag, [child.tag for child in element]


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


@pytest.fixture(scope="module")
def published(shared: Path) -> tuple[dict[str, set[str]], set[tuple[str, str, str]]]:
    """Names each local name has, and (parent, a, b) where a stood before b."""
    names: dict[str, set[str]] = defaultdict(set)
    before: set[tuple[str, str, str]] = set()
    for path in sorted((shared / "data" / "citygml3").glob("*.gml")):
        for parent, children in families(path):
            names[local(parent)].add(parent)
            for child in children:
                names[local(child)].add(child)
            different = list(dict.fromkeys(children))
            before |= {(parent, a, b) for i, a in enumerate(different) for b in different[i + 1 :]}
    assert len(names) > 100
    return names, before


@pytest.mark.reference
@pytest.mark.parametrize("name", WRITTEN)
def test_names_and_order_are_those_of_published_files(
    shared: Path,
    tmp_path: Path,
    published: tuple[dict[str, set[str]], set[tuple[str, str, str]]],
    name: str,
) -> None:
    names, before = published
    target = write_citygml(read_citygml(shared / "data" / name), tmp_path / "stadt.gml")
    compared = 0
    for parent, children in families(target):
        for tag in (parent, *children):
            if local(tag) in names:
                assert tag in names[local(tag)], (tag, names[local(tag)])
        if parent.startswith(GML):
            continue
        different = list(dict.fromkeys(children))
        for i, a in enumerate(different):
            for b in different[i + 1 :]:
                told = (parent, a, b) in before, (parent, b, a) in before
                assert told != (False, True), f"{local(parent)}: {local(b)} stands before {local(a)} in published files"
                compared += told[0]
    assert compared > 3
