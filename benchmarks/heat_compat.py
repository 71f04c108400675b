"""Compare the heat model with the package solweig under equal parameters, choice by choice.

    python benchmarks/heat_compat.py --peer-python PATH [--n 250]

Both run the same made town and day with an equally bright sky. The peer's choices are put into this model one after the
other (formulas: `heat_umep.py`): longwave sky, surfaces by a daily wave of ground and wall temperature with no balance of
their own, steps of sun and sight over the grid, and at last its view of the ground and its formulas for the four sides
(compat mode). Prints a Markdown section.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import xarray as xr
from heat import make_day, make_town, run_peer
from heat_umep import (
    DELAY,
    SIGMA,
    TAU,
    WALL,
    WALL_ALBEDO,
    WALL_EMISSIVITY,
    WAVES,
    Ground,
    Views,
    clearness,
    heights_of,
    marched,
    shaded_walls,
    vertical,
    views,
    wave,
)

from models import heat
from models.heat import radiance
from models.heat.forcing import Forcing, forcing
from models.heat.person import person
from models.heat.radiance import Environment
from models.heat.radiation import STEFAN_BOLTZMANN, black_body, sky_emissivity
from models.heat.sky import sky_patches
from models.heat.street import Walls
from models.layers import LAND_COVER

PLACE = 49.87, 8.65


class PeerSurfaces(Environment):
    """The surroundings with the peer's temperatures and brightness of surfaces."""

    def _shortwave(self, step: int, azimuth: float, elevation: float, tau: float, walls: Walls) -> np.ndarray:
        out = super()._shortwave(step, azimuth, elevation, tau, walls)
        out[1] = tau * out[0] + (1.0 - tau) * walls.shortwave
        return out

    def _longwave(self, step: int, tau: float, walls: Walls) -> np.ndarray:  # noqa: ARG002 crowns of the peer are opaque
        black = float(black_body(float(self.air.air_temperature[step])))
        sky = float(self.air.sky_emissivity[step]) * black
        crown = WALL_EMISSIVITY * black + (1.0 - WALL_EMISSIVITY) * sky
        count = sky_patches().azimuth.size
        return np.stack([np.full(count, sky), np.full(count, crown), walls.longwave])

    def _ground_step(self, step, received, walls, lit, warmer):  # type: ignore[no-untyped-def]  # noqa: ARG002
        code = self._properties.land_cover.reshape(received.shape)
        excess = np.zeros(received.shape, np.float32)
        for name, numbers in WAVES.items():
            excess[code == LAND_COVER[name]] = wave(step, self.air, numbers)
        emissivity = self._properties.emissivity.reshape(received.shape)
        ta = float(self.air.air_temperature[step])
        sun = self.sun_now if self.air.elevation[step] > 0 else np.zeros_like(excess)
        sent = emissivity * np.float32(STEFAN_BOLTZMANN) * (ta + excess * sun + 273.15) ** 4
        if getattr(self, "_sent", None) is not None and self.air.elevation[step - 1] > 0:
            sent = (1.0 - DELAY) * sent + DELAY * self._sent
        self._sent = sent
        return (np.float32(ta) + excess * sun).astype(np.float32), sent.astype(np.float32)

    def advance(self, step: int, warmer: np.ndarray | None = None):  # type: ignore[no-untyped-def]
        """Keep the sunlight of the step for the ground."""
        from models.heat import radiance

        plain = radiance.sunlit_street

        def remembered(*args):  # type: ignore[no-untyped-def]
            light, lit = plain(*args)
            self.sun_now = light
            return light, lit

        self.sun_now = np.zeros(self.geometry.shape, np.float32)
        with mock.patch.object(radiance, "sunlit_street", remembered):
            return super().advance(step, warmer)


class PeerStreet:
    """The peer's walls: as warm as its daily wave, lit walls as bright as open ground, shaded ones as the diffuse sky."""

    def __init__(self, air: Forcing, wall: str) -> None:  # noqa: ARG002 the signature of Street
        self._air = air

    def advance(self, step: int, azimuth: float) -> Walls:  # noqa: ARG002
        """Return the walls of a step."""
        air, one = self._air, np.ones(sky_patches().azimuth.size)
        beam = float(air.direct[step]) * math.sin(math.radians(max(float(air.elevation[step]), 0.0)))
        ta = float(air.air_temperature[step])
        black = float(black_body(ta))
        sky = float(air.sky_emissivity[step]) * black
        warm = WALL_EMISSIVITY * float(black_body(ta + wave(step, air, WALL))) + (1.0 - WALL_EMISSIVITY) * sky
        return Walls(WALL_ALBEDO * float(air.diffuse[step]) * one, WALL_ALBEDO * beam * one, warm * one, 0.0 * one)


def peer_sky(weather: xr.Dataset) -> xr.Dataset:
    """Return the weather with the longwave radiation of the peer's sky: open land, its clearness, kept after sunset."""
    air = forcing(weather, *PLACE, longwave="prata")
    found, index = [], 1.0
    for step in range(air.times.size):
        if air.elevation[step] > 0.0:
            index = clearness(air, step)[0]
        ta = float(air.air_temperature[step])
        emissivity = float(sky_emissivity(ta, float(air.relative_humidity[step]), min(index, 1.0), longwave="prata"))
        found.append(emissivity * float(black_body(ta)))
    return weather.assign(longwave_down=("time", np.array(found)))


@contextmanager
def peer_surfaces() -> Iterator[None]:
    """Let the model take the peer's temperatures of walls, ground and crowns."""
    with (
        mock.patch("models.heat.radiance.Street", PeerStreet),
        mock.patch("models.heat.stepping.Environment", PeerSurfaces),
    ):
        yield


@contextmanager
def peer_sun(site: xr.Dataset) -> Iterator[None]:
    """Let the model take sun and shade from the peer's way of stepping over the grid."""
    heights = heights_of(site)

    def sunlit(_relief, azimuth, elevation, tau, _sums):  # type: ignore[no-untyped-def]
        bits = heights.towards(azimuth, elevation)
        light = np.array([0.0, 1.0, 0.0, tau], np.float32)[bits]
        return light, np.ones(bits.shape, np.float32)

    with mock.patch.object(radiance, "sunlit_street", sunlit):
        yield


def side_fluxes(
    air: Forcing, step: int, number: int, side: Views, shaded: np.ndarray, maps: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return short and longwave radiation on the side that faces north, east, south or west [W/m2]."""
    ta, elevation = float(air.air_temperature[step]), max(float(air.elevation[step]), 0.0)
    black = SIGMA * (ta + 273.15) ** 4
    sky, behind = vertical(side.open), 1.0 - vertical(side.before_wall)
    wall = 1.0 - vertical(side.building) - behind
    turned = math.cos(math.radians(float(air.azimuth[step])) - math.pi / 2 * number)
    of_walls = WALL_EMISSIVITY * black * wall * 0.5
    if elevation > 0.0 and turned < 0.0:
        share = 2.0 * shaded - 1.0
        hot = SIGMA * (ta + wave(step, air, WALL) * abs(turned) + 273.15) ** 4
        rise = np.arcsin(np.sqrt(np.clip(1.0 - side.building, 0.0, 1.0)))
        low = np.arctan(np.tan(rise * share))
        toward = np.cos((np.arctan(rise) - low) / 2.0 + low)
        of_walls = 0.5 * WALL_EMISSIVITY * wall * (hot * (1.0 - share) * toward + black * share)
    up, down = maps["longwave_up"], maps["longwave_down"]
    long = 0.5 * (side.open * float(air.sky_emissivity[step]) * black * sky + up) + of_walls
    long += 0.5 * WALL_EMISSIVITY * black * (1.0 - sky - wall)
    long += 0.5 * (down + up) * (1.0 - sky) * (1.0 - WALL_EMISSIVITY)
    if elevation <= 0.0:
        return np.zeros_like(long), long
    diffuse = float(air.diffuse[step])
    total = diffuse + float(air.direct[step]) * math.sin(math.radians(elevation))
    covered = 1.0 - vertical(side.building) + (vertical(side.building) - sky) * (1.0 - TAU)
    lit = total * (1.0 - shaded) + diffuse * shaded
    return 0.5 * (diffuse * (1.0 - covered) + WALL_ALBEDO * covered * lit + maps["shortwave_up"]), long


def from_above(
    air: Forcing, step: int, whole: Views, shaded: np.ndarray, sunlit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return diffuse and all shortwave and the longwave radiation from above [W/m2]."""
    ta, elevation = float(air.air_temperature[step]), max(float(air.elevation[step]), 0.0)
    black, sky = SIGMA * (ta + 273.15) ** 4, float(air.sky_emissivity[step])
    hot = SIGMA * (ta + wave(step, air, WALL) + 273.15) ** 4
    hidden = 2.0 - whole.building - whole.crown
    long = whole.open * sky * black + hidden * (1.0 - WALL_EMISSIVITY) * sky * black
    long += WALL_EMISSIVITY * (
        (2.0 - whole.crown - whole.before_wall) * black + (whole.before_wall - whole.building) * hot
    )
    if elevation <= 0.0:
        return np.zeros_like(long), np.zeros_like(long), long
    beam = float(air.direct[step]) * math.sin(math.radians(elevation))
    diffuse = float(air.diffuse[step])
    through = whole.building - (1.0 - whole.crown) * (1.0 - TAU)
    spread = diffuse * through
    spread += WALL_ALBEDO * (1.0 - through) * ((diffuse + beam) * (1.0 - shaded) + diffuse * shaded)
    return spread, spread + beam * sunlit, long


def compat(site: xr.Dataset, weather: xr.Dataset, geometry: heat.SkyGeometry) -> xr.Dataset:
    """Return Tmrt and sunlit share in compat mode: this model's sun, weather, sky patches and person, the peer's formulas."""
    body, air = person("standing"), forcing(weather, *PLACE)
    heights, ground = heights_of(site), Ground(site)
    whole, sides = views(geometry)
    shape = geometry.shape
    tmrt = np.empty((air.times.size, *shape), np.float32)
    sun = np.zeros_like(tmrt)
    for step in range(air.times.size):
        elevation, azimuth = max(float(air.elevation[step]), 0.0), float(air.azimuth[step])
        shaded = shaded_walls(elevation, whole.open)
        if elevation > 0.0:
            sun[step] = np.array([0.0, 1.0, 0.0, TAU], np.float32)[heights.towards(azimuth, elevation)]
        spread, down, long_down = from_above(air, step, whole, shaded, sun[step])
        up, long_up = ground.step(air, step, sun[step], spread)
        maps = {"shortwave_up": up, "longwave_down": long_down, "longwave_up": long_up}
        taken = body.vertical * (
            body.shortwave_absorption * (down + up) + body.longwave_absorption * (long_down + long_up)
        )
        for number, side in enumerate(sides):
            short, long = side_fluxes(air, step, number, side, shaded, maps)
            taken = taken + body.side * (body.shortwave_absorption * short + body.longwave_absorption * long)
        beam = sun[step] * float(air.direct[step]) * math.cos(math.radians(elevation))
        taken = taken + body.shortwave_absorption * body.beam * beam
        tmrt[step] = (taken / (body.longwave_absorption * SIGMA)) ** 0.25 - 273.15
    return xr.Dataset({"tmrt": (("time", "y", "x"), tmrt), "shadow": (("time", "y", "x"), sun)})


def scores(found: xr.Dataset, maps: dict[str, np.ndarray], ground: np.ndarray) -> tuple[float, float, float]:
    """Return MAE, RMSE and bias of Tmrt on the ground cells of all hours [K]."""
    difference = (found.tmrt.values - maps["tmrt"])[:, ground]
    return float(np.abs(difference).mean()), float(np.sqrt((difference**2).mean())), float(difference.mean())


def compare(found: xr.Dataset, maps: dict[str, np.ndarray], ground: np.ndarray) -> str:
    """Return a table row: MAE, RMSE and bias of Tmrt, and where both disagree about the sun."""
    sunny = np.nanmax(found.shadow.values, axis=(1, 2)) > 0  # the peer calls the whole night sunlit
    other = (np.abs(found.shadow.values - maps["shadow"])[:, ground] >= 0.3) & sunny[:, None]
    mae, rmse, bias = scores(found, maps, ground)
    return f"{mae:.2f} | {rmse:.2f} | {bias:+.2f} | {100 * other.mean():.1f} %"


def run_both(python: str, n: int, folder: Path) -> tuple[xr.Dataset, xr.Dataset, dict[str, np.ndarray], str]:
    """Return town and weather, and the peer's hourly maps and version."""
    site, day = make_town(n), make_day()
    told, path = run_peer(python, site, day, folder, "--maps", "MAPS", "--isotropic")
    # the peer sets the sun half an hour before the stamp
    return site, day.assign_attrs(interval="end"), dict(np.load(path)), str(told["version"])


def section(python: str, n: int) -> list[str]:
    """Return the lines of the section."""
    with tempfile.TemporaryDirectory(prefix="compat") as folder:
        site, weather, maps, version = run_both(python, n, Path(folder))
    plain, ground = heat.prepare(site), site.building_id.values == 0
    options = {"outputs": ("tmrt", "shadow"), "sky": "isotropic"}
    rows = {"as delivered": heat.simulate(site, weather, geometry=plain, **options)}
    given, other = peer_sky(weather), marched(site, plain)
    rows["longwave sky"] = heat.simulate(site, given, geometry=plain, **options)
    with peer_surfaces():
        rows["... and walls, ground and crowns"] = heat.simulate(site, given, geometry=plain, **options)
        with peer_sun(site):
            rows["... and steps over the grid"] = heat.simulate(site, given, geometry=other, **options)
    rows["... and view of the ground, formulas for the sides (compat mode)"] = compat(site, given, other)
    lines = [
        f"Town of {n} x {n} cells of 1 m (`benchmarks/heat.py`), 24 hours, isotropic sky, same absorption; this model minus solweig {version}",
        "in K of Tmrt on ground cells. The aim (MAE 0.4, RMSE 0.8) is the spread between the two codes of the UMEP family.",
        "",
        "| peer's choices put in | MAE | RMSE | bias | sun differs in |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {compare(found, maps, ground)} |" for name, found in rows.items()]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--n", type=int, default=250)
    options = parser.parse_args()
    print("\n".join(section(options.peer_python, options.n)))


if __name__ == "__main__":
    main()
