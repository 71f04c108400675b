"""Styles for QGIS: beside every GeoTIFF of a result a ``.qml`` of the same name, so that it opens in our classes and colours.

QGIS takes such a file by itself when the raster is opened. Classes and ramps become a discrete single-band pseudocolour
renderer (a value belongs to the first limit it is not above), codes a paletted one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import numpy as np
import xarray as xr

from twin.view.palettes import Palette, palette_for

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["qml", "write_styles"]

_HEAD = """<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.28" styleCategories="Symbology">
  <pipe>
"""
_TAIL = """    <brightnesscontrast brightness="0" contrast="0"/>
    <huesaturation saturation="0" grayscaleMode="0"/>
    <rasterresampler maxOversampling="2"/>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
"""


def qml(palette: Palette) -> str:
    """Return the QGIS style of a palette.

    Parameters
    ----------
    palette : Palette
        Classes, ramp or codes.

    Examples
    --------
    >>> import numpy as np
    >>> two = Palette(np.array([0.0, 1.0, np.inf]), np.zeros((2, 3), np.uint8), ("low", "high"), "m", "Depth", "classes")
    >>> qml(two).count("<item ")
    2
    """
    body = _codes(palette) if palette.style == "codes" else _steps(palette)
    return _HEAD + body + _TAIL


def _hexadecimal(colour: np.ndarray) -> str:
    return "#{:02x}{:02x}{:02x}".format(*(int(one) for one in colour))


def _codes(palette: Palette) -> str:
    entries = "".join(
        f'        <paletteEntry value="{int(code)}" color="{_hexadecimal(colour)}" alpha="255" label={quoteattr(label)}/>\n'
        for code, colour, label in zip(palette.edges, palette.colours, palette.labels, strict=True)
    )
    return (
        '    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">\n'
        f"      <colorPalette>\n{entries}      </colorPalette>\n    </rasterrenderer>\n"
    )


def _steps(palette: Palette) -> str:
    finite = palette.edges[np.isfinite(palette.edges)]
    items = []
    for number, colour in enumerate(palette.colours):
        lower, upper = palette.edges[number], palette.edges[number + 1]
        label = palette.labels[number] or f"{lower:g} – {upper:g} {palette.units}".strip()
        value = f"{upper:.10g}" if np.isfinite(upper) else "inf"
        items.append(
            f'          <item value="{value}" color="{_hexadecimal(colour)}" alpha="255" label={quoteattr(label)}/>\n'
        )
    low, high = f"{finite[0]:.10g}", f"{finite[-1]:.10g}"
    return (
        '    <rasterrenderer type="singlebandpseudocolor" band="1" opacity="1" alphaBand="-1" nodataColor=""'
        f' classificationMin="{low}" classificationMax="{high}">\n'
        f'      <rastershader>\n        <colorrampshader colorRampType="DISCRETE" classificationMode="1" clip="0"'
        f' minimumValue="{low}" maximumValue="{high}">\n{"".join(items)}'
        "        </colorrampshader>\n      </rastershader>\n    </rasterrenderer>\n"
    )


def write_styles(result: Result, folder: str | os.PathLike[str], *, language: str | None = None) -> int:
    """Write a style beside every GeoTIFF of a result folder.

    Parameters
    ----------
    result : Result
        The run; its layers say the ends of the ramps, one scale for all hours.
    folder : path
        Result folder, with the GeoTIFFs in ``maps``.
    language : {"en", "de"}, optional
        Language of the legends.

    Returns
    -------
    int
        How many files were written.
    """
    count = 0
    for group, data in result.datasets.items():
        place = Path(folder) / "maps" / ("water" if group == "water" else "")
        for name, layer in data.data_vars.items():
            files = [place / f"{name}.tif", *sorted((place / str(name)).glob(f"{name}_*.tif"))]
            found = [file for file in files if file.is_file()]
            if found:
                style = qml(palette_for(_named(layer, str(name)) if group == "summary" else layer, language))
                for file in found:
                    file.with_suffix(".qml").write_text(style, encoding="utf-8")
                count += len(found)
    return count


def _named(layer: xr.DataArray, name: str) -> xr.DataArray:
    """Return a layer under the name that its colours go by: sums of a run are shown as what they sum up."""
    for end in ("_max", "_14"):
        if name.endswith(end):
            return layer.rename(name.removesuffix(end))
    return layer
