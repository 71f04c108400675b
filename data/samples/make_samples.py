"""Make the sample district Lindenau am Wehr: LoD2 buildings, terrain, trees, land cover, streets, sewer, a hot day, rain.

Run ``python data/samples/make_samples.py`` to write the files beside this script, or with ``--check`` to make them in a
temporary folder and compare. Everything is invented; the same plan gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True  # this folder is shipped as it lies

import pyogrio  # noqa: E402
import rasterio  # noqa: E402
from district import (  # noqa: E402
    cadastre,
    citygml,
    cover,
    errands,
    quarters,
    sensors,
    sewer,
    summer,
    terrain,
    trees,
    waterworks,
    ways,
    weather,
)

MADE = (
    "lod2/LoD2_32_571_5676_1_XX.gml", "lod2/LoD2_32_572_5676_1_XX.gml", "dgm1.tif", "baumkataster.csv",
    "landnutzung.gpkg", "strassen.gpkg", "wetter_hitzetag.csv", "kanalnetz.inp", "bauwerke.gpkg", "starkregen.csv",
    "regenschreiber.csv", "wetter_sommer.csv", "wettervorhersage.csv", "bodenfeuchte.csv", "hydranten.csv", "giessprotokoll.csv",
    "sensoren.csv", "sensortag.jsonl", "orte.csv", "fahrten.csv",
)  # fmt: skip


def make(folder: Path) -> None:
    """Write all made files into a folder."""
    citygml.write(folder / "lod2", cadastre.records(quarters.houses()))
    terrain.write(folder / "dgm1.tif")
    trees.write(folder / "baumkataster.csv")
    cover.write(folder / "landnutzung.gpkg", cover.coverage(), "landnutzung")
    cover.write(folder / "strassen.gpkg", ways.network(), "strassen")
    weather.write(folder / "wetter_hitzetag.csv")
    sewer.write(folder / "kanalnetz.inp")
    cover.write(folder / "bauwerke.gpkg", waterworks.structures(), "bauwerke")
    waterworks.write_design_rain(folder / "starkregen.csv")
    waterworks.write_gauge(folder / "regenschreiber.csv")
    summer.write_weather(folder / "wetter_sommer.csv", folder / "wettervorhersage.csv")
    summer.write_sensors(folder / "bodenfeuchte.csv")
    summer.write_hydrants(folder / "hydranten.csv")
    summer.write_log(folder / "giessprotokoll.csv")
    sensors.write_places(folder / "sensoren.csv")
    sensors.write_day(folder / "sensortag.jsonl")
    errands.write_places(folder / "orte.csv")
    errands.write_trips(folder / "fahrten.csv")


def same(first: Path, second: Path) -> bool:
    """Return whether two files hold the same: byte by byte, or what GDAL reads from them where only the packing differs."""
    if first.read_bytes() == second.read_bytes():
        return True
    if first.suffix == ".tif":
        with rasterio.open(first) as a, rasterio.open(second) as b:
            return bool(a.crs == b.crs and a.transform == b.transform and (a.read() == b.read()).all())
    if first.suffix == ".gpkg":
        a, b = pyogrio.read_dataframe(first), pyogrio.read_dataframe(second)
        return bool(a.crs == b.crs and list(a.columns) == list(b.columns) and a.equals(b))
    return False


def differences(folder: Path) -> list[str]:
    """Return the names of made files that are not the same as those beside this script."""
    return [name for name in MADE if not ((HERE / name).exists() and same(HERE / name, folder / name))]


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="compare with the files beside this script, write nothing")
    parser.add_argument("--into", type=Path, default=HERE, help="folder to write to (default: beside this script)")
    options = parser.parse_args()
    if not options.check:
        make(options.into)
        print(f"{len(MADE)} files written to {options.into}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        changed = differences(Path(folder))
    print("\n".join(f"differs: {name}" for name in changed) or f"all {len(MADE)} files are the same")
    return 1 if changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
