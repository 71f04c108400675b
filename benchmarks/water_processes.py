"""Rain, losses and blue-green measures against reference values; writes docs/validation/water_processes.md.

Needs the reference values beside the checkout (../shared/reference/water) and, for the measures, swmm-toolkit.
Run: python benchmarks/water_processes.py
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table

from models import parallel, water
from models.layers import LAND_COVER
from models.water.exchange import Surface
from models.water.measures import Stacks
from twin import sensors

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "reference" / "water"
PAGE = ROOT / "docs" / "validation" / "water_processes.md"
Row = tuple[str, str, str, str]


def _rows(name: str) -> list[dict[str, str]]:
    lines = (REFERENCE / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def storms() -> list[Row]:
    depths = sensors.read_kostra(REFERENCE / "kostra_dwd_2020_cell_test.csv")
    rows = [
        (f"return period of {mm} mm in 24 h", wanted, f"{water.return_period(depths, mm, duration=1440):.1f}", "a")
        for mm, wanted in ((39.5, "2"), (75.3, "37.3"), (90.0, "96.5"), (96.3, "> 100"))
    ]
    steps = np.array([float(row["mm"]) for row in _rows("euler_type2_60min_T30.csv")])
    minutes = np.array([5, 10, 15, 20, 30, 45, 60])
    curve = np.cumsum(np.sort(steps)[::-1])[minutes // 5 - 1]
    storm = water.design_storm(water.depth_table(np.stack([0.9 * curve, curve], axis=1), minutes, [20, 30]), 60, 30)
    worst = float(np.abs(storm.values / 12.0 - steps).max())
    return [*rows, ("Euler type II, largest difference of a step", "0", f"{worst:.4f}", "mm")]


def green_ampt() -> list[Row]:
    rain, rows = water.design_storm(100.0, 120, shape="block"), []
    for row in _rows("green_ampt_constant_rain.csv"):
        column = water.infiltrate(rain, soil=row["soil"].replace(" ", "_"))["infiltration"]
        found = [float(column.sel(time=60.0 * minutes)) for minutes in (30, 60, 120)]
        wanted = [float(row[f"F{minutes}_mm"]) for minutes in (30, 60, 120)]
        worst = max(abs(a / b - 1.0) for a, b in zip(found, wanted, strict=True))
        rows.append((row["soil"], f"{wanted[1]:.3f}", f"{found[1]:.3f}", f"{100.0 * worst:.4f} %"))
    return rows


_VOID = {ratio: ratio / (1.0 + ratio) for ratio in (0.3, 0.67, 0.75, 0.9)}
_CELLS: dict[str, tuple[str, float, str, dict[str, float]]] = {  # report, mm of its unit, kind, layers of the .inp
    "bioretention": ("bc_sncb.txt", 1.0, "bioretention", {
        "area": 102.0, "surface_depth": 230.0, "surface_void": 0.914, "soil_depth": 300.0, "porosity": 0.45,
        "field_capacity": 0.27, "wilting_point": 0.04, "soil_rate": 150.0, "soil_slope": 5.0, "soil_suction": 49.0,
        "storage_depth": 450.0, "storage_void": _VOID[0.9], "ground_rate": 1.0, "drain_rate": 30.0,
        "drain_exponent": 0.55, "drain_offset": 500.0, "saturation": 0.8}),
    "rain_garden": ("bc_srg.txt", 1.0, "bioretention", {
        "area": 100.0, "surface_depth": 150.0, "surface_void": 1.0, "soil_depth": 450.0, "porosity": 0.4,
        "field_capacity": 0.1, "wilting_point": 0.05, "soil_rate": 100.0, "soil_slope": 10.0, "soil_suction": 40.0,
        "storage_depth": 50.0, "storage_void": _VOID[0.67], "ground_rate": 1000.0, "drain_rate": 0.0, "saturation": 0.0}),
    "porous_pavement": ("pp_s1.txt", 25.4, "permeable_paving", {
        "area": 404.7, "surface_depth": 0.0, "pavement_depth": 152.4, "pavement_void": _VOID[0.3], "pavement_open": 0.18,
        "pavement_rate": 2540.0, "storage_depth": 2.54, "storage_void": _VOID[0.75], "ground_rate": 11.684,
        "drain_rate": 0.0}),
}  # fmt: skip


def _report(name: str, file: str) -> np.ndarray:
    """Return what SWMM itself reports of the unit, run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "x.inp").write_bytes((REFERENCE / "swmm" / f"{name}.inp").read_bytes())
        code = "from swmm.toolkit import solver; solver.swmm_run('x.inp', 'x.rpt', 'x.out')"
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
        content = (Path(folder) / file).read_text()
    lines = re.findall(r"^\s*\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\s+(.*)$", content, re.MULTILINE)
    return np.array([[float(value) for value in line.split()] for line in lines])


def measures() -> list[Row]:
    expected, rows = json.loads((REFERENCE / "swmm" / "expected.json").read_text()), []
    for name, (file, unit, kind, layers) in _CELLS.items():
        table, one = _report(name, file), water.measure(kind, **layers)  # type: ignore[arg-type]
        stack, sums, before = Stacks([one], np.array([one.area])), np.zeros(4), 0.0
        for hours, inflow in zip(table[:, 0], table[:, 1] * unit, strict=True):
            step, before = round((hours - before) * 3600.0), hours
            volume = inflow / 3.6e6 * step * one.area
            sums += np.array([volume / one.area, *stack.advance(np.array([volume]), step)[0]]) * 1e3
        if "lid_mm" in expected[name]:
            lid = expected[name]["lid_mm"]
            wanted = {
                "to the ground": lid["infil"],
                "through the drain": lid["drain_out"],
                "over the edge": lid["surface_out"],
            }
            wanted["in it at the end"] = lid["storage_1"]
        else:
            wanted = {
                "to the ground": 25.4 * expected[name]["infiltration_in"],
                "over the edge": 25.4 * expected[name]["runoff_in"],
            }
        found = dict(zip(("to the ground", "through the drain", "over the edge"), sums[1:], strict=True))
        found["in it at the end"] = 1e3 * float(stack.contents()[0])
        rows += [(f"{name}: {what}", f"{value:.2f}", f"{found[what]:.2f}", "mm") for what, value in wanted.items()]
    return rows


def speed() -> list[Row]:
    """CPU time of one call on 500 x 500 cells, float32, one thread."""
    parallel.set_threads(1)
    rng, shape = np.random.default_rng(1), (500, 500)
    cover = rng.choice([LAND_COVER[name] for name in ("asphalt", "paved", "grass", "shrub")], shape).astype(np.uint8)
    site = xr.Dataset({"land_cover": (("y", "x"), cover)})
    rows = []
    for method in ("green_ampt", "horton", "scs_cn"):
        rain = water.Rain(water.design_storm(50.0, 60, shape="block"))
        losses = water.Losses(site, rain=rain, method=method)
        surface = Surface(np.full(shape, 0.02, np.float32), np.zeros(shape, np.float32), np.ones(shape, bool), 2.0)
        spent = np.zeros(2)
        for step in range(21):
            start = time.process_time()
            rain.step(10.0 * step, 10.0, surface)
            middle = time.process_time()
            losses.step(10.0 * step, 10.0, surface)
            if step:
                spent += (middle - start, time.process_time() - middle)
        rows.append((f"losses, {method}", "", f"{1e3 * spent[1] / 20:.1f}", "ms a call"))
    rows.append(("rain, uniform", "", f"{1e3 * spent[0] / 20:.1f}", "ms a call"))
    rows += _speed_of_measures()
    parallel.set_threads(None)
    return rows


def _speed_of_measures() -> list[Row]:
    stacks = Stacks([water.measure("tree_trench", area=10.0)] * 10_000, np.full(10_000, 10.0))
    stacks.advance(np.full(10_000, 0.001), 10.0)
    start = time.process_time()
    for _ in range(20):
        stacks.advance(np.full(10_000, 0.001), 10.0)
    return [("10,000 tree trenches", "", f"{1e3 * (time.process_time() - start) / 20:.1f}", "ms a call")]


def main() -> None:
    console, page = Console(), ["# Rain, losses and measures", ""]
    page += ["Written by `benchmarks/water_processes.py`. Reference values: `reference/water` beside the checkout.", ""]
    sections = (
        ("Design storms and return periods (KOSTRA-DWD-2020 cell 49125)", "reference", "unit", storms,
         "Return periods are a straight line in depth between the tabulated ones; the reference look-ups are published ones."),
        ("Green-Ampt, 50 mm/h, infiltration after 60 min", "closed form [mm]", "worst of 30, 60, 120 min", green_ampt,
         "Steps of 10 s; the acceptance is 0.5 %."),
        ("Blue-green measures against SWMM 5.2 LID units", "SWMM [mm]", "unit", measures,
         "The stacks get the inflow that SWMM reports and step at most 10 s; SWMM steps 1 to 5 min. Tolerance 0.2 % of inflow and start."),
        ("Cost, 250,000 cells, float32, one thread", "", "unit", speed, "CPU time; a call covers up to 10 s of the flood, which is about 15 flow steps."),
    )  # fmt: skip
    for title, wanted, unit, rows_of, note in sections:
        table = Table(title=title)
        for name in ("what", wanted, "ours", unit):
            table.add_column(name)
        page += [f"## {title}", "", f"| what | {wanted} | ours | {unit} |", "|---|---|---|---|"]
        for row in rows_of():
            table.add_row(*row)
            page.append("| " + " | ".join(row) + " |")
        page += ["", note, ""]
        console.print(table)
    PAGE.write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
