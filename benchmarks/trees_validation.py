"""Write docs/validation/trees.md: evapotranspiration, soils, balance, real soil water and sensors against reference values.

    python benchmarks/trees_validation.py [--shared ../shared]

Reads the reference values beside the checkout. Parameters of the Solling stand are fitted on the other years for each
year that is scored.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import solling as S  # noqa: N812
import xarray as xr

from models import water
from models.water.assimilation import TreeEnsemble
from models.water.field_crop import FieldCrop, field_crop_balance
from models.water.soils import soil
from models.water.tree_balance import run_trees
from models.water.tree_day import STATES
from models.water.tree_forcing import TreeForcing
from models.water.tree_parameters import TreeParameters

ROOT = Path(__file__).resolve().parents[1]
FALLON = {"latitude": 39.4575, "longitude": -118.77388, "elevation": 1208.5}
AVAILABLE = {"Ss": 12.3, "Sl3": 16.7, "Su3": 17.5, "Ls3": 16.2, "Lu": 17.8, "Ut3": 22.6, "Tu3": 14.3}
COTTON = FieldCrop(
    (0.15, 1.225, 0.5), (35, 50, 46, 39), (0.05, 1.2), (0.2, 1.4), 0.205, 0.098, 0.1515, 0.65, 0.06, 4.0
)  # fmt: skip
ERROR = 0.04  # of a reading [relative extractable water]
BEST = 20  # sets of parameters that are averaged


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2)))


def _celsius(values: pd.Series) -> np.ndarray:
    return (values.to_numpy(dtype=float) - 32.0) * 5.0 / 9.0


def ref_et_days(folder: Path) -> dict[str, float]:
    table = pd.read_csv(folder / "FALN_Agrimet_daily_raw_2015.csv", na_values=["NO RECORD"])
    lines = (folder / "FALN_Agrimet_daily_raw_2015.out").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(" Mo Day Yr")) + 2
    expected = np.array([float(line.split()[9]) for line in lines[start:] if len(line.split()) > 9])
    weather = xr.Dataset(
        {
            "air_temperature_max": ("time", _celsius(table.MX)),
            "air_temperature_min": ("time", _celsius(table.MN)),
            "dew_point_temperature": ("time", _celsius(table.YM)),
            "global_radiation": ("time", table.SR.to_numpy() * 0.041868 / 0.0864),
            "wind_speed": ("time", table.UA.fillna(0.0).to_numpy() * 0.44704, {"height": 3.0}),
        },
        coords={"time": pd.to_datetime(table[["YEAR", "MONTH", "DAY"]]).to_numpy()},
    )
    return {
        name: rmse(water.reference_evapotranspiration(weather, constants=name, **FALLON).values, expected)
        for name in ("refet", "asce2005", "fao56")
    }


def ref_et_hours(folder: Path) -> dict[str, tuple[float, float]]:
    table = pd.read_csv(folder / "FALN_hourly_2015-06.csv")
    lines = (folder / "FALN_hourly_2015-06.out").read_text().splitlines()[2:]
    expected = np.array([float(line.split()[-2]) for line in lines if line.strip()])
    stamps = pd.to_datetime(table[["YEAR", "MONTH", "DAY"]]) + pd.to_timedelta(table.HOUR + 8, "h")
    weather = xr.Dataset(
        {
            "air_temperature": ("time", _celsius(table.OB)),
            "dew_point_temperature": ("time", _celsius(table.TP)),
            "global_radiation": ("time", table.SI.to_numpy() * 0.041868 / 0.0036),
            "wind_speed": ("time", table.WS.to_numpy() * 0.44704, {"height": 3.0}),
        },
        coords={"time": stamps.to_numpy()},
        attrs={"interval": "end"},
    )
    found = {
        name: water.reference_evapotranspiration(weather, constants=name, **FALLON).values
        for name in ("refet", "asce2005", "fao56")
    }
    return {name: (rmse(v, expected), float(v.sum() / expected.sum() - 1.0)) for name, v in found.items()}


def _table(file: Path, columns: int) -> pd.DataFrame:
    lines = file.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.strip().startswith("Year-DOY"))
    rows = [line.split()[:columns] for line in lines[head + 1 :] if line[:1].isdigit()]
    return pd.DataFrame(rows, columns=lines[head].split()[:columns]).set_index("Year-DOY").astype(float)


def _dated(file: Path) -> pd.DataFrame:
    lines = file.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.strip().startswith("Year-DOY"))
    rows = [line.split()[:43] for line in lines[head + 1 :] if line[:1].isdigit()]
    table = pd.DataFrame(rows, columns=lines[head].split()[:43]).set_index("Year-DOY")
    return table[["Dr", "ETa"]].astype(float)


def cotton(folder: Path) -> dict[str, tuple[float, float, float]]:
    result = {}
    for plot in ("060", "100"):
        expected = _dated(folder / f"cotton2018_{plot}.out")
        weather = _table(folder / "cotton2018.wth", 11).loc[expected.index]
        given = _table(folder / f"cotton2018_{plot}.irr", 2)["Depth"].reindex(expected.index).fillna(0.0)
        u2 = weather.Wndsp * 4.87 / np.log(67.8 * 3.0 - 5.42)
        found = field_crop_balance(COTTON, weather.ETref, weather.Rain, given, u2, weather.RHmin)
        worst = float(np.abs(found.depletion.to_numpy() - expected.Dr.to_numpy()).max())
        result[plot] = (worst, float((found.transpiration + found.evaporation).sum()), float(expected.ETa.sum()))
    return result


def interception(folder: Path) -> dict[int, float]:
    """Return the share of each year's rain that a single lime of 12 m height and 7 m crown keeps."""
    weather = S.read_weather(folder)
    lime = pd.DataFrame({"id": ["lime"], "species": "Tilia cordata", "height": 12.0, "crown_diameter": 7.0,
                         "planted": 1970, "soil": "Sl3", "sealing_share": 0.0, "root_area": 20.0})  # fmt: skip
    found = water.tree_water_balance(lime, weather, daily="interception").daily.to_series()
    rain = 24.0 * weather["precipitation"].to_series()
    years = pd.DatetimeIndex(rain.index).year
    kept = found.groupby(found.index.get_level_values("time").year).sum()
    return {int(y): float(kept[y] / rain[years == y].sum()) for y in sorted(set(years))}


def _scored(stand: S.Stand, index: pd.DatetimeIndex) -> np.ndarray:
    return S.open_loop(stand, "relative_extractable_water").loc[index].to_numpy() * stand.draws.top.to_numpy()


def fits(folder: Path, measured: pd.Series) -> dict[int, S.Stand]:
    """Return for each year the best sets of parameters on all other years, from two rounds of draws."""
    years, values = measured.index.year.to_numpy(), measured.to_numpy()[:, None]
    wide = S.candidates(folder, 8_000)
    errors = (_scored(wide, measured.index) - values) ** 2
    found = {}
    for year in S.YEARS:
        others = years != year
        best = np.argsort(errors[others].mean(axis=0))[:BEST]
        near = S.candidates(folder, 3_000, seed=year, around=wide.draws.iloc[best])
        again = np.argsort(((_scored(near, measured.index) - values)[others] ** 2).mean(axis=0))[:BEST]
        found[year] = S.Stand(_chosen(near.parameters, again), near.forcing, near.draws.iloc[again])
    return found


def _chosen(parameters: TreeParameters, rows: np.ndarray) -> TreeParameters:
    names = ("kind", "cell", "crown_area", "root_area", "root_depth", "available", "soil")
    return replace(
        parameters,
        values=parameters.values[:, rows],
        hidden_beam=parameters.hidden_beam[:, rows],
        **{name: getattr(parameters, name)[rows] for name in names},
    )


def open_loop_scores(fitted: dict[int, S.Stand], measured: pd.Series) -> tuple[pd.DataFrame, float, float]:
    """Return scores of each year left out, and r and RMSE of all."""
    rows, both = [], []
    for year, stand in fitted.items():
        part = measured[measured.index.year == year]
        model = _scored(stand, part.index).mean(axis=1)
        both.append(np.column_stack([part.to_numpy(), model]))
        r = float(np.corrcoef(part, model)[0, 1])
        bias = float(model.mean() - part.mean())
        rows.append({"year": year, "days": len(part), "r": r, "RMSE": rmse(part, model), "bias": bias})
    pairs = np.vstack(both)
    return pd.DataFrame(rows), float(np.corrcoef(pairs.T)[0, 1]), rmse(pairs[:, 0], pairs[:, 1])


def _weights() -> np.ndarray:
    room = np.zeros(2)
    for name, thickness, layer in S.DEPTHS.values():
        room[layer] += thickness * soil(name).available
    return room / room.sum()


def sensor_scores(fitted: dict[int, S.Stand], measured: pd.DataFrame) -> pd.DataFrame:
    """Return RMSE of ensemble, persistence and open loop, and the coverage of the 90 % band, by days ahead."""
    weights, rows = _weights(), []
    for year, stand in fitted.items():
        days = pd.DatetimeIndex(stand.forcing.days)
        seen = measured.reindex(days)
        first, last = (int(days.get_loc(pd.Timestamp(year, *d))) for d in ((4, 1), (10, 17)))
        one, scale = _chosen(stand.parameters, np.array([0])), float(stand.draws.top.iloc[0])
        early = TreeForcing(stand.forcing.days[:first], stand.forcing.values[:, :first], 1, stand.forcing.kinds, "")
        state = run_trees(one, early, np.zeros((len(STATES), 1)))[0]
        ensemble = TreeEnsemble(one, stand.forcing, state, scale=scale, first_day=first, seed=year)
        open_loop = (
            scale * run_trees(one, stand.forcing, np.zeros((len(STATES), 1)), daily="relative_extractable_water")[2]
        )
        rng = np.random.default_rng(year)
        for day in range(first + 7, last, 7):
            ensemble.advance(day - ensemble.day)
            row = seen.iloc[day - 1]
            if row.isna().any():
                continue
            ensemble.update(np.array([[row["upper"]], [row["lower"]]]), np.full((2, 1), ERROR))
            ahead = np.tensordot(weights, ensemble.forecast(14)[:, :, 0], axes=(0, 1))
            band = np.quantile(ahead + ERROR * rng.standard_normal(ahead.shape), [0.05, 0.95], axis=1)
            for lead in range(1, 15):
                date, truth = days[day - 1 + lead], seen["root zone"].iloc[day - 1 + lead]
                if not np.isnan(truth) and 5 <= date.month <= 10:
                    hit = bool(band[0, lead - 1] <= truth <= band[1, lead - 1])
                    rows.append(
                        (lead, truth, ahead[lead - 1].mean(), row["root zone"], open_loop[day - 1 + lead, 0], hit)
                    )
    table = pd.DataFrame(rows, columns=["lead", "truth", "ensemble", "persistence", "open loop", "inside"])
    grouped = table.groupby("lead")
    result = {n: grouped.apply(lambda g, n=n: rmse(g["truth"], g[n])) for n in ("ensemble", "persistence", "open loop")}
    return pd.DataFrame(result).assign(coverage=grouped["inside"].mean(), count=grouped.size())


def _markdown(table: pd.DataFrame, digits: int = 3) -> str:
    head = "| " + " | ".join(map(str, table.columns)) + " |\n|" + "---|" * len(table.columns)
    text = lambda v: f"{v:.{digits}f}" if isinstance(v, float) and not float(v).is_integer() else f"{v:.0f}"  # noqa: E731
    return "\n".join([head, *("| " + " | ".join(text(v) for v in row) + " |" for row in table.to_numpy().tolist())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    folder = parser.parse_args().shared / "reference/trees"
    beech = folder / "solling_slb1"
    days, hours = ref_et_days(folder / "refet_faln2015"), ref_et_hours(folder / "refet_faln2015")
    plots, kept = cotton(folder / "pyfao56_cotton2018"), interception(beech)
    loops, sensors = {}, {}
    for within in (True, False):
        every = S.read_observed(beech, within_range=within)
        summer = every[S.summer(every.index)].dropna()
        fitted = fits(beech, summer["root zone"])
        loops[within] = open_loop_scores(fitted, summer["root zone"])
        sensors[within] = sensor_scores(fitted, every)
    text = page(days, hours, plots, kept, loops, sensors)
    (ROOT / "docs/validation/trees.md").write_text(text, encoding="utf-8")
    print(text)


def page(
    days: dict[str, float],
    hours: dict[str, tuple[float, float]],
    plots: dict[str, tuple[float, float, float]],
    kept: dict[int, float],
    loops: dict[bool, tuple[pd.DataFrame, float, float]],
    sensors: dict[bool, pd.DataFrame],
) -> str:
    """Return the page."""
    leads = [1, 2, 3, 5, 7, 10, 14]
    blocks = [
        "# Trees: how right is the water balance?\n\nWritten by `python benchmarks/trees_validation.py`.",
        "## Reference evapotranspiration\n\nThe printed quantities of FAO-56 are a test (`tests/water/test_evapotranspiration.py`: all "
        "rows within half a printed digit). Against the program REF-ET, Fallon 2015 (365 days; 720 hours of June):\n\n"
        + "| constants | daily RMSE mm/d | hourly RMSE mm/h | hourly sum |\n|---|---|---|---|\n"
        + "\n".join(f"| `{n}` | {days[n]:.4f} | {hours[n][0]:.4f} | {hours[n][1]:+.2%} |" for n in days)
        + "\n\nThe goal is 0.005 mm/d, 0.010 mm/h and 0.5 % for `refet`. The other two sets differ from REF-ET by design: its clear-sky "
        "radiation and solar geometry are not those of the printed equations.",
        "## Soils\n\nAvailable water, pF 1.8 to 4.2, vol-%: "
        + ", ".join(f"{n} {100 * soil(n).available:.2f} (published {v})" for n, v in AVAILABLE.items())
        + ".",
        "## Plain FAO-56 against pyfao56 (cotton 2018, 196 days)\n\n| plot | largest difference of depletion mm | season ET mm | pyfao56 mm |\n"
        "|---|---|---|---|\n" + "\n".join(f"| {n} | {v[0]:.3f} | {v[1]:.2f} | {v[2]:.2f} |" for n, v in plots.items()),
        "## Interception of a single lime\n\n12 m high, crown 7 m, rain and weather of Solling; measured under a single lime and a "
        "single maple in Leuven: 38 % (Smets et al. 2019), accepted 30 to 45 %. Share of the year's rain: "
        + ", ".join(f"{y} {v:.0%}" for y, v in kept.items())
        + ". The share of the rain that a wet crown gives back at once (0.45) was chosen so that 38 % come out at 860 mm of rain a year (this rain times 0.7); it is no independent test.",
        "## Soil water under beech, Solling 1999 to 2005\n\nRelative extractable water of the upper 1.2 m from tensiometers at 10, 20, 40, "
        "100 cm through the curves of the profile's classes, May to October. Twelve parameters of the stand, fitted by random "
        f"search on the other six years; the mean of the best {BEST} sets is scored on the year left out.",
    ]
    for within, title in ((True, "Within the range of the instruments"), (False, "All readings")):
        table, r, error = loops[within]
        blocks.append(
            f"### {title}\n\nAll years: **r = {r:.3f}, RMSE = {error:.3f}** (goal: r at least 0.80, RMSE at most 0.09).\n\n{_markdown(table)}"
        )
        scores = sensors[within].loc[leads].reset_index().rename(columns={"lead": "days ahead"})
        inside = sensors[within]["coverage"]
        blocks.append(
            "With weekly readings (ensemble of 100, RMSE of relative extractable water; coverage of the 90 % band over all leads "
            f"{np.average(inside, weights=sensors[within]['count']):.1%}, lowest {inside.min():.1%}, highest {inside.max():.1%}; weather "
            f"as measured):\n\n{_markdown(scores)}"
        )
    blocks.append(
        "## What is not good\n\n"
        "- 2003 is too dry in the model: without that year in the fit, no set of parameters has seen a drought.\n"
        "- The file holds means of several tensiometers, which fail near 800 hPa. Once the driest have failed the mean turns wetter "
        "without rain (August 2003: 637 to 368 hPa at 40 cm). \"Within the range\" leaves out a depth from 600 hPa until it is wetter "
        "than 150 hPa again; with all readings the open loop misses the RMSE goal by 0.001. Very dry soil is therefore tested by neither.\n"
        "- Three changes with a physical reason were tried on it, each fitted and scored in the same way, and left out because none "
        "helps the years left out: snow that lies and melts (degree-days; all readings RMSE 0.091, r 0.856: no change, winters are over by "
        "May), a crown that closes in dry air (transpiration by 1 / (1 + deficit / D), D fitted; 0.099, 0.834: the fit of the other years "
        "gains, the year left out loses), and wet crowns that dry with a half or a quarter of the energy of the reference surface "
        "(advection; 0.099, 0.827 and 0.094, 0.845). `python benchmarks/solling_trials.py` repeats the first two.\n"
        "- The stand drains to a lower tension than pF 1.8: its field capacity is a fitted parameter (1.0 to 1.25 times the table's).\n"
        "- The structure is not blind: the parameter `top` (water at field capacity of the stand) and the rule on the range of the "
        "instruments were added after the first results were seen; only the numbers are fitted without the year that is scored.\n"
        "- Sources of several tables (`models/water/tables/tree_*`, `spread_levels`, `sensor_ranges`, `watering_*`) were written from "
        "knowledge or read second-hand; each such line says \"not checked\".\n"
        "- The watering plan has no record to be tested on: its thresholds after year three, the litres of a visit and the spread "
        "given to a single forecast are rules of practice. Tests hold it to the balance (same day, same litres), not to trees.\n"
        "- Snow is left out; winters are not scored. A forest stand is not a street tree: no open record of soil moisture under "
        "street trees with weather is known.\n"
        "- Root depth, root area, and the correction given to trees without sensors are rules of practice, not validated.\n"
    )  # fmt: skip
    return "\n\n".join(blocks)


if __name__ == "__main__":
    main()
