"""The result of a run: layers, indicators, gaps, sources and how it came about, in memory and as a folder.

Folder of a result::

    result.json      what it is, how it was made; written last, so a folder without it is no result
    store.zarr       groups site, weather, heat, summary, water (Zarr version 3), as far as they were run
    maps/            one Cloud-optimised GeoTIFF a layer and hour, maxima and site layers; maps/water/ those of the storm
    heat.nc          NetCDF-CF of all hours;  water.nc  of the storm
    features.gpkg    buildings and streets with the water of a storm, trees with their litres, tours; one layer each
    tours/           a GPX route and a list to print for each watering tour
    city/            the city as the run saw it, after its measures, for views made later (twin publish, twin tiles)
    indicators.csv   gaps.csv   sources.csv   measures.csv (where there are any)

Same inputs give the same bytes: no clock, no absolute path and no name of a machine is in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import rioxarray  # noqa: F401  (gives datasets their CRS)
import xarray as xr

from twin.city import gaps as gap_table
from twin.errors import InputError
from twin.language import default_language, text
from twin.progress import track
from twin.scenario import handouts
from twin.scenario.indicators import labelled, summaries
from twin.scenario.measures import COLUMNS as MEASURE_COLUMNS
from twin.scenario.measures import empty_report
from twin.scenario.rules import rule_of
from twin.scenario.safe_files import MANIFEST, replaced_folder, restore
from twin.scenario.schema import Scenario
from twin.scenario.tour_files import write_tour_files
from twin.scenario.wording import number, unit_words

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.city.model import City

__all__ = ["FORMAT", "Check", "Result"]

FORMAT = 1
"""Version of the result folder."""

_STORE, _FEATURES, _CITY = "store.zarr", "features.gpkg", "city"
_PHYSICS = ("heat", "water")
_CHECK_COLUMNS = ("station", "variable", "unit", "n", "bias", "rmse")


@dataclass(frozen=True, eq=False)
class Check:
    """Comparison of a run with measurements: measured minus modelled, one row a station and variable.

    An empty table means that nothing was compared, and :meth:`sentence` says so.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_CHECK_COLUMNS)))

    @property
    def compared(self) -> bool:
        """Whether any measurement was compared."""
        return len(self.table) > 0

    def sentence(self, language: str | None = None) -> str:
        """Return what the check found, in one sentence."""
        if not self.compared:
            return text("scenario.check_none", language)
        worst = self.table.iloc[int(np.argmax(self.table["bias"].abs().to_numpy()))]
        return text("scenario.check_done", language, count=len(self.table), **{str(k): v for k, v in worst.items()})


@dataclass(frozen=True, eq=False)
class Result:
    """What a run has found.

    Parameters
    ----------
    name : str
        Title of the run.
    scenario : Scenario
        What was asked for.
    datasets : mapping of str to xarray.Dataset
        ``site`` (y, x), and as far as they were run ``weather`` (time), ``heat`` (time, y, x), ``summary`` (y, x),
        ``water`` (y, x).
    indicators : pandas.DataFrame
        See :mod:`twin.scenario.indicators`.
    gaps, sources : pandas.DataFrame
        What was missing or doubtful; the input files with hash and licence.
    provenance : mapping
        Versions, inputs and settings.
    check : Check
        Comparison with measurements.
    measures : pandas.DataFrame
        What each measure has done and costs (``twin.scenario.measures``); empty for a run without.
    features : mapping of str to geopandas.GeoDataFrame
        ``flooded_buildings`` and ``flooded_streets`` of a storm (:mod:`twin.scenario.exposure`); ``trees_plan``, ``tours``
        and ``tour_stops`` of watering (:mod:`twin.scenario.watering`).
    city : City or None
        The city; None for a result opened from disk, see :meth:`stored_city`.
    folder : pathlib.Path or None
        Where the result was opened from.
    """

    name: str
    scenario: Scenario
    datasets: Mapping[str, xr.Dataset]
    indicators: pd.DataFrame
    gaps: pd.DataFrame
    sources: pd.DataFrame
    provenance: Mapping[str, Any]
    check: Check = field(default_factory=Check)
    measures: pd.DataFrame = field(default_factory=empty_report)
    features: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    city: City | None = None
    folder: Path | None = None

    def stored_city(self) -> City:
        """Return the city of the run, read from the result folder where it is not in memory.

        Raises
        ------
        InputError
            If the result was saved without its city.
        """
        if self.city is not None:
            return self.city
        from twin.city.writers.stored import is_stored, read_parquet

        kept = self.folder / _CITY if self.folder is not None else None
        if kept is None or not is_stored(kept):
            raise InputError(text("scenario.result_without_city", folder=self.folder or self.name))
        return read_parquet(kept)

    @property
    def site(self) -> xr.Dataset:
        """Static layers (y, x)."""
        return self.datasets["site"]

    @property
    def heat(self) -> xr.Dataset:
        """Heat layers (time, y, x); empty where no heat was run."""
        return self.datasets.get("heat", xr.Dataset())

    @property
    def water(self) -> xr.Dataset:
        """Flood layers (y, x), series at points and volumes; empty where no storm was run."""
        return self.datasets.get("water", xr.Dataset())

    def __repr__(self) -> str:
        layers = [*self.heat.data_vars, *self.water.data_vars]
        return (
            f"<Result {self.name}: {', '.join(map(str, layers))} on {dict(self.site.sizes)}; "
            f"{len(self.indicators)} indicator rows, {len(self.gaps)} gap rows>"
        )

    def table(self, language: str | None = None) -> pd.DataFrame:
        """Return the indicators of the whole run and of its most stressful hour, labelled; areas of 0 are left out.

        Parameters
        ----------
        language : {"en", "de"}, optional
            By default the user's.
        """
        rows = self.indicators
        hourly = rows[rows["time"].notna()]
        mean = hourly[hourly["name"] == "utci_mean"].reset_index(drop=True)
        keep = rows["time"].isna()
        if len(mean):
            keep |= rows["time"] == mean["time"].iloc[int(np.argmax(mean["value"].to_numpy()))]
        keep |= rows["name"].isin(["utci_under_crowns_minus_open_sealed", "shade_share"])
        keep &= ~(rows["name"].str.startswith("area_") & (rows["value"] == 0.0))
        return labelled(rows[keep].reset_index(drop=True), language)

    def show(self, language: str | None = None) -> None:
        """Show the indicators and what reality says about them, in a terminal or a notebook.

        Parameters
        ----------
        language : {"en", "de"}, optional
            By default the user's.
        """
        from rich.console import Console
        from rich.table import Table

        chosen = language or default_language()
        grid = Table(title=self.name, caption=self.check.sentence(chosen))
        for name in ("indicator", "time", "value", "share"):
            grid.add_column(text(f"scenario.column_{name}", chosen), justify="left" if name == "indicator" else "right")
        zone = ZoneInfo(self.scenario.timezone)
        for row in self.table(chosen).to_dict("records"):
            local = "" if pd.isna(row["time"]) else row["time"].tz_localize("UTC").tz_convert(zone)
            time = f"{local:%Y-%m-%d %H:%M %Z}" if local else ""
            unit = unit_words(str(row["unit"]), chosen)
            value = number(row["value"], int(rule_of(row["name"])["decimals"]), chosen)
            share = "" if pd.isna(row["share"]) else f"{number(100 * row['share'], 1, chosen)} %"
            grid.add_row(str(row["label"]), time, f"{value} {unit}", share)
        Console().print(grid)

    def save(
        self,
        folder: str | PathLike[str],
        *,
        also: Iterable[Callable[[Path], Any]] = (),
    ) -> Path:
        """Write the result as a folder, in place of an older result there.

        The folder is written beside its place and moved there whole: a killed run leaves the old result.

        Parameters
        ----------
        folder : path
            Result folder.
        also : iterable of callable
            Called with the folder being written, to add files of their own (a report, a picture).

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InputError
            If the folder holds something else, is being written by another run, or the disk is full.
        """
        place = Path(folder).absolute()
        rounding, formats = self.scenario.outputs.rounding, self.scenario.outputs.formats
        stored = {name: handouts.rounded(data, rounding) for name, data in self.datasets.items()}
        with replaced_folder(place) as new:
            with track(text("scenario.writing"), total=1.0) as done:
                handouts.write_store(stored, new / _STORE)
                for name in _PHYSICS:
                    if "netcdf" in formats and name in stored:
                        handouts.write_netcdf(stored[name], new / f"{name}.nc")
                if "cog" in formats:
                    groups = [("water" if name == "water" else "", data) for name, data in stored.items()]
                    handouts.write_maps(groups, new / "maps", done=done)
            self._write_tables(new)
            handouts.write_features(self.features, new / _FEATURES)
            write_tour_files(self.features, new / "tours")
            if self.city is not None:
                self.city.replace(sources=self.sources).write(new / _CITY)
            for write in also:
                write(new)
            files = sorted({path.relative_to(new).parts[0] for path in new.rglob("*")})
            manifest = self._manifest() | {"files": files}
            document = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True, default=str)
            (new / MANIFEST).write_text(document + "\n", encoding="utf-8")
        return place

    def _write_tables(self, folder: Path) -> None:
        options: dict[str, Any] = {"index": False, "lineterminator": "\n", "encoding": "utf-8"}
        self.indicators.to_csv(folder / "indicators.csv", date_format="%Y-%m-%dT%H:%MZ", float_format="%.6g", **options)
        gap_table.sentences(self.gaps, "en").to_csv(folder / "gaps.csv", **options)
        self.sources.to_csv(folder / "sources.csv", **options)
        if len(self.measures):
            self.measures.to_csv(folder / "measures.csv", float_format="%.6g", **options)

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "scenario": self.scenario.model_dump(mode="json", exclude_none=True),
            "provenance": dict(self.provenance),
            "gaps": json.loads(gap_table.to_json(self.gaps)),
            "check": {"compared": self.check.compared, "rows": self.check.table.to_dict("records")},
            "measures": json.loads(self.measures.to_json(orient="records")),
            "rounding": handouts.binary_step(self.scenario.outputs.rounding),
        }

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> Result:
        """Return the result that a run has written; layers are read when they are used.

        Parameters
        ----------
        folder : path
            Result folder.

        Raises
        ------
        InputError
            If there is no result, or none that this version reads.
        """
        place = Path(folder)
        restore(place.absolute())
        if not (place / MANIFEST).is_file():
            raise InputError(text("scenario.result_missing", folder=folder))
        try:
            manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] != FORMAT:
                found = manifest["format"]
                raise InputError(text("scenario.result_version", folder=folder, found=found, known=FORMAT))
            groups = sorted(path.name for path in (place / _STORE).iterdir() if path.is_dir())
            datasets = {group: _open_group(place / _STORE, group) for group in groups}
            indicators = pd.read_csv(place / "indicators.csv")
            features = handouts.read_features(place / _FEATURES)
            sources = pd.read_csv(place / "sources.csv", dtype=str, keep_default_na=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(text("scenario.result_broken", folder=folder, reason=error)) from error
        indicators["time"] = pd.to_datetime(indicators["time"]).dt.tz_localize(None).astype("datetime64[ns]")
        return cls(
            name=manifest["name"],
            scenario=Scenario.model_validate(manifest["scenario"]),
            datasets=datasets,
            indicators=indicators,
            gaps=gap_table.from_json(json.dumps(manifest["gaps"])),
            sources=sources,
            provenance=manifest["provenance"],
            features=features,
            check=Check(pd.DataFrame(manifest["check"]["rows"], columns=list(_CHECK_COLUMNS))),
            measures=pd.DataFrame(manifest.get("measures", []), columns=list(MEASURE_COLUMNS)).astype(MEASURE_COLUMNS),
            folder=place,
        )


def _open_group(store: Path, group: str) -> xr.Dataset:
    return xr.open_dataset(store, engine="zarr", group=group, chunks=None, consolidated=False, decode_coords="all")


def with_summary(heat: xr.Dataset, timezone: str) -> xr.Dataset:
    """Return the summary maps of a run with the CRS of its layers."""
    maps = summaries(heat, timezone=timezone)
    return maps.assign_coords(spatial_ref=heat["spatial_ref"]) if "spatial_ref" in heat.coords else maps


def plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
