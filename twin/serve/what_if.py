"""Ideas computed for citizens: a bounded queue, few workers, answers streamed as they arise, and an end where nobody waits.

An idea is checked when it arrives (kinds, place, amount, number). It waits in line, is computed by one of the worker threads, whose
kernels hold no lock, and is told piece by piece. It ends when its reader has gone, when its time is up, or when no reader
has come.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import logging
import queue
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from twin.errors import InputError, sentence
from twin.language import speaking, text
from twin.scenario.interact import Cancelled, Event, Session
from twin.scenario.interact_words import TONGUES
from twin.serve.event import MeasureOffer, WhatIf
from twin.serve.requests import TriedMeasure, WhatIfBody

__all__ = ["Busy", "Job", "Workshop", "scenario_measures"]

_log = logging.getLogger(__name__)

_NO_READER = 20.0  # [s] a job waits for its first reader
_KEPT = 60  # finished jobs that may still be saved
_BOUND = 25.4  # [K] largest difference told


class Busy(Exception):  # noqa: N818
    """The line is full, or this device waits already."""


@dataclass(eq=False)
class Job:
    """One idea on its way."""

    id: str
    device: str
    body: WhatIfBody
    measures: list[dict[str, Any]]
    first: int | None
    made: float = field(default_factory=time.monotonic)
    state: str = "waiting"
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)
    gone: bool = False
    readers: int = 0
    seen: bool = False
    work: Iterator[Event] | None = None
    started: float = 0.0
    phase: int = 0
    """0 before the map is told, 1 before the numbers, 2 afterwards."""

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Add one event for the reader."""
        with self.news:
            self.events.append((name, data))
            self.news.notify_all()

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed", "gone")

    def wait(self, after: int, seconds: float) -> list[tuple[str, dict[str, Any]]]:
        """Return the events after some that are known, waiting for one."""
        with self.news:
            if len(self.events) <= after and not self.over:
                self.news.wait(seconds)
            return self.events[after:]


def _for_visitors(problem: str) -> str:
    """Return a problem of a measure without the places of a scenario file, which visitors do not know."""
    plain = re.sub(r"^\S+\.toml: ", "", problem)
    plain = re.sub(r"\[\[measure\]\] \d+ \([a-z_]+\): ", "", plain)
    return plain[:1].upper() + plain[1:]


class Workshop:
    """Computes ideas on prepared sessions.

    Parameters
    ----------
    session : Session
        The city and its day.
    rules : WhatIf
        What may be placed.
    origin : tuple of float
        East and north [m] that are (0, 0) in the browser.
    workers : int
        Ideas computed at once.
    """

    def __init__(self, session: Session, rules: WhatIf, origin: tuple[float, float], *, workers: int = 2) -> None:
        self.session, self.rules, self.origin = session, rules, origin
        self._line: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self._number = itertools.count()
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self.counts = {"done": 0, "failed": 0, "gone": 0}
        self.seconds: list[float] = []
        self._threads = [threading.Thread(target=self._work, name=f"what-if-{i}", daemon=True) for i in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def area(self) -> tuple[float, float, float, float]:
        """West, south, east, north [m] in which things may be placed."""
        if self.rules.area is not None:
            return self.rules.area
        x, y = self.session.site["x"].values, self.session.site["y"].values
        half = abs(float(x[1] - x[0])) / 2
        return float(x.min()) - half, float(y.min()) - half, float(x.max()) + half, float(y.max()) + half

    def close(self) -> None:
        """End the workers; what waits is dropped."""
        for job in list(self.jobs.values()):
            job.gone = True
        for _ in self._threads:
            self._line.put((9, next(self._number), None))

    def submit(self, body: WhatIfBody, device: str, before: Sequence[Mapping[str, Any]] = ()) -> Job:
        """Put an idea in line.

        Parameters
        ----------
        body : WhatIfBody
            What is placed, in local metres.
        device : str
            Who asks.
        before : sequence of mapping
            Measures of the variant that this idea is added to.

        Raises
        ------
        InputError
            If more is placed than may be, or elsewhere.
        Busy
            If the line is full, or the device has two ideas in it.
        """
        language = body.lang
        if len(body.measures) + len(before) > self.rules.most:
            raise InputError(text("participation.too_many", language, most=self.rules.most))
        offers: dict[str, MeasureOffer] = {one.kind: one for one in self.rules.measure}
        measures = [*map(dict, before), *scenario_measures(body.measures, offers, self.origin)]
        self._require_bounds(measures, offers, language)
        first = None
        if body.time is not None:
            stamps = [f"{time:%Y-%m-%dT%H:%MZ}" for time in self.session.times]
            first = stamps.index(body.time) if body.time in stamps else None
        job = Job(secrets.token_urlsafe(12), device, body, measures, first)
        with self._lock:
            waiting = [one for one in self.jobs.values() if one.state == "waiting" and not one.gone]
            own = [one for one in self.jobs.values() if one.device == device and not one.over and not one.gone]
            if len(waiting) >= self.rules.queue or len(own) >= 2:
                raise Busy
            self.jobs[job.id] = job
            while len(self.jobs) > _KEPT:
                oldest = next(iter(self.jobs))
                if not self.jobs[oldest].over:
                    break
                del self.jobs[oldest]
        job.tell("progress", {"share": 0.0, "text": self._words("progress_waiting", count=len(waiting))})
        self._line.put((0, next(self._number), job))
        return job

    def _require_bounds(
        self, measures: Sequence[Mapping[str, Any]], offers: Mapping[str, MeasureOffer], language: str
    ) -> None:
        """Raise where more is placed than the event offers, or outside its area."""
        west, south, east, north = self.area
        amounts: dict[str, float] = {}
        for one in measures:
            kind = str(one["kind"])
            if kind not in offers:
                raise InputError(text("participation.not_offered", language, kind=kind))
            corners = np.array([*one.get("points", ()), *one.get("polygon", ())], dtype=float).reshape(-1, 2)
            outside = (
                (corners[:, 0] < west) | (corners[:, 0] > east) | (corners[:, 1] < south) | (corners[:, 1] > north)
            )
            if outside.any():
                raise InputError(text("participation.outside", language))
            amount = float(len(one.get("points", ())))
            if "polygon" in one and kind != "green_roof":
                amount = shapely.Polygon(one["polygon"]).area
            amounts[kind] = amounts.get(kind, 0.0) + amount
            if amounts[kind] > offers[kind].max:
                key = "too_many_trees" if offers[kind].unit == "tree" else "too_much"
                raise InputError(text(f"participation.{key}", language, most=f"{offers[kind].max:g}"))

    def _work(self) -> None:
        while (job := self._line.get()[2]) is not None:
            if job.gone:
                self._end(job, "gone")
                continue
            job.state = "running"
            try:
                with speaking(job.body.lang):
                    done = self._advance(job)
                if done:
                    self._end(job, "done")
                    self.seconds = [*self.seconds[-199:], time.monotonic() - job.made]
                else:  # map or numbers are told; those who wait for theirs go first
                    self._line.put((job.phase, next(self._number), job))
            except Cancelled:
                if not job.gone:
                    job.tell("failed", {"error": text("participation.too_long", job.body.lang)})
                self._end(job, "gone" if job.gone else "failed")
            except InputError as error:
                job.tell("failed", {"error": _for_visitors(sentence(error, "en" if job.body.lang == "en" else "de"))})
                self._end(job, "failed")
            except Exception:
                _log.exception("An idea could not be computed.")
                job.tell("failed", {"error": text("participation.fault", job.body.lang)})
                self._end(job, "failed")

    def _end(self, job: Job, state: str) -> None:
        with job.news:
            job.state = state
            job.news.notify_all()
        job.work = None
        self.counts[state] += 1
        if state == "gone":
            job.events.clear()

    def _advance(self, job: Job) -> bool:
        """Work on an idea until it is done (True), or until its map or numbers are told and others wait for theirs."""
        if job.work is None:
            job.started = time.monotonic()
            job.work = self.session.steps(
                job.measures, storm=job.body.storm, first=job.first, cancelled=lambda: self._unwanted(job)
            )
        for event in job.work:
            for name, data in self._told(event):
                job.tell(name, data)
            if event.kind == "costs":
                self._require_budget(float(event.data["cost"].sum()), job)
            job.phase = max(job.phase, {"layer": 1, "indicators": 2}.get(event.kind, 0))
            ahead = self._line.queue[:1]
            if ahead and ahead[0][0] < job.phase:
                return False
        job.work = None
        job.tell("done", {"variant_draft": job.id})
        return True

    def _unwanted(self, job: Job) -> bool:
        """Whether nobody reads the answer, or it took too long."""
        spent = time.monotonic() - job.started
        return job.gone or (not job.seen and spent > _NO_READER) or spent > self.rules.seconds

    def _require_budget(self, cost: float, job: Job) -> None:
        if self.rules.budget is not None and cost > self.rules.budget:
            values = {"cost": f"{cost:,.0f}", "budget": f"{self.rules.budget:,.0f}"}
            raise InputError(text("participation.over_budget", job.body.lang, **values))

    def _words(self, key: str, **values: Any) -> dict[str, str]:
        return {tongue: text(f"interact.{key}", tongue, **values) for tongue in TONGUES}

    def _told(self, event: Event) -> list[tuple[str, dict[str, Any]]]:
        """Return an event of the session as the browser is told it."""
        if event.kind == "progress":
            share, key = event.data
            return [("progress", {"share": round(share, 3), "text": self._words(key)})]
        if event.kind == "layer":
            return self._layers(event.data)
        if event.kind == "answer":
            return [("answer", {"text": dict(event.data)})]
        if event.kind == "indicators":
            return [("indicators", {"rows": event.data})]
        if event.kind == "storm":
            return [("storm", {"note": event.data.note(), "rows": event.data.rows()})]
        return []

    def _layers(self, data: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        from twin.view.raster_bytes import NODATA, Scale, scale_for, to_bytes

        rows, columns = data["window"]
        if data["values"].size == 0:
            return []
        site = self.session.site
        x, y = site["x"].values.astype(float), site["y"].values.astype(float)
        cell = abs(float(x[1] - x[0]))
        grid = {
            "x0": round(float(x[columns.start]) - cell / 2 - self.origin[0], 3),
            "y0": round(float(y[rows.start]) + cell / 2 - self.origin[1], 3),
            "cell": cell,
            "width": int(columns.stop - columns.start),
            "height": int(rows.stop - rows.start),
        }
        every = self.session.day.result[data["name"]].values
        known = getattr(self, "_scale", None)
        if known is None:
            known = self._scale = scale_for(float(np.nanmin(every)) - 8.0, float(np.nanmax(every)) + 3.0)
        change = np.clip(data["values"] - data["before"], -_BOUND / 2, _BOUND / 2)
        told = []
        for key, values, scale in (
            (data["name"], data["values"], known),
            (f"{data['name']}_difference", change, Scale(-_BOUND / 2, _BOUND / 254)),
        ):
            packed = gzip.compress(to_bytes(values, scale).tobytes(), 2, mtime=0)
            told.append(
                (
                    "layer",
                    {
                        "key": key,
                        "time": f"{self.session.times[data['step']]:%Y-%m-%dT%H:%MZ}",
                        "grid": grid,
                        "scale": scale.as_dict(),
                        "nodata": NODATA,
                        "data": base64.b64encode(packed).decode("ascii"),
                    },
                )
            )
        return told


def scenario_measures(
    tried: Sequence[TriedMeasure], offers: Mapping[str, MeasureOffer], origin: tuple[float, float]
) -> list[dict[str, Any]]:
    """Return what was placed as ``[[measure]]`` tables of a scenario file.

    Parameters
    ----------
    tried : sequence of TriedMeasure
        In local metres.
    offers : mapping
        Kind to what the event offers.
    origin : tuple of float
        East and north [m] of the local frame.
    """
    found = []
    for one in tried:
        measure: dict[str, Any] = {"kind": one.kind}
        for name in ("points", "polygon"):
            places = getattr(one, name)
            if places is not None:
                measure[name] = [[round(x + origin[0], 3), round(y + origin[1], 3)] for x, y in places]
        if one.building is not None:
            measure["ids"] = [one.building]
        if one.kind == "plant_trees":
            offer = offers.get(one.kind)
            measure["species"] = one.species or (offer.species if offer is not None else "Tilia cordata")
            measure["after"] = offer.after if offer is not None else 20.0
            if one.height is not None:
                measure["height"] = one.height
        elif one.kind == "shade_sail" and one.height is not None:
            measure["height"] = one.height
        found.append(measure)
    return found
