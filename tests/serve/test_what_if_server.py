"""Ideas over HTTP: the numbers of a run, bounds, the line, and an end where nobody reads."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import twin
from twin.scenario.interact import Session
from twin.scenario.schema import parse_scenario

TREES = {"kind": "plant_trees", "points": [[0.0, 0.0], [8.0, 6.0]]}
SQUARE = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]


def follow(device: httpx.Client, job: str) -> list[tuple[str, dict[str, Any]]]:
    events, name = [], ""
    with device.stream("GET", f"/api/what-if/{job}") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                events.append((name, json.loads(line[6:])))
    return events


def try_it(device: httpx.Client, *measures: dict[str, Any], **more: Any) -> list[tuple[str, dict[str, Any]]]:
    answer = device.post("/api/what-if", json={"measures": list(measures), **more})
    assert answer.status_code == 202, answer.text
    return follow(device, answer.json()["job"])


def unpacked(layer: dict[str, Any]) -> np.ndarray:
    raw = np.frombuffer(gzip.decompress(base64.b64decode(layer["data"])), np.uint8)
    values = layer["scale"]["offset"] + layer["scale"]["factor"] * raw.astype(float)
    return np.where(raw == layer["nodata"], np.nan, values).reshape(layer["grid"]["height"], layer["grid"]["width"])


def test_an_idea_answers_with_the_numbers_of_a_run(
    workshop_server: Any, samples: Path, kit: Any, session: Session
) -> None:
    device = workshop_server.device()
    events = try_it(device, TREES, time="2024-07-15T13:00Z", lang="en")
    names = [name for name, _ in events]
    assert names[-1] == "done"
    told = dict(events)
    assert "2 trees" in told["answer"]["text"]["en"]
    placed = {
        "kind": "plant_trees", "species": "Tilia tomentosa", "after": 20.0,
        "points": [[kit.origin[0] + x, kit.origin[1] + y] for x, y in TREES["points"]],
    }  # fmt: skip
    settings = {"name": "x", "baseline": "hitzetag.toml", "resolution": 2.0, "area": kit.area, "measure": [placed]}
    expected = twin.run(parse_scenario(settings, file=samples / "small.toml"), progress=False)
    layers = [data for name, data in events if name == "layer" and data["key"] == "utci"]
    assert len(layers) == expected.heat.sizes["time"]
    stamps = {f"{np.datetime_as_string(t, unit='m')}Z": i for i, t in enumerate(expected.heat["time"].values)}
    x, y = expected.heat["x"].values, expected.heat["y"].values
    for layer in layers:
        grid, values = layer["grid"], unpacked(layer)
        column = round((grid["x0"] + kit.origin[0] - (x[0] - 1.0)) / 2.0)
        row = round(((y[0] + 1.0) - grid["y0"] - kit.origin[1]) / 2.0)
        own = expected.heat["utci"].values[stamps[layer["time"]]][
            row : row + grid["height"], column : column + grid["width"]
        ]
        np.testing.assert_allclose(values, own, atol=layer["scale"]["factor"] * 0.51)
    costs = {row["key"]: row["values"]["draft"] for row in told["indicators"]["rows"]}
    assert costs["cost"] == expected.measures["cost"].sum()
    shown = expected.table("en").set_index("name")["value"]
    assert costs["hours_utci_above_32"] == pytest.approx(float(shown["hours_utci_above_32"]))
    change = next(data for name, data in events if name == "layer" and data["key"] == "utci_difference")
    assert np.nanmin(unpacked(change)) < -1.0
    assert session.planned([placed]).measure


def test_the_asked_hour_is_told_first(workshop_server: Any, session: Session) -> None:
    wanted = f"{session.times[9]:%Y-%m-%dT%H:%MZ}"
    events = try_it(workshop_server.device(), TREES, time=wanted)
    assert next(data["time"] for name, data in events if name == "layer") == wanted
    assert [name for name, _ in events].index("answer") < [name for name, _ in events].index("indicators")


def test_a_storm_says_that_it_is_an_estimate(workshop_server: Any) -> None:
    told = dict(try_it(workshop_server.device(), {"kind": "swale", "polygon": SQUARE}, storm=True))
    assert "Schätzung" in told["storm"]["note"]["de"]
    rows = {row["key"]: row for row in told["indicators"]["rows"]}
    assert rows["runoff"]["estimate"] is True
    assert rows["runoff"]["difference"]["draft"] < 0.0


def test_ideas_are_saved_compared_and_voted(workshop_server: Any) -> None:
    device, other = workshop_server.device(), workshop_server.device()
    job = device.post("/api/what-if", json={"measures": [TREES]}).json()["job"]
    events = follow(device, job)
    body = {"job": job, "title": "<b>Trees</b> by the bus", "author": "A."}
    assert other.post("/api/variants", json=body).status_code == 404, "another's idea"
    saved = device.post("/api/variants", json=body)
    assert saved.status_code == 201
    key, number = saved.json()["key"], saved.json()["id"]
    assert other.get(f"/api/variants/{number}").status_code == 404, "not published yet"
    own = device.get(f"/api/variants/{number}").json()
    assert len(own["layers"]) == sum(name == "layer" for name, _ in events)
    assert own["answer"] == dict(events)["answer"]["text"]
    workshop_server.moderate(key)
    listed = other.get("/api/variants").json()
    assert [one["key"] for one in listed] == [key]
    assert "layers" not in listed[0]
    assert other.post("/api/votes", json={"target": key, "value": 1}).json() == {"count": 1}
    page = other.get("/results?lang=en").text
    assert "&lt;b&gt;Trees&lt;/b&gt;" in page
    more = dict(try_it(other, {"kind": "shade_sail", "polygon": SQUARE}, variant_of=key))
    assert "2 Bäume" in more["answer"]["text"]["de"]
    assert "Sonnensegel" in more["answer"]["text"]["de"]
    assert other.post("/api/what-if", json={"measures": [TREES], "variant_of": "variant:999"}).status_code == 404


def test_what_may_not_be_placed_is_refused(workshop_server: Any) -> None:
    device = workshop_server.device()
    many = {"kind": "plant_trees", "points": [[i % 5 * 3.0, i // 5 * 3.0] for i in range(20)]}
    wide = {"kind": "shade_sail", "polygon": [[-40, -30], [40, -30], [40, 30], [-40, 30]]}
    for measure in (
        many,
        wide,
        {"kind": "plant_trees", "points": [[500.0, 0.0]]},
        {"kind": "demolish", "polygon": SQUARE},
        {"kind": "plant_trees", "polygon": SQUARE},
        {"kind": "unseal", "points": [[0, 0]]},
        {"kind": "plant_trees", "points": [["nan", 0]]},
        {"kind": "unseal", "polygon": [[0, 0], [1, 1]]},
    ):
        answer = device.post("/api/what-if", json={"measures": [measure]})
        assert answer.status_code == 422, measure
        assert len(answer.json()["error"]) > 10
    assert device.post("/api/what-if", json={"measures": [TREES] * 13}).status_code == 422
    crossing = {"kind": "unseal", "polygon": [[0, 0], [10, 10], [10, 0], [0, 10]]}
    assert try_it(device, crossing)[-1][0] == "failed"
    inside = {"kind": "green_roof", "building": "no such building"}
    for language, words in (("de", "Gebäude"), ("en", "building")):
        said = try_it(device, inside, lang=language)[-1][1]["error"]
        assert "no such building" in said
        assert words in said.replace("no such building", "")
        assert "[[measure]]" not in said
        assert ".toml" not in said
    dear = {"kind": "green_roof", "polygon": [[-49, -39], [49, -39], [49, 39], [-49, 39]]}
    assert try_it(device, dear, lang="en")[-1][0] == "failed"
    assert workshop_server.client().post("/api/what-if", json={"measures": [TREES]}).status_code == 401
    stranger = workshop_server.client(**{"x-device": "b" * 32})
    assert stranger.post("/api/what-if", json={"measures": [TREES]}).status_code == 401
    assert device.get("/api/what-if/unknown").status_code == 404


def test_the_work_ends_when_the_reader_goes(
    workshop_server: Any, kit: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, gate = workshop_server.service.workshop, threading.Event()
    steps = session.steps

    def slow(*args: Any, **options: Any) -> Any:
        for event in steps(*args, **options):
            yield event
            if event.kind == "layer":
                gate.wait(20)

    monkeypatch.setattr(session, "steps", slow)
    device = workshop_server.device()
    job = device.post("/api/what-if", json={"measures": [TREES]}).json()["job"]
    with device.stream("GET", f"/api/what-if/{job}") as answer:
        next(line for line in answer.iter_lines() if line == "event: layer")
    kit.wait_for(lambda: shop.jobs[job].gone)
    gate.set()
    kit.wait_for(lambda: shop.jobs[job].state == "gone")
    assert shop.counts["gone"] == 1
    assert shop.jobs[job].events == []


def test_the_line_is_bounded(workshop_server: Any, kit: Any, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, gate = workshop_server.service.workshop, threading.Event()
    steps = session.steps

    def waits(*args: Any, **options: Any) -> Any:
        gate.wait(30)
        yield from steps(*args, **options)

    monkeypatch.setattr(session, "steps", waits)
    shop.rules = shop.rules.model_copy(update={"queue": 3})
    device = workshop_server.device()
    body = {"measures": [TREES]}
    assert [device.post("/api/what-if", json=body).status_code for _ in range(3)] == [202, 202, 429], "two a device"
    kit.wait_for(lambda: sum(job.state == "running" for job in shop.jobs.values()) == 2)
    codes = [workshop_server.device().post("/api/what-if", json=body).status_code for _ in range(4)]
    assert codes == [202, 202, 202, 429], "three in line"
    gate.set()
    for job in list(shop.jobs):
        assert follow(device, job)[-1][0] == "done"


def test_a_computation_that_takes_too_long_is_ended(workshop_server: Any) -> None:
    shop = workshop_server.service.workshop
    shop.rules = shop.rules.model_copy(update={"seconds": 0.0})
    events = try_it(workshop_server.device(), TREES, lang="en")
    assert events[-1][0] == "failed"
    assert "too long" in events[-1][1]["error"]
