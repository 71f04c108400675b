"""Every city model among the shared data is read, or refused for the reason that fits it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from twin.city.citygml import read_citygml
from twin.city.cityjson import read_cityjson
from twin.errors import InputError

REFUSED = {
    "FZK-Haus_full.gml": r"not CityGML.*IndoorFeatures",
    "invalid_indoorgml_1.gml": r"not CityGML.*IndoorFeatures",
    "invalid_indoorgml_2.gml": r"not CityGML.*IndoorFeatures",
    "notransform.city.jsonl": r"no transform",
    "unclosedbracket.city.jsonl": r"no valid JSON: line 2, column 1",
    "completely_empty.json": r"is empty",
    "empty_primitive_1.json": r"version '0\.1'",
    "invalid_json_cityjson.json": r"no valid JSON: line 3, column 11",
    "invalid_schema_cityjson_1.json": r"list of vertices is broken",
    "with-errors.json": r"list of vertices is broken",
}
WITHOUT_POLYGONS = {"emptygeom.json": "gml_building_without_geometry"}


@pytest.mark.reference
def test_every_city_model_is_read_or_refused_for_its_reason(shared: Path) -> None:
    data = shared / "data"
    files = [f for f in sorted(data.rglob("*")) if f.suffix in (".gml", ".xml", ".json", ".jsonl")]
    files.remove(data / "expected_counts.json")
    assert len(files) > 60
    refused = {}
    for file in files:
        try:
            city = (read_citygml if file.suffix in (".gml", ".xml") else read_cityjson)(file)
        except InputError as error:
            refused[file.name] = str(error)
            continue
        assert len(city.objects), file.name
        if not len(city.polygons):
            assert WITHOUT_POLYGONS.pop(file.name) in set(city.gaps["code"])
    assert set(refused) == set(REFUSED)
    for name, told in refused.items():
        assert re.search(REFUSED[name], told), told
        assert name in told
