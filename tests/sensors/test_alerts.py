"""Alerts: hysteresis, duration, what is not believed, and that each is told once through real servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from twin.errors import InputError
from twin.sensors.alerts import Rule, evaluate, open_alerts
from twin.sensors.profile import read_profile
from twin.sensors.records import BITS, HOUR, MINUTE, Batch, Stream, Thing
from twin.sensors.store import SensorStore
from twin.sensors.telling import AlertBroker, Mail, tell

NOW = 1_720_000_000_000_000
HEAT = Rule(name="Heat", variable="air_temperature", on=32.0, off=30.0, minutes=30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SensorStore]:
    with SensorStore(str(tmp_path / "obs.db")) as opened:
        yield opened


def feed(store: SensorStore, values: list[float], station: str = "roof", *, last: int = NOW, **columns: Any) -> int:
    """Store values every ten minutes, the last one at a moment; good unless flags are given."""
    kind = columns.pop("station_class", "citizen")
    stream = Stream(f"{station}/air_temperature", station, "air_temperature", "degC", station_class=kind)
    number = store.add(stream, Thing(station, f"The {station}"))
    times = last - np.arange(len(values))[::-1] * 10 * MINUTE
    flag = np.asarray(columns.pop("flag", np.ones(len(values))), np.uint8)
    delay = columns.pop("delay", 0)
    store.ingest(Batch.of(np.full(len(values), number), times, values, times + delay, flag=flag, **columns))
    return number


def test_a_limit_must_hold_for_its_minutes_and_a_dip_starts_it_again(store: SensorStore) -> None:
    feed(store, [33, 33, 33])
    assert evaluate(store, [HEAT], NOW) == []  # 20 minutes
    feed(store, [31.9, 33, 33, 33], last=NOW + 40 * MINUTE)
    assert evaluate(store, [HEAT], NOW + 40 * MINUTE) == []
    feed(store, [32.0], last=NOW + 50 * MINUTE)
    (event,) = evaluate(store, [HEAT], NOW + 50 * MINUTE)
    assert (event.kind, event.value, event.moment, event.thing) == ("raised", 32.0, NOW + 50 * MINUTE, "roof")


def test_it_is_over_only_at_the_lower_limit_and_comes_again_as_another(store: SensorStore) -> None:
    feed(store, [33, 33, 33, 33])
    assert [event.kind for event in evaluate(store, [HEAT], NOW)] == ["raised"]
    feed(store, [31, 33, 30.5], last=NOW + 30 * MINUTE)
    assert evaluate(store, [HEAT], NOW + 30 * MINUTE) == []
    assert len(open_alerts(store)) == 1
    feed(store, [30.0, 33, 33, 33, 33], last=NOW + 80 * MINUTE)
    assert [event.kind for event in evaluate(store, [HEAT], NOW + 80 * MINUTE)] == ["cleared", "raised"]
    assert evaluate(store, [HEAT], NOW + 80 * MINUTE) == []


def test_a_rule_for_low_values(store: SensorStore) -> None:
    frost = Rule(name="Frost", variable="air_temperature", on=0.0, off=1.0)
    feed(store, [2, 0.5, -0.1])
    assert [event.value for event in evaluate(store, [frost], NOW)] == [-0.1]
    feed(store, [0.9, 1.0], last=NOW + 20 * MINUTE)
    assert [event.value for event in evaluate(store, [frost], NOW + 20 * MINUTE)] == [1.0]


@pytest.mark.parametrize(
    "columns",
    [
        {"flag": [4] * 4},
        {"flag": [3] * 4},
        {"flag": [2] * 4},
        {"bits": np.full(4, BITS["late"], np.uint32)},
        {"delay": 2 * HOUR},
        {"station_class": "test"},
        {"last": NOW - 26 * HOUR},
    ],
)
def test_what_is_flagged_late_old_or_on_a_bench_raises_nothing(store: SensorStore, columns: dict[str, Any]) -> None:
    feed(store, [40, 40, 40, 40], **columns)
    assert evaluate(store, [HEAT], NOW) == []
    feed(store, [40, 40, 40, 40], "other")
    assert [event.thing for event in evaluate(store, [HEAT], NOW)] == ["other"]  # the same values, believed


def test_silence_does_not_prove_that_a_limit_held(store: SensorStore) -> None:
    feed(store, [33, 33, 33], last=NOW - 60 * MINUTE)
    feed(store, [33], last=NOW)
    assert evaluate(store, [HEAT], NOW) == []


def test_a_flagged_value_does_not_end_an_alert(store: SensorStore) -> None:
    feed(store, [33, 33, 33, 33])
    assert len(evaluate(store, [HEAT], NOW)) == 1
    feed(store, [10], last=NOW + 10 * MINUTE, flag=[4])
    assert evaluate(store, [HEAT], NOW + 10 * MINUTE) == []


class Post:
    """Keeps what a mail server was given."""

    def __init__(self) -> None:
        self.letters: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (its own name there)
        self.letters.append(envelope.content.decode("utf-8"))
        return "250 OK"


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    from aiosmtpd.controller import Controller

    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=0)
    controller.port = __import__("socket").create_server(("127.0.0.1", 0)).getsockname()[1]
    controller.start()
    yield handler, controller.port
    controller.stop()


def test_each_alert_is_told_once_by_mail_and_broker_also_after_a_restart(
    tmp_path: Path, mosquitto: Any, post: tuple[Post, int]
) -> None:
    from paho.mqtt import client as paho

    heard: list[dict[str, Any]] = []
    ready, news = threading.Event(), threading.Event()
    ear = paho.Client(paho.CallbackAPIVersion.VERSION2)
    ear.on_subscribe = lambda *_: ready.set()
    ear.on_message = lambda _c, _u, message: (heard.append(json.loads(message.payload)), news.set())
    ear.connect("127.0.0.1", mosquitto.port)
    ear.subscribe("city/alerts", qos=1)
    ear.loop_start()
    assert ready.wait(20)
    rule = HEAT.model_copy(update={"to": ("log", "mqtt:city/alerts", "mail:control@example.org")})
    ways = {
        "mail": Mail(host="127.0.0.1", port=post[1], sender="twin@example.org", security="none"),
        "broker": AlertBroker(port=mosquitto.port),
    }
    url = str(tmp_path / "obs.db")
    with SensorStore(url) as store:
        feed(store, [33, 33, 33, 33.3])
        evaluate(store, [rule], NOW)
        told, failed = tell(store, [rule], now=NOW, language="en", **ways)
        assert (len(told), failed) == (3, [])
    with SensorStore(url) as store:  # a restart
        assert evaluate(store, [rule], NOW) == []
        assert tell(store, [rule], now=NOW, **ways) == ([], [])
    assert news.wait(20)
    ear.disconnect()
    ear.loop_stop()
    assert [(one["station"], one["event"], one["value"]) for one in heard] == [("roof", "raised", 33.3)]
    (letter,) = post[0].letters
    assert "Subject: Heat: The roof" in letter
    assert "33.3 degC" in letter


def test_what_could_not_be_sent_is_sent_later_and_once(tmp_path: Path, post: tuple[Post, int]) -> None:
    rule = HEAT.model_copy(update={"to": ("mail:control@example.org",)})
    away = Mail(host="127.0.0.1", port=1, sender="twin@example.org", security="none")
    with SensorStore(str(tmp_path / "obs.db")) as store:
        feed(store, [33, 33, 33, 33])
        evaluate(store, [rule], NOW)
        told, failed = tell(store, [rule], mail=away, now=NOW, language="en")
        assert told == []
        assert "tried again" in failed[0]
        there = away.model_copy(update={"port": post[1]})
        assert len(tell(store, [rule], mail=there, now=NOW)[0]) == 1
        assert tell(store, [rule], mail=there, now=NOW) == ([], [])
        with pytest.raises(InputError, match=r"\[alert_broker\]"):
            tell(store, [HEAT.model_copy(update={"to": ("mqtt:a",)})], now=NOW, language="en")
    assert len(post[0].letters) == 1


def test_secrets_come_from_the_environment_or_a_closed_file_only(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TWIN_LANG", "en")
    rule = HEAT.model_copy(update={"to": ("mail:control@example.org",)})
    mail = Mail(host="127.0.0.1", sender="a@b.org", user="u", password="open", security="none")
    open_file = tmp_path / "secret"
    open_file.write_text("x")
    open_file.chmod(0o644)
    with SensorStore(str(tmp_path / "obs.db")) as store:
        feed(store, [33, 33, 33, 33])
        evaluate(store, [rule], NOW)
        for given in ("open", "env:NOT_SET_ANYWHERE", f"file:{open_file}"):
            with pytest.raises(InputError):
                tell(store, [rule], mail=mail.model_copy(update={"password": given}), now=NOW)


def test_rules_in_a_profile(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TWIN_LANG", "en")
    head = 'store = "o.db"\n[[source]]\nkind = "files"\npath = "x"\nformat = "messages"\n'
    rule = '[[alert]]\nname = "Heat"\nvariable = "air_temperature"\non = 32\noff = 30\nminutes = 30\n'
    file = tmp_path / "p.toml"
    file.write_text(head + rule + 'to = ["mail:a@b.org"]\n[mail]\nhost = "h"\nsender = "t@b.org"\n')
    profile = read_profile(file)
    assert profile.alert[0].to == ("mail:a@b.org",)
    assert profile.mail is not None
    for wrong, words in (
        (rule + 'to = ["sms:1"]\n', "no way to tell"),
        (rule + 'to = ["mqtt:a/#"]\n', "no way to tell"),
        (rule.replace("30\nm", "32\nm"), "differ"),
        (rule + rule, "two alerts"),
    ):
        file.write_text(head + wrong)
        with pytest.raises(InputError, match=words):
            read_profile(file)
    with pytest.raises(ValidationError):
        Rule(name="x", variable="y", on=float("nan"), off=1.0)
