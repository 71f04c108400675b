"""Files, pages, live sensors, the description of the interface, and the command."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import twin
from twin.sensors.records import Batch, Stream, Thing
from twin.serve.live import Live
from twin.serve.openapi import description

PAGES = ("list", "results", "moderation", "privacy", "accessibility", "about")


def _raw(port: int, target: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as one:
        one.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := one.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_files_are_packed_known_again_and_never_from_outside(server: Any) -> None:
    first = httpx.get(f"{server.url}/assets/app.js")
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"].startswith("text/javascript")
    assert "immutable" in first.headers["cache-control"]
    again = httpx.get(f"{server.url}/assets/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = httpx.get(f"{server.url}/assets/app.js", headers={"accept-encoding": "identity"})
    assert plain.content == first.content
    assert plain.headers["etag"] != first.headers["etag"]
    assert httpx.get(f"{server.url}/").text.startswith("<!doctype html>")
    for target in (
        "/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/data/../../outside.txt", "/data/.hidden", "//etc/passwd",
        "/data/%2e%2e%2f%2e%2e%2foutside.txt", "/..%5coutside.txt", "/data", "/nothing", "/%00", "/assets/app.js/", "/C:/x",
    ):  # fmt: skip
        answer = _raw(server.port, target)
        assert b"secret" not in answer, target
        assert not answer.startswith(b"HTTP/1.1 5"), target
    assert b" 404 " in _raw(server.port, "/data/.hidden")


def test_a_link_out_of_the_folder_is_not_followed(server: Any, tmp_path: Path) -> None:
    (tmp_path / "page" / "data" / "link.txt").symlink_to(tmp_path / "outside.txt")
    assert httpx.get(f"{server.url}/data/link.txt").status_code == 404


class _Audit(HTMLParser):
    """Finds what a reader of a page stumbles over."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["de", "en", "ls"])
def test_pages_are_whole_in_every_language(server: Any, page: str, language: str) -> None:
    answer = httpx.get(f"{server.url}/{page}?lang={language}")
    assert answer.status_code == 200
    audit = _Audit()
    audit.feed(answer.text)
    tags = [tag for tag, _ in audit.tags]
    assert (tags.count("h1"), tags.count("main"), tags.count("title")) == (1, 1, 1)
    assert dict(audit.tags)["html"]["lang"] == {"de": "de", "en": "en", "ls": "de"}[language]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    named = {attrs.get("for") for tag, attrs in audit.tags if tag == "label"}
    fields = [
        attrs for tag, attrs in audit.tags if tag in ("input", "select", "textarea") and attrs.get("type") != "hidden"
    ]
    assert all(attrs.get("id") in named for attrs in fields)
    ids = [attrs["id"] for _, attrs in audit.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert "style" not in {name for _, attrs in audit.tags for name in attrs}, "the policy allows no inline style"
    assert not [tag for tag in tags if tag in ("script", "iframe", "object")]
    outside = [
        attrs[name]
        for _, attrs in audit.tags
        for name in ("href", "src")
        if str(attrs.get(name, "")).startswith("http")
    ]
    assert outside == [], "nothing is asked of others"
    assert "{" not in re.sub(r"<[^>]*>", "", answer.text)


def test_the_style_has_contrast() -> None:
    from importlib import resources

    css = resources.files("twin.serve.pages").joinpath("pages.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css))

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        high, low = sorted((light(one), light(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for ink in ("ink", "link"):
        for paper in ("paper", "soft"):
            assert contrast(colours[ink], colours[paper]) >= 4.5
    assert contrast(colours["line"], colours["paper"]) >= 3.0
    assert contrast(colours["ink"], colours["mark"]) >= 4.5


def test_health_metrics_and_event(server: Any) -> None:
    assert httpx.get(f"{server.url}/health").json() == {"status": "ok"}
    server.device().post("/api/comments", json={"x": 0, "y": 0, "topic": "shade", "text": "x"})
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    assert 'twin_entries{kind="comment_pending"} 1' in lines
    assert all(re.fullmatch(r'#.*|[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.]+', line) for line in lines)
    event = httpx.get(f"{server.url}/api/event").json()
    assert event["title"]["de"].startswith("Mehr Schatten")
    assert event["what_if"]["enabled"] is False
    assert [one["key"] for one in event["participation"]["topics"]] == ["shade", "water", "stay"]


def test_live_sensors_and_sensor_things(tmp_path: Path, samples: Path, kit: Any) -> None:
    from pyproj import CRS

    store = twin.SensorStore(f"sqlite:///{tmp_path / 'obs.db'}")
    roof = Thing("roof", "Roof of the school", 10.02, 51.23)
    number = store.add(Stream("roof/air_temperature", "roof", "air_temperature", "degC"), roof)
    hidden = store.add(
        Stream("home/air_temperature", "home", "air_temperature", "degC"), Thing("home", "A home", privacy="private")
    )
    store.ingest(Batch.of([number, number, hidden], [0, 60_000_000, 0], [20.5, 20.7, 19.0]))
    service = kit.bare_service(tmp_path / "page", samples)
    service.live = Live(store, CRS.from_epsg(25832), kit.origin)
    with kit.running(service) as server:
        latest = httpx.get(f"{server.url}/api/latest").json()
        assert list(latest) == ["roof/air_temperature"], "private homes are not shown"
        assert (latest["roof/air_temperature"]["value"], latest["roof/air_temperature"]["time"]) == (
            20.7,
            "1970-01-01T00:01:00Z",
        )
        assert abs(latest["roof/air_temperature"]["x"]) < 1e5
        with httpx.stream("GET", f"{server.url}/api/live", timeout=30) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: latest"
            assert json.loads(next(lines)[6:]) == latest
            store.ingest(Batch.of([number], [120_000_000], [21.9]))
            news = next(line for line in lines if line.startswith("data: "))
            assert json.loads(news[6:])["roof/air_temperature"]["value"] == 21.9
        base = f"{server.url}/api/sta/v1.1"
        assert [one["name"] for one in httpx.get(base).json()["value"]] == ["Things", "Datastreams"]
        things = httpx.get(f"{base}/Things").json()
        assert (things["@iot.count"], things["value"][0]["name"]) == (1, "Roof of the school")
        link = things["value"][0]["Datastreams"][0]["Observations@iot.navigationLink"]
        found = httpx.get(link, params={"$top": "1"}).json()
        assert (found["@iot.count"], found["value"][0]["result"]) == (3, 21.9)
        for nothing in (
            "Datastreams(99)",
            f"Datastreams({hidden})",
            "Datastreams(x)",
            "Sensors",
            "Datastreams(1)/Things",
        ):
            assert httpx.get(f"{base}/{nothing}").status_code == 404
        assert "21,9" in httpx.get(f"{server.url}/list?lang=de").text
    store.close()
    service.entries.close()


def test_the_description_names_what_is_there(server: Any) -> None:
    document = httpx.get(f"{server.url}/api/openapi.json").json()
    assert document == json.loads(json.dumps(description()))
    app = server.service
    assert app is not None
    for path, calls in document["paths"].items():
        for method in calls:
            target = path.replace("{number}", "1").replace("{job}", "unknown").replace("{entry}", "comment:1")
            if target == "/api/live":
                continue
            status = httpx.request(method, f"{server.url}{target}").status_code
            assert status not in (405, 500), (method, path)
            assert str(status) in calls[method]["responses"], (method, path, status)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def _example(schema: dict[str, Any], parts: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that fit a schema nearly: right in its outline, strange in its values."""
    if "$ref" in schema:
        return _example(parts[schema["$ref"].rsplit("/", 1)[1]], parts)
    if "anyOf" in schema:
        return st.one_of([_example(one, parts) for one in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        own = {
            name: _example(one, parts) | (_JSON if name == "text" else st.nothing())
            for name, one in schema["properties"].items()
        }
        return st.fixed_dictionaries(own)
    if kind == "array":
        inner = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        low = 2 if "prefixItems" in schema else 0
        return st.lists(_example(inner, parts), min_size=low, max_size=max(low, 3))
    if kind == "string":
        return st.text(max_size=40) | (
            st.from_regex(schema["pattern"], fullmatch=True) if "pattern" in schema else st.nothing()
        )
    if kind == "integer":
        return st.integers(-10, 10)
    if kind == "number":
        return st.floats(-1e7, 1e7, allow_nan=False)
    return _JSON


def test_no_body_makes_the_server_stumble(server: Any) -> None:
    device, parts = server.device(), description()["components"]["schemas"]
    posts = {
        path: calls["post"] for path, calls in description()["paths"].items() if "requestBody" in calls.get("post", {})
    }
    device.headers["authorization"] = "Bearer moderators-token"
    server.service.tries = type(server.service.tries)(1e9, 1e9)
    for path, call in posts.items():
        schema = call["requestBody"]["content"]["application/json"]["schema"]
        _stumble(device, path.replace("{entry}", "comment:1"), set(call["responses"]), _example(schema, parts) | _JSON)


def _stumble(device: httpx.Client, target: str, allowed: set[str], bodies: st.SearchStrategy[Any]) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
    @given(body=bodies)
    def check(body: Any) -> None:
        answer = device.post(target, content=json.dumps(body).encode(), headers={"content-type": "application/json"})
        assert str(answer.status_code) in allowed, (target, body, answer.text)
        answer.json()

    check()


@pytest.mark.slow
def test_the_command_serves_a_saved_result_and_ends_on_a_signal(tmp_path: Path, samples: Path) -> None:
    from twin.scenario.schema import parse_scenario

    scenario = {
        "name": "x",
        "baseline": "hitzetag.toml",
        "resolution": 4.0,
        "area": [571880.0, 5676340.0, 571980.0, 5676420.0],
    }
    twin.run(parse_scenario(scenario, file=samples / "small.toml"), output=tmp_path / "result", progress=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    event = tmp_path / "event.toml"
    event.write_bytes((samples / "beteiligung.toml").read_bytes().replace(b'storm = "starkregen.toml"', b""))
    command = [sys.executable, "-m", "twin.cli", "serve", str(tmp_path / "result"), "--what-if", "--event", str(event)]
    options = ["--port", str(port), "--lang", "en"]
    environment = os.environ | {"TWIN_MODERATION_TOKEN": "a-token-of-some-length"}
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=tmp_path
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "/moderation" in line:
            break
    assert any(f"http://127.0.0.1:{port}" in line for line in said), said
    url = f"http://127.0.0.1:{port}"
    event_told = httpx.get(f"{url}/api/event", timeout=60).json()
    assert event_told["what_if"]["enabled"] is True
    manifest = httpx.get(f"{url}/data/manifest.json", timeout=60).json()
    assert manifest["version"] == 1
    layer = next(one for one in manifest["layers"] if one["key"] == "utci")
    packed = httpx.get(f"{url}/data/{layer['files']['baseline']}", timeout=60).content
    assert len(gzip.decompress(packed)) == layer["grid"]["width"] * layer["grid"]["height"] * len(layer["times"])
    assert httpx.get(f"{url}/list?lang=de", timeout=60).text.count("<table>") == 1
    process.send_signal(signal.SIGINT)
    assert process.wait(60) in (0, 130)
    assert (tmp_path / "event.db").is_file()


def test_mistakes_at_the_command_are_sentences(tmp_path: Path, samples: Path) -> None:
    from typer.testing import CliRunner

    from twin.cli import app
    from twin.errors import InputError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = CliRunner().invoke(app, ["serve", str(samples / "hitzetag.toml"), "--port", port])
    assert isinstance(answer.exception, InputError)
    assert port in str(answer.exception)
    (tmp_path / "short").write_text("abc")
    answer = CliRunner().invoke(
        app, ["serve", str(samples / "hitzetag.toml"), "--moderation-token", str(tmp_path / "short")]
    )
    assert "12" in str(answer.exception)
