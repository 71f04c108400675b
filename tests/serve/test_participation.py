"""Comments, votes, surveys, moderation, deletion and exports over real HTTP; and what must not get through."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime as dt
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import pyogrio
import pytest

from twin.errors import InputError
from twin.serve.event import read_event
from twin.serve.participation.store import Participation

COMMENT = {"x": 3.0, "y": -4.0, "topic": "shade", "text": "A bench, please."}
EVIL = "<img src=x onerror=\"alert(1)\"><script>alert('x')</script> 'quoted' & \"double\" {braces}"


def test_a_comment_is_read_before_it_is_published(server: Any) -> None:
    device = server.device()
    answer = device.post("/api/comments", json=COMMENT)
    assert answer.status_code == 202
    assert answer.json()["state"] == "pending"
    assert device.get("/api/comments").json() == []
    number = answer.json()["id"]
    assert device.get("/api/mine").json() == {"entries": [f"comment:{number} pending"]}
    assert httpx.get(f"{server.url}/api/moderation").status_code == 401
    assert httpx.post(f"{server.url}/api/moderation/{number}", json={"state": "approved"}).status_code == 401
    assert server.moderate(str(number)) == 200
    found = device.get("/api/comments").json()
    assert [one["text"] for one in found] == ["A bench, please."]
    assert found[0]["hour"].endswith(":00Z")
    assert "device" not in found[0]
    assert server.moderate(f"comment:{number}", "rejected") == 200
    assert device.get("/api/comments").json() == []


def test_what_citizens_write_stays_text(server: Any) -> None:
    number = server.device().post("/api/comments", json=COMMENT | {"text": EVIL}).json()["id"]
    pending = httpx.post(f"{server.url}/moderation", data={"token": "moderators-token"}, headers={"origin": server.url})
    server.moderate(str(number))
    for page in (
        pending,
        *(httpx.get(f"{server.url}/{one}?lang={lang}") for one in ("list", "results") for lang in ("de", "ls")),
    ):
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert "<script" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
    assert "&lt;script&gt;" in httpx.get(f"{server.url}/list").text
    reflected = httpx.get(f"{server.url}/list?lang=%22%3E%3Cscript%3E").text
    assert "<script" not in reflected


def test_other_sites_cannot_act(server: Any) -> None:
    device = server.device()
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert device.post("/api/comments", json=COMMENT, headers=headers).status_code == 403, headers
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert device.post("/list", content="text=x", headers=form).status_code == 403
    assert device.post("/api/comments", content="{}", headers={"content-type": "text/plain"}).status_code == 415
    assert device.delete("/api/mine", headers={"origin": "https://evil.example"}).status_code == 403
    assert device.post("/api/comments", json=COMMENT, headers={"origin": server.url}).status_code == 202
    assert httpx.get(f"{server.url}/health", headers={"host": "evil.example"}).status_code == 421


def test_no_cookie_no_address_no_minute_is_kept(server: Any, tmp_path: Path) -> None:
    device = server.device()
    answers = [
        device.post("/api/comments", json=COMMENT),
        device.get("/"),
        device.get("/list"),
        device.get("/api/event"),
    ]
    assert all("set-cookie" not in one.headers for one in answers)
    stored = sqlite3.connect(tmp_path / "entries.db")
    text = "\n".join(stored.iterdump())
    assert "127.0.0.1" not in text
    assert device.headers["x-device"] not in text, "only a fingerprint of the token is kept"
    hours = [row[0] for row in stored.execute("SELECT hour FROM participation_comments")]
    assert all(one.endswith(":00Z") for one in hours)


def test_a_device_votes_once_however_often_it_sends(server: Any) -> None:
    device = server.device()
    number = device.post("/api/comments", json=COMMENT).json()["id"]
    vote = {"target": f"comment:{number}", "value": 1}
    assert device.post("/api/votes", json=vote).status_code == 404, "not published yet"
    server.moderate(str(number))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        counts = [one.json()["count"] for one in pool.map(lambda _: device.post("/api/votes", json=vote), range(16))]
    assert set(counts) == {1}
    assert server.device().post("/api/votes", json={**vote, "value": -1}).json() == {"count": 0}
    assert device.post("/api/votes", json={**vote, "value": 0}).json() == {"count": -1}
    assert device.get("/api/votes").json() == {f"comment:{number}": {"for": 0, "against": 1, "sum": -1}}
    assert device.post("/api/votes", json={**vote, "target": "comment:99999"}).status_code == 404
    stranger = server.client(**{"x-device": "a" * 32})
    assert stranger.post("/api/votes", json=vote).status_code == 401


def test_eight_writers_at_once_lose_nothing(server: Any) -> None:
    def write(number: int) -> list[int]:
        device = server.device()
        return [device.post("/api/comments", json=COMMENT | {"text": f"{number} {i}"}).json()["id"] for i in range(10)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        numbers = [one for part in pool.map(write, range(8)) for one in part]
    assert len(set(numbers)) == 80
    kept = {one["text"] for one in server.service.entries.everything("comment")}
    assert kept == {f"{number} {i}" for number in range(8) for i in range(10)}


def test_a_flood_is_slowed_down(tmp_path: Path, samples: Path, kit: Any) -> None:
    service = kit.bare_service(tmp_path / "page", samples)
    with kit.running(service) as server:
        device = server.device()
        answers = [device.post("/api/comments", json=COMMENT) for _ in range(24)]
        assert [one.status_code for one in answers[:10]] == [202] * 10
        refused = [one for one in answers if one.status_code == 429]
        assert len(refused) >= 3
        assert int(refused[0].headers["retry-after"]) >= 1
        assert server.device().post("/api/comments", json=COMMENT).status_code == 202, "others in the hall are not"
        guesses = [
            httpx.get(f"{server.url}/api/moderation", headers={"authorization": f"Bearer {i}"}) for i in range(14)
        ]
        assert guesses[-1].status_code == 429
    with kit.running(service, reads=kit.pace(1, 5)) as server:
        assert 429 in [httpx.get(f"{server.url}/health").status_code for _ in range(8)]
    service.entries.close()


def test_bad_bodies_are_refused_in_one_sentence(server: Any) -> None:
    device = server.device()
    bad: list[tuple[str, Any, int]] = [
        ("/api/comments", COMMENT | {"text": ""}, 422),
        ("/api/comments", COMMENT | {"text": "x" * 1001}, 422),
        ("/api/comments", COMMENT | {"x": 5000.0}, 422),
        ("/api/comments", COMMENT | {"topic": "nothing"}, 422),
        ("/api/comments", COMMENT | {"more": 1}, 422),
        ("/api/comments", COMMENT | {"variant": "variant:77"}, 404),
        ("/api/votes", {"target": "comment:1", "value": 2}, 422),
        ("/api/votes", {"target": "comment:1;drop", "value": 1}, 422),
        ("/api/survey", {"answers": {"heat": 9}}, 422),
        ("/api/survey", {"answers": {"visits": "never"}}, 422),
        ("/api/variants", {"job": "unknown-job", "title": "x"}, 404),
        ("/api/what-if", {"measures": []}, 404),
    ]
    for path, body, status in bad:
        answer = device.post(path, json=body)
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), (path, body, answer.text)
    assert (
        device.post("/api/comments", content=b"{not json", headers={"content-type": "application/json"}).status_code
        == 422
    )
    large = device.post("/api/comments", content=b"x" * 70000, headers={"content-type": "application/json"})
    assert large.status_code == 413
    assert device.post("/api/comments?lang=ls", json=COMMENT | {"x": 5000.0}).json()["error"].startswith("Dieser Ort")
    assert device.post("/api/comments?lang=en", json=COMMENT | {"x": 5000.0}).json()["error"].startswith("That lies")
    assert device.put("/api/comments", json={}).status_code == 405


def test_the_survey_is_answered_once_and_evaluated(server: Any) -> None:
    device = server.device()
    assert [one["key"] for one in device.get("/api/survey").json()["questions"]] == ["visits", "heat"]
    assert device.post("/api/survey", json={"answers": {"visits": "daily", "heat": 2}}).status_code == 202
    assert device.post("/api/survey", json={"answers": {"visits": "weekly", "heat": 5}}).status_code == 202
    assert server.service.entries.surveys() == [{"visits": "weekly", "heat": 5}]
    page = httpx.get(f"{server.url}/results?lang=en").text
    assert "every week" in page
    assert "100 %" in page


def test_own_entries_are_deleted_with_all_that_hangs_on_them(server: Any) -> None:
    one, other = server.device(), server.device()
    number = one.post("/api/comments", json=COMMENT).json()["id"]
    server.moderate(str(number))
    other.post("/api/votes", json={"target": f"comment:{number}", "value": 1})
    one.post("/api/survey", json={"answers": {"heat": 1}})
    assert one.delete("/api/mine").json()["deleted"]["participation_comments"] == 1
    assert one.get("/api/comments").json() == []
    counts = server.service.entries.counts()
    assert (counts["votes"], counts["surveys"], counts["devices"]) == (0, 0, 1)
    assert one.post("/api/comments", json=COMMENT).status_code == 401


def test_after_the_retention_date_all_is_gone(tmp_path: Path, samples: Path, kit: Any) -> None:
    service = kit.bare_service(tmp_path / "page", samples)
    token = service.entries.new_device()
    service.entries.add_comment(token, x=0, y=0, variant="", topic="shade", text="old")
    service.event = service.event.model_copy(update={"retention_date": dt.date(2020, 1, 1)})
    from twin.serve.opening import _keep_dates

    ended = _keep_dates(service)
    kit.wait_for(lambda: service.entries.counts()["devices"] == 0)
    ended.set()
    with kit.running(service) as server:
        assert httpx.post(f"{server.url}/api/device", json={}).status_code == 410
        assert server.client(**{"x-device": token}).post("/api/comments", json=COMMENT).status_code == 410
    service.entries.close()


def test_exports_hold_places_and_no_formulas(server: Any, kit: Any, tmp_path: Path) -> None:
    device = server.device()
    device.post("/api/comments", json=COMMENT | {"text": '=HYPERLINK("http://evil")'})
    assert httpx.get(f"{server.url}/api/export").status_code == 401
    key = {"authorization": f"Bearer {kit.token}"}
    table = httpx.get(f"{server.url}/api/export?format=csv", headers=key)
    assert "'=HYPERLINK" in table.content.decode("utf-8-sig")
    file = tmp_path / "export.gpkg"
    file.write_bytes(httpx.get(f"{server.url}/api/export?format=gpkg", headers=key).content)
    frame = gpd.read_file(file, layer="comments")
    assert frame.crs.to_epsg() == 25832
    assert frame.geometry.iloc[0].coords[0] == (kit.origin[0] + 3.0, kit.origin[1] - 4.0)
    assert {"comments", "variants"} <= set(pyogrio.list_layers(file)[:, 0])
    assert httpx.get(f"{server.url}/api/export?format=exe", headers=key).status_code == 422


def test_a_form_without_a_script_works_and_tells_its_code(server: Any) -> None:
    fields = {"place": "1.0,2.0", "topic": "shade", "text": "by form"}
    answer = httpx.post(f"{server.url}/list?lang=en", data=fields, headers={"origin": server.url})
    assert answer.status_code == 202
    code = answer.text.split("<code>")[1].split("</code>")[0]
    assert server.service.entries.own(code) == ["comment:1 pending"]
    wrong = httpx.post(f"{server.url}/list", data={**fields, "text": ""}, headers={"origin": server.url})
    assert wrong.status_code == 422
    assert 'role="alert"' in wrong.text


def test_moderation_by_form(server: Any, kit: Any) -> None:
    number = server.device().post("/api/comments", json=COMMENT).json()["id"]
    door = {"origin": server.url}
    assert httpx.post(f"{server.url}/moderation", data={"token": "wrong"}, headers=door).status_code == 401
    page = httpx.post(f"{server.url}/moderation", data={"token": kit.token}, headers=door).text
    assert f'value="comment:{number}"' in page
    decided = {"token": kit.token, "entry": f"comment:{number}", "state": "approved"}
    assert httpx.post(f"{server.url}/moderation", data=decided, headers=door).status_code == 200
    assert len(server.service.entries.published("comment")) == 1


_VOTER = """
import sys
from twin.serve.participation.store import Participation
store = Participation(sys.argv[1])
token = store.new_device()
number = store.add_comment(token, x=0, y=0, variant="", topic="t", text="x")
store.decide("comment", number, "approved")
for i in range(100000):
    voter = store.new_device()
    store.vote(voter, f"comment:{number}", 1)
    print(i + 1, flush=True)
"""


def test_a_kill_in_the_middle_of_votes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'votes.db'}"
    voting = subprocess.Popen([sys.executable, "-c", _VOTER, url], stdout=subprocess.PIPE, text=True)
    assert voting.stdout is not None
    acknowledged = 0
    for line in voting.stdout:
        acknowledged = int(line)
        if acknowledged >= 25:
            break
    os.kill(voting.pid, signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in voting.stdout if line.strip().isdigit())])
    voting.wait()
    again = Participation(url)
    assert again.votes()["comment:1"]["sum"] >= acknowledged
    assert again.vote(again.new_device(), "comment:1", 1) >= acknowledged + 1
    again.close()


def test_events_and_stores_that_are_wrong_are_told(tmp_path: Path) -> None:
    file = tmp_path / "event.toml"
    file.write_text('title = "x"\n[what_if]\nbudgt = 3\n[[question]]\nkey = "q"\nlabel = "?"\n')
    with pytest.raises(InputError, match=r"options.*budgt"):
        read_event(file)
    with pytest.raises(InputError, match="TOML"):
        read_event(tmp_path / "none.toml")
    (tmp_path / "no.db").write_text("this is no database, only words that are long enough to be read")
    with pytest.raises(InputError, match="cannot be opened"):
        Participation(f"sqlite:///{tmp_path / 'no.db'}")
    store = Participation(f"sqlite:///{tmp_path / 'old.db'}")
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE participation_state SET value = '99'")
    with pytest.raises(InputError, match="version 99"):
        Participation(f"sqlite:///{tmp_path / 'old.db'}")


def test_slow_and_broken_clients_are_hung_up_on(tmp_path: Path, samples: Path, kit: Any) -> None:
    service = kit.bare_service(tmp_path / "page", samples)
    with kit.running(service, patience=0.5, seconds=0.5) as server:
        silent, head, body = (socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(3))
        head.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-")
        body.sendall(
            b"POST /api/device HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
        for one in (silent, head):
            with contextlib.suppress(ConnectionResetError):
                assert one.recv(100) == b""
        assert b" 408 " in body.recv(4096)
        garbage = socket.create_connection(("127.0.0.1", server.port), 30)
        garbage.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert garbage.recv(100).startswith((b"HTTP/1.1 400", b""))
        assert httpx.get(f"{server.url}/health").status_code == 200
        for one in (silent, head, body, garbage):
            one.close()
    service.entries.close()
