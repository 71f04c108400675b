"""The pictures of a report, each with a text alternative that says what it shows."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from models.layers import InputError
from twin.report.frame import Frame
from twin.report.pieces import figure, table
from twin.report.shade import FROM, TO, shade_hours
from twin.view import labels, maps
from twin.view.moments import nearest_hour
from twin.view.palettes import Palette, lies_on_ground, palette_for

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["Pictures", "swatch"]

HOURS = (10, 12, 14, 16, 18, 22)
"""Local hours of the small maps."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Draws the pictures of one report in one language.

    Parameters
    ----------
    frame : Frame
        The run and the language of the words in and about the pictures.
    """

    frame: Frame

    def _draw(self, layer: xr.DataArray, palette: Palette, *, dpi: int, **options: Any) -> bytes:
        shared: dict[str, Any] = {
            "site": self.frame.result.site,
            "city": self.frame.result.city,
            "timezone": self.frame.zone,
        }
        return maps.draw(layer, palette=palette, language=self.frame.language, **shared, **options).png(dpi)

    def large(self, layer: xr.DataArray, time: np.datetime64 | None = None, *, caption: str = "") -> str:
        """Return a large map of a layer, at a time where it has several."""
        flat = layer.sel(time=time) if time is not None else layer
        palette = palette_for(flat, self.frame.language)
        clock = labels.clock(time, self.frame.language, self.frame.zone) if time is not None else ""
        image = self._draw(flat, palette, dpi=140, source=self._attribution())
        name = palette.name
        return figure(
            image,
            self._alt(flat, palette, clock),
            caption or (self.frame.say("caption_map", name=name, clock=clock) if clock else ""),
            kind="map",
        )

    def steps(self, layer: xr.DataArray, time: np.datetime64 | None = None) -> str:
        """Return the steps of a map as a table: colour, range and share of the outdoor ground."""
        flat = layer.sel(time=time) if time is not None else layer
        palette, language = palette_for(flat, self.frame.language), self.frame.language
        shares = maps.shares_of_area(palette, flat, self.frame.result.site)
        finite = palette.edges[np.isfinite(palette.edges)]
        digits = next((d for d in range(3) if np.allclose(finite, np.round(finite, d), atol=1e-9)), 3)
        rows = []
        for number in range(len(palette) - 1, -1, -1):
            limits = labels.span(palette.edges[number], palette.edges[number + 1], palette.units, digits, language)
            label = f"{escape(palette.labels[number])}: " if palette.labels[number] else ""
            rows.append([swatch(palette, number) + label + limits, self.frame.share(float(shares[number]))])
        columns = self.frame.columns("steps", "ground")
        return table(self.frame.say("steps_table", name=palette.name), columns, rows, numbers=(1,), raw=True)

    def day(self, layer: xr.DataArray) -> str:
        """Return small maps of a layer at several hours of the day, as far as the run has them."""
        palette, found = palette_for(layer, self.frame.language), []
        times = layer["time"].values
        for hour in HOURS:
            place = nearest_hour(times, hour, timezone=self.frame.zone)
            if place is None:
                continue
            clock = labels.clock(times[place], self.frame.language, self.frame.zone)
            flat = layer.isel(time=place)
            image = self._draw(flat, palette, dpi=140, compact=True)
            found.append(figure(image, self._alt(flat, palette, clock), clock, kind="small"))
        return f'<div class="row">{"".join(found)}</div>' if found else ""

    def shade(self) -> str:
        """Return the map of hours of shade, an empty text where the run has no such hour."""
        layer = shade_hours(self.frame.result)
        if layer is None:
            return ""
        return self.large(layer, caption=self.frame.say("caption_shade", first=FROM, last=TO)) + self.steps(layer)

    def scene(
        self,
        layer: xr.DataArray | None,
        time: np.datetime64 | None,
        file: Path | None,
        plan: gpd.GeoDataFrame | None = None,
    ) -> tuple[str, str]:
        """Return the 3D picture, or an empty text and the reason why there is none.

        Parameters
        ----------
        layer : xarray.DataArray or None
            What colours the ground.
        time : numpy.datetime64 or None
            When, where the layer has several.
        file : pathlib.Path or None
            A picture that has been drawn already; it is taken as it is.
        plan : geopandas.GeoDataFrame, optional
            Watering plan whose trees are shown.
        """
        kind = (
            "_trees" if plan is not None else "_flood" if layer is not None and lies_on_ground(str(layer.name)) else ""
        )
        alt = self.frame.say(f"alt_scene{kind}", city=self.frame.place)
        caption = self.frame.say(f"caption_scene{kind}")
        if file is not None and file.is_file():
            return figure(_lighter(file), alt, caption, kind="scene"), ""
        if self.frame.result.city is None:
            return "", self.frame.say("no_scene_city")
        from twin.view.scenes import picture

        try:
            options: dict[str, Any] = {
                "language": self.frame.language,
                "timezone": self.frame.zone,
                "title": self.frame.place,
                "plan": plan,
            }
            pixels = picture(self.frame.result.city, layer, site=self.frame.result.site, time=time, **options)
        except (InputError, ImportError, OSError, RuntimeError) as error:
            return "", str(error)
        return figure(_webp(np.asarray(pixels)), alt, caption, kind="scene"), ""

    def _attribution(self) -> str:
        named = [str(v) for v in self.frame.result.sources.get("attribution", []) if str(v).strip()]
        return "; ".join(dict.fromkeys(named))[:110]

    def _alt(self, flat: xr.DataArray, palette: Palette, clock: str) -> str:
        values = maps.counted(flat, self.frame.result.site)
        if palette.style == "classes":
            shares = maps.shares_of_area(palette, flat, self.frame.result.site)
            order = [n for n in np.argsort(-shares) if shares[n] > 0]
            said = ", ".join(
                self.frame.say(
                    "alt_share", share=labels.share(float(shares[n]), self.frame.language), label=palette.labels[n]
                )
                for n in order
            )
            return self.frame.say("alt_map", name=palette.name, clock=clock, shares=said)
        low, high, mean = (
            labels.number(float(f(values)), 1, self.frame.language) for f in (np.nanmin, np.nanmax, np.nanmean)
        )
        name = f"{palette.name}, {clock}" if clock else palette.name
        return self.frame.say("alt_values", name=name, low=low, high=high, mean=mean, units=palette.units)


def swatch(palette: Palette, number: int) -> str:
    """Return the colours of a bin as the maps show them, side by side."""
    shades = ["#" + "".join(f"{int(part):02x}" for part in shade) for shade in palette.shades(number)]
    if len(shades) == 1:
        return f'<span class="swatch" style="background:{shades[0]}"></span>'
    wide = 100 / len(shades)
    stops = ", ".join(f"{shade} {i * wide:.0f}% {(i + 1) * wide:.0f}%" for i, shade in enumerate(shades))
    return f'<span class="swatch" style="background:linear-gradient(90deg, {stops})"></span>'


def _webp(pixels: np.ndarray) -> bytes:
    """Return pixels as a WebP file of good quality."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, np.ascontiguousarray(pixels), format="webp", pil_kwargs={"quality": 88, "method": 4})
    return buffer.getvalue()


def _lighter(file: Path) -> bytes:
    from matplotlib.image import imread

    return _webp((imread(file)[..., :3] * 255).round().astype(np.uint8))
