"""The report of a run: one HTML file that opens anywhere, without internet and without JavaScript.

Plain words first, then maps, then numbers, then what they rest on: gaps, sources, method. Every picture has a text
alternative and its numbers as a table; the page prints on A4.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import twin
from twin.language import default_language
from twin.report import evidence
from twin.report.chapters import Chapters
from twin.report.frame import Frame
from twin.report.pieces import section
from twin.report.storm import Storm
from twin.report.trees import Trees
from twin.report.ways import Ways
from twin.view import labels

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["write_report"]


def write_report(
    result: Result,
    path: str | Path,
    *,
    language: str | None = None,
    picture: bool | Path = True,
    other: str | None = None,
) -> Path:
    """Write the report of a run as one HTML file.

    Parameters
    ----------
    result : Result
        A run, from ``twin.run`` or opened from its folder.
    path : str or pathlib.Path
        HTML file to write; an older one is replaced when the new one is complete.
    language : {"de", "en"}, optional
        Language of the page.
    picture : bool or pathlib.Path
        Whether a 3D picture is drawn, or the file of one drawn before. A ``scene.png`` beside ``path`` is used.
    other : str, optional
        File name of the same report in the other language, for a link at the top.

    Returns
    -------
    pathlib.Path
        The file.

    Examples
    --------
    >>> write_report(twin.run("hitzetag.toml"), "bericht.html", language="de")  # doctest: +SKIP
    """
    target = Path(path)
    beside = target.with_name("scene.png")
    drawn = picture if isinstance(picture, Path) else (beside if beside.is_file() else None)
    frame = Frame(result, language or default_language())
    document = _html(frame, Chapters(frame, drawn, picture is not False), other)
    temporary = target.with_name(f".{target.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    return target


def _html(frame: Frame, chapters: Chapters, other: str | None) -> str:
    """Return the whole page."""
    order = _order(frame, chapters)
    made = [(name, build()) for name, build in order]
    parts = [(name, content) for name, content in made if content]
    links = "".join(f'<li><a href="#{name}">{escape(frame.say(f"h_{name}"))}</a></li>' for name, _ in parts)
    kinds = [kind for kind, data in (("heat", frame.result.heat), ("storm", frame.result.water)) if data.data_vars]
    kinds += ["trees"] if _watered(frame) else []
    kinds += ["ways"] if "mobility" in frame.result.datasets else []
    title = _title(frame, kinds)
    subtitle = _subtitle(frame, chapters)
    template = Template(resources.files("twin.report").joinpath("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        language=frame.language,
        title=escape(title),
        heading=escape(title),
        description=escape(subtitle, quote=True),
        subtitle=escape(subtitle),
        skip=escape(frame.say("skip")),
        contents=escape(frame.say("contents"), quote=True),
        links=links,
        other=_other_language(frame, other),
        body="\n".join(section(name, frame.say(f"h_{name}"), content) for name, content in parts),
        made_with=escape(frame.say("made_with", version=twin.__version__)),
    )


def _title(frame: Frame, kinds: list[str]) -> str:
    """Return the heading: the run, and what the report is about."""
    words = [frame.say(f"kind_{kind}") for kind in kinds]
    about = f" {frame.say('and')} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return frame.say("title", name=frame.result.name, about=about)


def _order(frame: Frame, chapters: Chapters) -> list[tuple[str, Callable[[], str]]]:
    """Return the chapters of the page: those of what was run, then what they rest on."""
    heat, storm = bool(frame.result.heat.data_vars), Storm(frame, chapters.pictures)
    flood = bool(frame.result.water.data_vars)
    first = [chapters.summary] if heat else []
    if flood:
        first.append(partial(storm.summary, with_check=not heat))
    trees = Trees(frame) if _watered(frame) else None
    if trees is not None:
        first.append(partial(trees.summary, with_check=not heat and not flood))
    ways = Ways(frame) if "mobility" in frame.result.datasets else None
    of_ways: list[tuple[str, Callable[[], str]]] = []
    if ways is not None:
        first.append(partial(ways.summary, with_check=not first))
        of_ways = [("routes", ways.routes), ("streets", ways.streets), ("access", ways.access), ("help", ways.help),
                   ("traffic", ways.traffic)]  # fmt: skip
    of_trees: list[tuple[str, Callable[[], str]]] = []
    if trees is not None:
        of_trees = [("thirsty", trees.thirsty), ("litres", trees.litres), ("tours", trees.tours)]
        alone = not heat and not flood  # else the picture drawn before shows heat or flood
        if chapters.with_scene or (alone and chapters.drawn is not None):
            of_trees.insert(1, ("trees_scene", partial(trees.scene, chapters.drawn if alone else None)))
    of_heat: list[tuple[str, Callable[[], str]]] = [
        ("hottest", chapters.hottest),
        ("day", chapters.day),
        ("classes", chapters.classes_by_hour),
        ("pet", partial(chapters.layer, "pet")),
        ("pt", partial(chapters.layer, "pt")),
        ("wbgt", partial(chapters.layer, "wbgt")),
        ("tmrt", chapters.tmrt),
        ("ground", partial(chapters.layer, "surface_temperature")),
        ("air", chapters.air),
        ("shade", chapters.shade),
        ("scene", chapters.scene),
    ]
    of_storm: list[tuple[str, Callable[[], str]]] = [
        ("depth", storm.depth),
        ("danger", storm.danger),
        ("arrival", storm.arrival),
        ("reached", storm.reached),
        ("balance", storm.water_balance),
    ]
    if flood and not heat and (chapters.with_scene or chapters.drawn is not None):
        of_storm.append(("scene", partial(storm.scene, chapters.drawn)))
    evidence_of: list[tuple[str, Callable[[], str]]] = [
        ("indicators", partial(evidence.indicators, frame)),
        ("check", partial(evidence.check, frame)),
        ("gaps", partial(evidence.gaps, frame)),
        ("sources", partial(evidence.sources, frame)),
        (
            "method",
            lambda: (
                evidence.method(frame)
                + (storm.method() if flood else "")
                + (trees.method() if trees else "")
                + (ways.method() if ways else "")
            ),
        ),
    ]
    summary = ("summary", lambda: "".join(part() for part in first))
    return [summary, *(of_heat if heat else []), *(of_storm if flood else []), *of_trees, *of_ways, *evidence_of]


def _watered(frame: Frame) -> bool:
    return "trees" in frame.result.datasets and "trees_plan" in frame.result.features


def _other_language(frame: Frame, file: str | None) -> str:
    if not file:
        return ""
    code = "de" if frame.language == "en" else "en"
    place = escape(file, quote=True)
    return (
        f'<a class="language" lang="{code}" hreflang="{code}" href="{place}">{escape(frame.say("other_language"))}</a>'
    )


def _subtitle(frame: Frame, chapters: Chapters) -> str:
    site = frame.result.site
    size = labels.area(site.sizes["x"] * site.sizes["y"] * frame.cell**2, frame.language)
    if not frame.result.heat.data_vars:
        return frame.say("subtitle_storm", city=frame.place, cell=frame.cell_text(), area=size)
    first = chapters.facts.hottest if chapters.facts else frame.result.heat["time"].values[0]
    day = labels.day(first, frame.language, frame.zone)
    return frame.say("subtitle", city=frame.place, day=day, cell=frame.cell_text(), area=size)
