"""Styles are well-formed XML with the colours and limits of the palettes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import xarray as xr

from twin.view.palettes import palette_for
from twin.view.qgis import qml, write_styles


def _layer(name: str, values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims=("y", "x"), name=name)


def test_classes_of_utci_keep_colours_and_limits():
    palette = palette_for(_layer("utci", np.array([[20.0, 40.0]])), "de")
    items = ElementTree.fromstring(qml(palette)).findall(".//item")
    assert len(items) == len(palette)
    assert [item.get("color") for item in items] == [palette.hexadecimal(k) for k in range(len(palette))]
    assert [float(item.get("value")) for item in items] == palette.edges[1:].tolist()
    assert items[-1].get("value") == "inf"


def test_codes_become_a_paletted_renderer():
    palette = palette_for(_layer("land_cover", np.array([[1, 5]], np.uint8)), "en")
    root = ElementTree.fromstring(qml(palette))
    assert root.find(".//rasterrenderer").get("type") == "paletted"
    entries = {int(e.get("value")): e.get("label") for e in root.findall(".//paletteEntry")}
    assert entries[5] == "Grass"


def test_a_style_lies_beside_every_map(tmp_path):
    datasets = {
        "site": xr.Dataset({"terrain_height": _layer("terrain_height", np.array([[1.0, 2.0]]))}),
        "heat": xr.Dataset({"utci": _layer("utci", np.array([[20.0, 40.0]]))}),
    }
    maps = tmp_path / "maps" / "utci"
    maps.mkdir(parents=True)
    for file in (maps / "utci_20220719T1400Z.tif", tmp_path / "maps" / "terrain_height.tif"):
        file.write_bytes(b"")
    assert write_styles(SimpleNamespace(datasets=datasets), tmp_path, language="en") == 2
    assert (maps / "utci_20220719T1400Z.qml").is_file()
