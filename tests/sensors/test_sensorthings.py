"""The SensorThings client on a server others wrote, and on one that fails in every recorded way."""

# ruff: noqa: ARG005  (answers take what was asked, whether they need it or not)

from __future__ import annotations

import http.server
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from twin.errors import InputError
from twin.sensors.sensorthings import SensorThings, quoted
from twin.sensors.stamps import parse_time


def post(root: str, path: str, body: object) -> Any:
    request = urllib.request.Request(f"{root}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        raw = answer.read()
        return json.loads(raw) if raw else None


def test_all_observations_of_a_real_server_come_once_in_our_unit(sta_server: str) -> None:
    point = {"type": "Point", "coordinates": [10.03, 51.23]}
    thing = {"name": "School", "description": "roof", "properties": {}, "Locations": [
        {"name": "School", "description": "-", "encodingType": "application/geo+json", "location": {"type": "Feature", "geometry": point, "properties": {}}}],
        "Datastreams": [{
            "name": "T", "description": "-", "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {"name": "Fahrenheit", "symbol": "degF", "definition": "x"}, "properties": {},
            "ObservedProperty": {"name": "air_temperature", "definition": "http://x/t", "description": "-", "properties": {}},
            "Sensor": {"name": "S", "description": "-", "encodingType": "text/html", "metadata": "-", "properties": {}}}]}  # fmt: skip
    post(sta_server, "Things", thing)
    client = SensorThings(sta_server)
    assert client.version() == "1.1"
    (stream,) = client.streams()
    rows = [
        [
            f"2024-07-01T{k // 60:02d}:{k % 60:02d}:00Z",
            f"2024-07-01T{k // 60:02d}:{k % 60:02d}:00Z",
            68 + k / 10,
            {"id": 0},
        ]
        for k in range(250)
    ]
    for row in rows[:250]:
        body = {
            "phenomenonTime": row[0],
            "resultTime": row[1],
            "result": row[2],
            "Datastream": {"@iot.id": stream["@iot.id"]},
        }
        post(sta_server, "Observations", body)
    readings, places = client.observations(stream)
    assert len(readings) == 250
    assert len({reading.time for reading in readings}) == 250
    assert readings[0].result == pytest.approx(20.0)
    assert readings[-1].result == pytest.approx((68 + 24.9 - 32) / 1.8)
    assert readings[0].time == parse_time("2024-07-01T00:00Z")
    assert (places[0].longitude, places[0].latitude, places[0].name) == (10.03, 51.23, "School")
    assert client.pages >= 3  # the server gives at most 100 a page


Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def odd_server() -> Iterator[tuple[str, list[str], Callable[[Callable[[str, int], Answer]], None]]]:
    """A server whose answers a test writes; it notes what was asked."""
    asked: list[str] = []
    behaviour: list[Callable[[str, int], Answer]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, body = behaviour[0](self.path, len(asked))
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1.1", asked, behaviour.append
    server.shutdown()
    server.server_close()


def page(ids: list[int], link: str | None = None) -> bytes:
    value = {"value": [{"@iot.id": k} for k in ids]} | ({"@iot.nextLink": link} if link else {})
    return json.dumps(value).encode()


def test_shifting_pages_unencoded_links_and_busy_servers_lose_nothing(odd_server: Any) -> None:
    root, asked, behave = odd_server

    def answer(path: str, count: int) -> Answer:
        if count in (2, 3):  # busy, then broken
            return (429 if count == 2 else 500), {"Retry-After": "0"}, b""
        if "skip=2" in path:
            return 200, {}, page([2, 3, 4], f"{root}/Things?$filter=name eq 'Öst & West'&$skip=4")
        if "skip=4" in path:
            return 200, {}, page([4, 5])
        return 200, {}, page([1, 2], f"{root}/Things?$skip=2")

    behave(answer)
    assert [entity["@iot.id"] for entity in SensorThings(root).entities("Things")] == [1, 2, 3, 4, 5]
    assert "%20eq%20'%C3%96st" in asked[-1]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, lambda root: page([1], f"{root}/Things"), "circle"),
        (200, lambda root: page([1], "http://169.254.169.254/v1.1/Things"), "another host"),
        (200, lambda root: b"<html>login</html>", "something else"),
        (200, lambda root: page([1])[:-4], "something else"),
        (200, lambda root: b"[1]", "something else"),
        (200, lambda root: b'{"value": {}}', "something else"),
        (401, lambda root: b"", "401"),
        (302, lambda root: b"", "302"),
    ],
)
def test_faults_of_servers_are_told(odd_server: Any, status: int, body: Callable[[str], bytes], words: str) -> None:
    root, _, behave = odd_server
    headers = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}
    behave(lambda path, count: (status, headers, body(root)))
    with pytest.raises(InputError, match=words):
        list(SensorThings(root).entities("Things"))


def test_version_two_is_refused_and_ids_cannot_break_out(odd_server: Any) -> None:
    root, _, behave = odd_server
    two = {"value": [], "serverSettings": {"conformance": ["http://www.opengis.net/spec/sensorthings/2.0/req/core"]}}
    behave(lambda path, count: (200, {}, json.dumps(two).encode()))
    with pytest.raises(InputError, match=r"2\.0"):
        SensorThings(root).version()
    assert quoted("x') or (1 eq 1") == "'x'') or (1 eq 1'"
    with pytest.raises(InputError, match="no address"):
        SensorThings("file:///etc/passwd")
