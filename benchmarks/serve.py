"""The server under visitors: 200 read and 20 write at once, and ideas of one and of five people, on loopback.

Run ``python benchmarks/serve.py [--seconds 20] [--write docs/validation/serve.md]``. It starts ``twin serve`` on the sample district
(500 m x 500 m at 1 m) in a process of its own. Readers and writers are one asyncio process beside it, on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "data" / "samples"
READ = ("/api/comments", "/api/votes", "/list?lang=de", "/api/event", "/data/manifest.json", "/", "/results?lang=en")
PAUSE = 1.0  # [s] between two requests of one visitor


class Visitor:
    """One connection that asks and measures."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.times: list[float] = []
        self.faults: list[str] = []

    async def open(self) -> None:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(
        self, method: str, path: str, body: Any = None, token: str = "", moderator: str = ""
    ) -> tuple[int, bytes]:
        """Send one request and return status and body."""
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n" if body is not None else ""
        head += f"X-Device: {token}\r\n" if token else ""
        head += f"Authorization: Bearer {moderator}\r\n" if moderator else ""
        start = time.perf_counter()
        self.writer.write(head.encode() + b"\r\n" + data)
        line = await self.reader.readline()
        status, length = int(line.split()[1]), 0
        while (one := await self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = one.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        answer = await self.reader.readexactly(length)
        self.times.append(time.perf_counter() - start)
        if status >= 400:
            self.faults.append(f"{method} {path} {status}")
        return status, answer


async def read(port: int, end: float) -> Visitor:
    one = Visitor(port)
    await one.open()
    await asyncio.sleep(random.random() * PAUSE)
    while time.perf_counter() < end:
        await one.ask("GET", random.choice(READ))
        await asyncio.sleep(PAUSE * (0.5 + random.random()))
    return one


async def write(port: int, end: float, number: int, kept: set[str]) -> Visitor:
    one = Visitor(port)
    await one.open()
    token = json.loads((await one.ask("POST", "/api/device", {}))[1])["token"]
    count = 0
    while time.perf_counter() < end:
        if count % 2 and kept:
            await one.ask("POST", "/api/votes", {"target": "comment:1", "value": random.choice((1, -1))}, token)
        else:
            words = f"visitor {number} comment {count}"
            comment = {"x": random.uniform(-100, 100), "y": random.uniform(-100, 100), "topic": "shade", "text": words}
            status, _ = await one.ask("POST", "/api/comments", comment, token)
            if status == 202:
                kept.add(words)
        count += 1
        await asyncio.sleep(PAUSE * (0.5 + random.random()))
    return one


async def publish_one(port: int) -> None:
    """Publish the comment that writers vote for."""
    one = Visitor(port)
    await one.open()
    token = json.loads((await one.ask("POST", "/api/device", {}))[1])["token"]
    await one.ask("POST", "/api/comments", {"x": 0, "y": 0, "topic": "shade", "text": "the first"}, token)
    await one.ask("POST", "/api/moderation/comment:1", {"state": "approved"}, moderator="benchmark-token")
    assert not one.faults


async def crowd(port: int, seconds: float) -> tuple[list[float], list[float], list[str], set[str]]:
    await publish_one(port)
    end, kept = time.perf_counter() + seconds, set()
    readers = [read(port, end) for _ in range(200)]
    writers = [write(port, end, number, kept) for number in range(20)]
    found = await asyncio.gather(*readers, *writers)
    reading = [t for one in found[:200] for t in one.times]
    writing = [t for one in found[200:] for t in one.times]
    return reading, writing, [fault for one in found for fault in one.faults], kept


async def idea(port: int, points: list[list[float]], storm: bool) -> tuple[float, float, float]:
    """Return the seconds to the map, to the sentence and numbers of the heat, and to the end."""
    one = Visitor(port)
    await one.open()
    token = json.loads((await one.ask("POST", "/api/device", {}))[1])["token"]
    start = time.perf_counter()
    body = {"measures": [{"kind": "plant_trees", "points": points}], "storm": storm}
    status, answer = await one.ask("POST", "/api/what-if", body, token)
    assert status == 202, answer
    one.writer.write(f"GET /api/what-if/{json.loads(answer)['job']} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    seen: dict[str, float] = {}
    while line := await one.reader.readline():
        if line.startswith(b"event: "):
            seen.setdefault(line[7:].strip().decode(), time.perf_counter() - start)
        if b"event: done" in line:
            break
        assert b"event: failed" not in line
    one.writer.close()
    return seen["layer"], seen["indicators"], time.perf_counter() - start


async def ideas(port: int, people: int, rounds: int, storm: bool = False) -> list[tuple[float, float, float]]:
    found = []
    for turn in range(rounds):
        places = [[[-30.0 + 13 * i + 0.3 * turn, -70.0 + 9 * i]] for i in range(people)]
        found += await asyncio.gather(*(idea(port, one, storm) for one in places))
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        event = Path(folder) / "event.toml"
        text = (SAMPLES / "beteiligung.toml").read_text(encoding="utf-8").replace("per_minute = 10", "per_minute = 600")
        event.write_text(text.replace('"starkregen.toml"', f'"{SAMPLES / "starkregen.toml"}"'), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "twin.cli",
            "serve",
            str(SAMPLES / "hitzetag.toml"),
            "--what-if",
            "--event",
            str(event),
        ]
        environment = os.environ | {"TWIN_MODERATION_TOKEN": "benchmark-token", "TWIN_LANG": "en"}
        server = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True, env=environment)
        assert server.stdout is not None
        for line in server.stdout:
            if "/moderation" in line:
                break
        try:
            rows = asyncio.run(measured(port, options.seconds))
        finally:
            server.terminate()
            server.wait(30)
    table = "\n".join(
        f"| {' | '.join(row)} |" for row in [("figure", "measured", "goal"), ("---", "---", "---"), *rows]
    )
    print(table)
    if options.write is not None:
        before, _, after = options.write.read_text(encoding="utf-8").partition("<!-- figures -->\n")
        rest = after.partition("<!-- end of figures -->")[2]
        options.write.write_text(f"{before}<!-- figures -->\n{table}\n<!-- end of figures -->{rest}", encoding="utf-8")


async def measured(port: int, seconds: float) -> list[tuple[str, str, str]]:
    await ideas(port, 1, 1)  # what is compiled on first use
    alone, five, storm = await ideas(port, 1, 8), await ideas(port, 5, 5), await ideas(port, 1, 4, storm=True)
    reading, writing, faults, kept = await crowd(port, seconds)
    moderator = Visitor(port)
    await moderator.open()
    moderator.writer.write(
        b"GET /api/moderation HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer benchmark-token\r\n\r\n"
    )
    length = 0
    while (line := await moderator.reader.readline()) not in (b"\r\n", b""):
        length = int(line.split(b":")[1]) if line.lower().startswith(b"content-length") else length
    waiting = {one["text"] for one in json.loads(await moderator.reader.readexactly(length)) if "text" in one}

    def told(found: list[tuple[float, float, float]]) -> str:
        maps, numbers, ends = zip(*found, strict=True)
        middle = " / ".join(f"{statistics.median(one):.2f}" for one in (maps, numbers, ends))
        return f"{middle} s, p95 {' / '.join(f'{percentile(list(one), 0.95):.2f}' for one in (maps, numbers, ends))} s"

    rate = (len(reading) + len(writing)) / seconds
    return [
        ("tree placed to map / numbers / end of the day, one person", told(alone), "map and numbers <= 2 s"),
        ("the same, five people at once", told(five), "p95 <= 4 s"),
        ("the same with a storm, one person", told(storm), "-"),
        (
            f"200 readers: p50 / p95 of {len(reading):,} answers",
            f"{1e3 * statistics.median(reading):.0f} / {1e3 * percentile(reading, 0.95):.0f} ms",
            "p95 < 300 ms",
        ),
        (
            f"20 writers: p50 / p95 of {len(writing):,} answers",
            f"{1e3 * statistics.median(writing):.0f} / {1e3 * percentile(writing, 0.95):.0f} ms",
            "p95 < 300 ms",
        ),
        ("requests a second", f"{rate:.0f}", "-"),
        ("answers of 400 or more", str(len(faults)), "0"),
        (f"acknowledged comments that are missing, of {len(kept)}", str(len(kept - waiting)), "0"),
    ]


if __name__ == "__main__":
    main()
