"""Views: tiles a second, first complete frame, calls and triangles a frame, sizes, requests, a still picture.

``python benchmarks/views.py --write docs/validation/views.md`` runs everything; needs Chromium and Playwright. Software
rendering, no graphics card.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import platform
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "view"))
sys.path.insert(0, str(ROOT / "tests" / "browser"))

FLAGS = [
    *(
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--ignore-gpu-blocklist",
        "--disable-quic",
        "--no-first-run",
    ),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def made_result(side: int, hours: int, name: str, cooler: float = 0.0) -> Any:
    """Return a result with ``side``² buildings every 20 m, a sloping ground and an invented day on a grid of 5 m."""
    from test_tiles3d import many_houses

    from models.layers import LAND_COVER
    from twin.scenario.measures import empty_report
    from twin.scenario.results import Result
    from twin.scenario.schema import Scenario

    city = many_houses(side)
    size = 20 * side
    x = 390_000 + np.arange(2.5, size, 5.0)
    y = 5_820_012 - np.arange(2.5, size, 5.0)
    xx, yy = np.meshgrid(x, y)
    column, row = ((xx - 390_000) // 20).astype(int), ((5_820_012 - yy) // 20).astype(int)
    inside = (np.mod(xx - 390_000, 20) < 9) & (np.mod(5_820_012 - yy, 20) < 12)
    number = np.where(inside, row * side + column + 1, 0).astype(np.int32)
    ground = (34.0 + 0.001 * (xx - x[0])).astype(np.float32)
    layers = {
        "terrain_height": ground,
        "surface_height": np.where(number > 0, ground + 9, ground).astype(np.float32),
        "canopy_height": np.zeros_like(ground),
        "building_id": number,
        "land_cover": np.where(number > 0, LAND_COVER["building"], LAND_COVER["grass"]).astype(np.uint8),
    }
    site = xr.Dataset({key: (("y", "x"), value) for key, value in layers.items()}, {"y": y, "x": x}).rio.write_crs(
        25833
    )
    times = pd.date_range("2022-07-19T00:00", periods=hours, freq="h")
    wave = 24 + 12 * np.sin(np.linspace(-1.2, 4.6, hours))
    rough = 3.0 * np.sin(xx / 37.0) * np.cos(yy / 53.0)
    field = wave[:, None, None] + rough - cooler * (np.hypot(xx - xx.mean(), yy - yy.mean()) < 150)
    field = np.where(number > 0, np.nan, field).astype(np.float32)
    heat = xr.Dataset({"utci": (("time", "y", "x"), field, {"units": "degC"})}, {"time": times.values, "y": y, "x": x})
    return Result(
        name=name,
        scenario=Scenario(name=name, city="city.toml", weather={"path": "weather.csv", "interval": "end"}),
        datasets={"site": site, "heat": heat},
        indicators=pd.DataFrame(columns=["name", "label", "unit", "time", "value", "share", "uncertainty"]),
        gaps=city.gaps,
        sources=city.sources,
        provenance={},
        measures=empty_report(),
        city=city,
    )


def tiles_per_second(side: int = 224) -> float:
    """Return buildings written a second, the best of three."""
    from test_tiles3d import many_houses

    from twin.view.tiles3d import write_tiles

    best = 0.0
    for _ in range(3):
        city = many_houses(side)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            write_tiles(city, folder)
            best = max(best, side * side / (time.perf_counter() - started))
    return best


def first_frame(browser: Any, address: str) -> dict[str, Any]:
    """Open a page twice (the second time counts) and return the time of its first complete frame and its counts."""
    for _ in range(2):
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        page = context.new_page()
        page.set_default_timeout(180_000)
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(address)
        page.wait_for_function("window.twin !== undefined")
        stats = page.evaluate("window.twin.settled.then((s) => ({...s}))")
        own = address.split("/", 3)[:3]
        stats["foreign"] = sum(url.split("/", 3)[:3] != own for url in asked if not url.startswith(("data:", "blob:")))
        context.close()
    return dict(stats)


def serve(folder: Path) -> str:
    """Serve a folder on loopback and return its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/"


def still(side: int = 224) -> float:
    """Return the seconds of a PyVista still of many buildings, after a small one has loaded the libraries."""
    from test_tiles3d import many_houses

    from twin.view.scenes import picture

    with tempfile.TemporaryDirectory() as folder:
        picture(many_houses(8), None, Path(folder) / "small.png")
        city = many_houses(side)
        started = time.perf_counter()
        picture(city, None, Path(folder) / "large.png")
        return time.perf_counter() - started


def measure() -> list[tuple[str, str, str]]:
    """Run everything and return rows: what, found, goal."""
    from playwright.sync_api import sync_playwright

    from twin.view.bundle import write_bundle
    from twin.view.single_file import write_single_file
    from twin.view.web import client_files

    rows = [("tiles written, 50,176 buildings", f"{tiles_per_second():,.0f} buildings/s", ">= 50,000/s")]
    script = gzip.compress((client_files() / "assets" / "app.js").read_bytes(), 9)
    rows.append(("JavaScript, gzip", f"{len(script) / 1024:.0f} KB", "<= 250 KB"))
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        folder = Path(temporary)
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS, chromium_sandbox=False)
        for side, goal in ((71, "1.5 s (floor 4)"), (224, "2.5 s (floor 10)")):
            write_bundle(made_result(side, 3, "Raster"), folder / str(side))
            found = first_frame(browser, serve(folder / str(side)))
            count = f"{side * side:,} buildings"
            rows += [
                (f"first complete frame, {count}", f"{found['firstComplete'] / 1000:.1f} s", goal),
                (f"draw calls a frame, {count}", f"{found['calls']}", "<= 150"),
                (f"triangles a frame, {count}", f"{found['triangles']:,}", "<= 1,000,000"),
                (f"requests to other hosts, {count}", f"{found['foreign']}", "0"),
            ]
        one = write_single_file(
            made_result(71, 24, "Neu", 2.0), folder / "one.html", against=made_result(71, 24, "Heute")
        )
        rows.append(
            ("one file, 5,041 buildings, 24 h, 2 variants", f"{one.stat().st_size / 1e6:.2f} MB", "<= 4 MB (aim 1.5)")
        )
        found = first_frame(browser, one.as_uri())
        rows.append(("first complete frame of the one file", f"{found['firstComplete'] / 1000:.1f} s", "-"))
        browser.close()
    rows.append(("PyVista still, 50,176 buildings", f"{still():.1f} s", "<= 2 s"))
    return rows


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    rows = measure()
    lines = ["| | found | goal |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    print("\n".join(lines))
    target = parser.parse_args().write
    if target:
        head = [
            "# Views: figures",
            "",
            "`python benchmarks/views.py --write docs/validation/views.md`. Real Chromium with software rendering "
            "(SwiftShader, 1280 x 720, shadows on), two cores, no graphics card, page from loopback; the counts of calls and "
            "triangles include the shadow pass and do not depend on the machine.",
            "",
            f"Python {platform.python_version()}, {platform.machine()}.",
            "",
        ]
        target.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
