"""A real Chromium, and a small made result in memory: the middle of the sample district on an invented hot day."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import twin
from twin.scenario.indicators import site_indicators
from twin.scenario.measures import empty_report
from twin.scenario.results import Result
from twin.scenario.schema import Scenario

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
PATIENCE = 120_000  # [ms] a loaded machine draws slowly; nothing waits longer than it needs


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def client() -> Path:
    """The built browser view."""
    from twin.errors import InputError
    from twin.view.web import client_files

    try:
        return client_files()
    except InputError as error:
        _missing(str(error))
        raise


def _heat(site: xr.Dataset, cooler: float) -> xr.Dataset:
    """Return an invented day: warmer at noon, 5 K cooler under crowns, and cooler in the middle of the area."""
    hours = pd.date_range("2022-07-19T06:00", periods=6, freq="2h")
    base = 24.0 + 14.0 * np.sin(np.linspace(0.2, 2.6, len(hours)))
    shade = np.where(site["canopy_height"].values > 0, 5.0, 0.0)
    rows, columns = site.sizes["y"], site.sizes["x"]
    middle = np.zeros((rows, columns))
    middle[rows // 3 : 2 * rows // 3, columns // 3 : 2 * columns // 3] = cooler
    field = base[:, None, None] - shade - middle
    field = np.where(site["building_id"].values > 0, np.nan, field).astype(np.float32)
    coords = {"time": hours.values, "y": site["y"], "x": site["x"]}
    return xr.Dataset({"utci": (("time", "y", "x"), field, {"units": "degC", "long_name": "UTCI"})}, coords=coords)


@pytest.fixture(scope="session")
def results() -> tuple[Result, Result]:
    """A baseline and a variant with eight more trees."""
    city = twin.load(SAMPLES / "city.toml", area=(571_860.0, 5_676_370.0, 572_060.0, 5_676_570.0))
    site = city.rasterise(resolution=2.0)
    import geopandas as gpd
    import shapely

    extra = city.trees.iloc[:8].copy()
    extra["id"] = [f"new-{k}" for k in range(8)]
    extra["geometry"] = shapely.points(571_930.0 + 8.0 * np.arange(8), 5_676_470.0)
    grown = city.replace(trees=gpd.GeoDataFrame(pd.concat([city.trees, extra], ignore_index=True), crs=city.trees.crs))
    made = []
    for name, body, cooler in (("Heute", city, 0.0), ("Platz 2035", grown, 3.0)):
        made.append(
            Result(
                name=name,
                scenario=Scenario(name=name, city="city.toml", weather={"path": "weather.csv", "interval": "end"}),
                datasets={"site": site, "heat": _heat(site, cooler)},
                indicators=site_indicators(site),
                gaps=city.gaps,
                sources=city.sources,
                provenance={},
                measures=empty_report(),
                city=body,
            )
        )
    return made[0], made[1]


@pytest.fixture(scope="session")
def single_file(results: tuple[Result, Result], client: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one-file page of the variant against its baseline."""
    from twin.view.single_file import write_single_file

    target = tmp_path_factory.mktemp("single") / "platz.html"
    return write_single_file(results[1], target, against=results[0])


class Visit:
    """One page in the browser, without a network, with what it has asked for and complained about."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        size = options.pop("size", (900, 640))
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            offline=True,
            locale="de-DE",
            reduced_motion="reduce",
            **options,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda note: self.faults.append(note.text) if note.type == "error" else None)
        self.page.goto(address)
        self.wait("window.twin !== undefined")
        self.settle()

    def settle(self) -> dict[str, Any]:
        """Wait until everything asked for is on the screen, and return the counts of the last frame."""
        return self.page.evaluate("window.twin.settled.then((stats) => ({...stats}))")

    def wait(self, condition: str) -> None:
        """Wait until a condition holds, looked at every frame (the page's own policy forbids Playwright's way to poll)."""
        look = f"const look = () => ({condition}) ? done() : setTimeout(look, 20); look();"
        self.page.evaluate(f"new Promise((done) => {{ {look} }})")

    def set(self, patch: str) -> None:
        """Change the state of the page as its controls do."""
        self.page.evaluate(f"window.twin.set({patch})")
        self.settle()

    def state(self, key: str) -> Any:
        return self.page.evaluate(f"window.twin.state.{key}")

    def close(self) -> None:
        self.context.close()


@pytest.fixture(scope="session")
def visit(chromium: Any) -> type:
    """Open pages: ``visit(address, size=(320, 640))``."""

    class Opened(Visit):
        def __init__(self, address: str, **options: Any) -> None:
            super().__init__(chromium, address, **options)

    return Opened
