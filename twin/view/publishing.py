"""Hand-outs of a result by name: page, folder, poster, solid for 3D print, pictures, moving picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twin.scenario.results import Result

__all__ = ["ENDINGS", "publish"]

ENDINGS = {
    "single": ".html", "folder": "", "poster": ".pdf", "stl": ".stl", "3mf": ".3mf", "images": "-images", "movie": ".webp",
}  # fmt: skip


def publish(
    result: Result,
    place: Path,
    kind: str,
    *,
    against: Sequence[Result] = (),
    option: Any = True,
    language: str | None = None,
    alone: bool = True,
) -> Path:
    """Write one hand-out of a result and return its file or folder.

    Parameters
    ----------
    result : Result
        What is handed out.
    place : pathlib.Path
        File or folder; where several hand-outs share it (``alone`` is False) or it has no ending, the ending of the kind is
        added.
    kind : str
        One of ``ENDINGS``.
    against : sequence of Result
        Baseline and further variants, for pages.
    option : object
        Paper size of a poster.
    language : {"en", "de"}, optional
        Of posters and pictures.
    """
    ending = ENDINGS[kind]
    target = place if alone and (place.suffix == ending or not ending) else place.with_name(place.name + ending)
    others = list(against) or None
    if kind == "single":
        from twin.view.single_file import write_single_file

        return write_single_file(result, target, against=others)
    if kind == "folder":
        from twin.view.bundle import write_bundle

        return write_bundle(result, target, against=others)
    if kind == "poster":
        from twin.view.poster import write_poster

        return write_poster(result, target, paper=option, language=language)
    if kind in ("stl", "3mf"):
        from twin.view.solid import write_solid

        return write_solid(result.stored_city(), target, area=result_area(result))
    from twin.view.moving import write_images, write_movie

    return (
        write_movie(result, target, language=language)
        if kind == "movie"
        else write_images(result, target, language=language)
    )


def result_area(result: Result) -> tuple[float, float, float, float]:
    """Return west, south, east, north [m] of a result's grid."""
    x, y = result.site["x"].values.astype(float), result.site["y"].values.astype(float)
    half = abs(x[1] - x[0]) / 2
    return float(x[0] - half), float(y[-1] - half), float(x[-1] + half), float(y[0] + half)
