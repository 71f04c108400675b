"""The pictures of a report, each with a text alternative that says what it shows."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from models.layers import InputError
from twin.language import text
from twin.report.pieces import figure
from twin.report.shade import FROM, TO, shade_hours
from twin.view import labels, maps
from twin.view.moments import nearest_hour
from twin.view.palettes import Palette, palette_for

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["Pictures"]

HOURS = (10, 12, 14, 16, 18, 22)
"""Local hours of the small maps."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Draws the pictures of one report in one language.

    Parameters
    ----------
    result : Result
        A run.
    language : {"en", "de"}
        Language of the words in and about the pictures.
    """

    result: Result
    language: str

    @property
    def zone(self) -> str:
        """Local time zone."""
        return str(self.result.scenario.timezone)

    def _say(self, key: str, **values: Any) -> str:
        return text(f"report.{key}", self.language, **values)

    def _draw(self, layer: xr.DataArray, palette: Palette, *, dpi: int, **options: Any) -> bytes:
        shared: dict[str, Any] = {"site": self.result.site, "city": self.result.city, "timezone": self.zone}
        return maps.draw(layer, palette=palette, language=self.language, **shared, **options).png(dpi)

    def large(self, layer: xr.DataArray, time: np.datetime64 | None = None, *, caption: str = "") -> str:
        """Return a large map of a layer, at a time where it has several."""
        flat = layer.sel(time=time) if time is not None else layer
        palette = palette_for(flat, self.language)
        clock = labels.clock(time, self.language, self.zone) if time is not None else ""
        image = self._draw(flat, palette, dpi=140, source=self._attribution())
        name = palette.name
        return figure(
            image,
            self._alt(flat, palette, clock),
            caption or self._say("caption_map", name=name, clock=clock),
            kind="map",
        )

    def day(self, layer: xr.DataArray) -> str:
        """Return small maps of a layer at several hours of the day, as far as the run has them."""
        palette, found = palette_for(layer, self.language), []
        times = layer["time"].values
        for hour in HOURS:
            place = nearest_hour(times, hour, timezone=self.zone)
            if place is None:
                continue
            clock = labels.clock(times[place], self.language, self.zone)
            flat = layer.isel(time=place)
            image = self._draw(flat, palette, dpi=140, compact=True)
            found.append(figure(image, self._alt(flat, palette, clock), clock, kind="small"))
        return f'<div class="row">{"".join(found)}</div>' if found else ""

    def shade(self) -> str:
        """Return the map of hours of shade, an empty text where the run has no such hour."""
        layer = shade_hours(self.result)
        return "" if layer is None else self.large(layer, caption=self._say("caption_shade", first=FROM, last=TO))

    def scene(self, layer: xr.DataArray, time: np.datetime64, file: Path | None) -> tuple[str, str]:
        """Return the 3D picture, or an empty text and the reason why there is none.

        Parameters
        ----------
        layer : xarray.DataArray
            What colours the ground.
        time : numpy.datetime64
            When.
        file : pathlib.Path or None
            A picture that has been drawn already; it is taken as it is.
        """
        alt = self._say("alt_scene", city=self._place())
        caption = self._say("caption_scene")
        if file is not None and file.is_file():
            return figure(_lighter(file), alt, caption, kind="scene"), ""
        if self.result.city is None:
            return "", self._say("no_scene_city")
        from twin.view.scenes import picture

        try:
            options: dict[str, Any] = {"language": self.language, "timezone": self.zone, "title": self._place()}
            pixels = picture(self.result.city, layer, site=self.result.site, time=time, **options)
        except (InputError, ImportError, OSError, RuntimeError) as error:
            return "", str(error)
        return figure(_webp(np.asarray(pixels)), alt, caption, kind="scene"), ""

    def _place(self) -> str:
        city = self.result.city
        return str(
            city.name if city is not None and city.name else self.result.site.attrs.get("city") or self.result.name
        )

    def _attribution(self) -> str:
        named = [str(v) for v in self.result.sources.get("attribution", []) if str(v).strip()]
        return "; ".join(dict.fromkeys(named))[:110]

    def _alt(self, flat: xr.DataArray, palette: Palette, clock: str) -> str:
        values = maps.counted(flat, self.result.site)
        if palette.style == "classes":
            shares = palette.shares(values)
            order = [n for n in np.argsort(-shares) if shares[n] > 0]
            said = ", ".join(
                self._say("alt_share", share=labels.share(float(shares[n]), self.language), label=palette.labels[n])
                for n in order
            )
            return self._say("alt_map", name=palette.name, clock=clock, shares=said)
        low, high, mean = (
            labels.number(float(f(values)), 1, self.language) for f in (np.nanmin, np.nanmax, np.nanmean)
        )
        name = f"{palette.name}, {clock}" if clock else palette.name
        return self._say("alt_values", name=name, low=low, high=high, mean=mean, units=palette.units)


def _webp(pixels: np.ndarray) -> bytes:
    """Return pixels as a WebP file of good quality."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, np.ascontiguousarray(pixels), format="webp", pil_kwargs={"quality": 88, "method": 4})
    return buffer.getvalue()


def _lighter(file: Path) -> bytes:
    from matplotlib.image import imread

    return _webp((imread(file)[..., :3] * 255).round().astype(np.uint8))
