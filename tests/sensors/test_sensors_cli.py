"""The sensor commands: a replayed day through a real broker, status, export, closing and what goes wrong."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from twin.cli import main
from twin.sensors.ingest import ingest, replay
from twin.sensors.profile import read_profile
from twin.sensors.store import SensorStore


def twin(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["sensors", *words])
    return int(ended.value.code or 0)


def profile_in(folder: Path, samples: Path, port: int, client: str) -> Path:
    shutil.copy(samples / "sensoren.csv", folder)
    content = (samples / "sensoren.toml").read_text(encoding="utf-8")
    file = folder / "sensoren.toml"
    file.write_text(content.replace("port = 1883", f"port = {port}").replace("lindenau-twin", client), encoding="utf-8")
    return file


def play(profile: Path, samples: Path, port: int, speed: float) -> SensorStore:
    """Ingest in one thread while the day is played by another."""
    ready = threading.Event()

    def over(done: Any) -> bool:
        ready.set()
        return done.listeners[0].health.received >= 480

    thread = threading.Thread(target=ingest, args=(read_profile(profile), over))
    thread.start()
    assert ready.wait(20)
    assert replay(samples / "sensortag.jsonl", "127.0.0.1", port, speed=speed) == 480
    thread.join(60)
    return SensorStore(str(profile.parent / "sensoren.db"))


def test_a_replayed_day_gives_the_same_hours_at_any_speed(
    tmp_path: Path, samples: Path, mosquitto: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = []
    for speed in (1e9, 20_000.0):
        folder = tmp_path / f"{speed:.0f}"
        folder.mkdir()
        store = play(profile_in(folder, samples, mosquitto.port, f"day-{speed:.0f}"), samples, mosquitto.port, speed)
        rows = store.read()
        assert len(rows) == 960
        table = store.hourly(int(rows.time.min()), int(rows.time.max()) + 1)
        hours.append(b"".join(column.tobytes() for column in table.columns()))
        stuck = store.frame([store.stream_id("lindenau-07/air_temperature") or 0])
        assert (stuck["flag"].iloc[-6:] == 4).all()  # it has not moved since noon
        store.close()
    assert hours[0] == hours[1]
    url = str(folder / "sensoren.db")
    assert twin("status", url, "--lang", "en") == 0
    assert "lindenau-03/ai" in capsys.readouterr().out
    assert twin("export", url, str(tmp_path / "day.csv"), "--lang", "en") == 0
    exported = pd.read_csv(tmp_path / "day.csv")
    assert len(exported) == 960
    assert set(exported["flag"]) >= {1, 4}
    assert twin("close", url, "--days", "7", "--lang", "en") == 0
    assert "1 days" in capsys.readouterr().out
    assert len(SensorStore(url).read()) == 960
    assert twin("migrate", url) == 0


def test_mistakes_in_a_profile_are_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.toml"
    for content, words in (
        ("store = 'a.db'\n[[source]]\nkind = 'mqtt'\nport = 99999\n", "source.0.port"),
        ("store = 'a.db'\n[[source]]\nkind = 'files'\n", "needs path and format"),
        ("store = 'a.db'\n[[source]]\nkind = 'mqtt'\nuser = 'u'\npassword = 'open'\ntopic = 'x/+'\n", "env:NAME"),
        ("store = ", "no valid TOML"),
        ("store = 'a.db'\n[[source]]\nkind = 'mqtt'\nport = 1\ntopic = 'x/+'\n", "cannot be reached"),
    ):
        file.write_text(content)
        assert twin("ingest", "--profile", str(file), "--lang", "en") == 2
        said = capsys.readouterr().err
        assert words in said, said
        assert said.count("\n") == 1
