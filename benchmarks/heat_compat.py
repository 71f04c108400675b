"""Compare the heat model with the package solweig under equal parameters, term by term.

    python benchmarks/heat_compat.py --peer-python PATH [--n 250]

Both run the same made town and day with an equally bright sky. The peer's choices are put into this model one after the
other: longwave sky of open land, surfaces by its daily wave of ground and wall temperature (Lindberg et al. 2016, doi
10.1007/s00704-014-1332-8; no balance of their own), walls and crowns as bright as its formulas make them. What is left is
geometry: lines of sight, sky view, view of the ground and of walls. Prints a Markdown section.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import xarray as xr
from heat import make_day, make_town, run_peer

from models import heat
from models.heat.forcing import Forcing
from models.heat.radiance import Environment
from models.heat.radiation import STEFAN_BOLTZMANN, black_body
from models.heat.sky import sky_patches
from models.heat.street import Walls
from models.layers import LAND_COVER

# rise per degree of the highest sun [K], start [K], hour of the highest temperature (local): Lindberg et al. 2016, Table 2
WAVES = {"asphalt": (0.58, -9.78, 15.0), "building": (0.58, -9.78, 15.0), "grass": (0.21, -3.38, 14.0)}
WALL = (0.37, -3.41, 15.0)
WALL_ALBEDO, WALL_EMISSIVITY = 0.20, 0.90
DELAY = math.exp(-33.27 / 24.0)  # weight of the hour before
OFFSET = 1.0  # local clock of the town ahead of UTC [h]


def wave(step: int, air: Forcing, numbers: tuple[float, float, float]) -> float:
    """Return the peer's surface temperature above the air [K] on a clear day."""
    rise, start, latest = numbers
    stamp = pd.Timestamp(air.times[step]) + pd.Timedelta(hours=OFFSET)
    hour = stamp.hour + stamp.minute / 60.0
    day = np.asarray(
        heat.sun_position(pd.date_range(stamp.normalize(), periods=288, freq="5min").to_numpy(), 49.87, 8.65).elevation
    )
    declination = math.radians(-23.45 * math.cos(2 * math.pi * (stamp.dayofyear + 10) / 365.0))
    sunrise = 12.0 - math.degrees(math.acos(-math.tan(math.radians(49.87)) * math.tan(declination))) / 15.0
    if air.elevation[step] <= 0.0 or hour <= sunrise:
        return 0.0
    return max((rise * day.max() + start) * math.sin(math.pi / 2 * (hour - sunrise) / (latest - sunrise)), 0.0)


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


def polynomial(sky_view: np.ndarray) -> np.ndarray:
    """Return the peer's share of the sky on a vertical surface for the sky view of its half space, 0 to 1."""
    x = np.clip(sky_view.astype(np.float64), 0.0, 1.0)
    return np.polyval([63.227, -161.51, 156.91, -70.424, 16.773, -0.4863, 0.0], x) / 4.4897


def shaded_walls(zenith: float, sky_view: np.ndarray) -> np.ndarray:
    """Return the shaded share of the walls of a round basin under the sun (Lindberg et al. 2008, cylindric wedge)."""
    slope = np.tan(np.arcsin(np.sqrt(np.clip(1.0 - sky_view.astype(np.float64), 1e-9, 1.0 - 1e-9))))
    steep = math.tan(math.radians(min(zenith, 89.9)))
    high, radius = 2.0 / (slope * steep), 1.0 / slope
    near = 1.0 - high < 0.0
    half = steep / 2.0
    depth = np.sqrt(np.maximum(radius**2 - half**2 / 4.0, 0.0))
    phi = np.arctan(depth / half)
    part = (np.sin(phi) - phi * np.cos(phi)) / np.maximum(1.0 - np.cos(phi), 1e-12)
    lit = 2.0 * radius * high + np.where(near, 2.0 * radius * (1.0 - high) * part, 0.0)
    return np.clip(1.0 - lit / (2.0 * np.pi * radius), 0.0, 1.0)


def with_peer_sides(found: xr.Dataset, geometry: heat.SkyGeometry, weather: xr.Dataset) -> xr.Dataset:
    """Return the run with the peer's formulas for the four sides in place of this model's own sums."""
    from models.heat.forcing import forcing
    from models.heat.person import person

    body, air = person("standing"), forcing(weather, 49.87, 8.65, longwave="prata")
    patches, tau = sky_patches(), 0.03
    views = []
    for number in range(4):
        weights = patches.half[number] * patches.horizontal
        weights = weights / weights.sum()
        building = np.minimum(geometry.patch_sum(weights), 1.0)
        crown_before_sky = geometry.patch_sum(weights, crowns=True)
        direct_wall = 1.0 - building - _crown_before_wall(geometry, weights)
        views.append((building, 1.0 - crown_before_sky, direct_wall))
    whole = geometry.patch_sum(patches.horizontal, crowns=False)
    tmrt = np.empty_like(found.tmrt.values)
    for step in range(air.times.size):
        maps = {
            name: found[name].values[step].astype(np.float64) for name in found if name.startswith(("short", "long"))
        }
        ta, elevation = float(air.air_temperature[step]), max(float(air.elevation[step]), 0.0)
        black = STEFAN_BOLTZMANN * (ta + 273.15) ** 4
        shaded = shaded_walls(90.0 - elevation, whole) if elevation > 0 else np.ones(whole.shape)
        warm = wave(step, air, WALL)
        diffuse, direct = float(air.diffuse[step]), float(air.direct[step])
        total = diffuse + direct * math.sin(math.radians(elevation))
        taken = np.zeros(whole.shape)
        for number, (building, without_crown, _) in enumerate(views):
            open_sky = np.clip(without_crown + building - 1.0, 0.0, 1.0)
            sky, wall_and_crown = polynomial(open_sky), 1.0 - polynomial(open_sky)
            behind = 1.0 - polynomial(np.clip(building + views[number][2], 0.0, 1.0))
            wall = (1.0 - polynomial(building)) - behind
            facing_sun = math.cos(math.radians(float(air.azimuth[step])) - math.pi / 2 * number) < 0.0
            share = np.clip(2.0 * shaded - 1.0, -1.0, 1.0)
            sent = WALL_EMISSIVITY * black * wall * 0.5
            if elevation > 0.0 and facing_sun:
                turned = abs(math.cos(math.radians(float(air.azimuth[step])) - math.pi / 2 * number))
                hot = STEFAN_BOLTZMANN * (ta + warm * turned + 273.15) ** 4
                angle = np.arctan(np.arcsin(np.sqrt(np.clip(1.0 - building, 0.0, 1.0))))
                low = np.arctan(np.tan(np.arcsin(np.sqrt(np.clip(1.0 - building, 0.0, 1.0))) * share))
                sun = np.cos((angle - low) / 2.0 + low)
                sent = 0.5 * WALL_EMISSIVITY * wall * (hot * (1.0 - share) * sun + black * share)
            up, down = maps["longwave_up"], maps["longwave_down"]
            sides = open_sky * float(air.sky_emissivity[step]) * black * sky * 0.5 + sent + 0.5 * up
            sides += WALL_EMISSIVITY * black * (wall_and_crown - wall) * 0.5
            sides += (down + up) * wall_and_crown * (1.0 - WALL_EMISSIVITY) * 0.5
            covered = (1.0 - polynomial(building)) + (polynomial(building) - sky) * (1.0 - tau)
            lit = total * (1.0 - shaded) + diffuse * shaded
            short = 0.5 * (diffuse * (1.0 - covered) + WALL_ALBEDO * covered * lit + maps["shortwave_up"])
            taken += body.side * (body.longwave_absorption * sides + body.shortwave_absorption * short)
        beam = found.shadow.values[step] * direct * math.cos(math.radians(elevation))
        vertical = body.shortwave_absorption * (maps["shortwave_down"] + maps["shortwave_up"])
        vertical += body.longwave_absorption * (maps["longwave_down"] + maps["longwave_up"])
        taken += body.vertical * vertical + body.shortwave_absorption * body.beam * beam
        tmrt[step] = (taken / (body.longwave_absorption * STEFAN_BOLTZMANN)) ** 0.25 - 273.15
    return found.assign(tmrt=(("time", "y", "x"), tmrt))


def _crown_before_wall(geometry: heat.SkyGeometry, weights: np.ndarray) -> np.ndarray:
    """Return the share of the half space in which a crown stands before a wall."""
    everything = heat.SkyGeometry(geometry.relief, np.full_like(geometry.open_bits, 255), geometry.crown_bits, "")
    crowns = everything.patch_sum(weights, crowns=True)
    return crowns - geometry.patch_sum(weights, crowns=True)


def compare(found: xr.Dataset, maps: dict[str, np.ndarray], ground: np.ndarray) -> str:
    """Return a table row: MAE, RMSE and bias of Tmrt on all ground cells, and where both agree about the sun."""
    difference = (found.tmrt.values - maps["tmrt"])[:, ground]
    sunny = np.nanmax(found.shadow.values, axis=(1, 2)) > 0  # the peer calls the whole night sunlit
    same = (np.abs(found.shadow.values - maps["shadow"])[:, ground] < 0.3) | ~sunny[:, None]
    parts = [
        f"{np.abs(values).mean():.2f} | {np.sqrt((values**2).mean()):.2f} | {values.mean():+.2f}"
        for values in (difference, difference[same])
    ]
    return " | ".join(parts) + f" | {100 * (1 - same.mean()):.1f} %"


def section(python: str, n: int) -> list[str]:
    """Return the lines of the section."""
    site, day = make_town(n), make_day()
    # the peer sets the sun half an hour before the stamp
    weather = day.assign_attrs(interval="end")
    with tempfile.TemporaryDirectory(prefix="compat") as folder:
        told, path = run_peer(python, site, day, Path(folder), "--maps", "MAPS", "--isotropic")
        maps = dict(np.load(path))
    geometry, ground = heat.prepare(site), site.building_id.values == 0
    options = {"geometry": geometry, "outputs": ("tmrt", "shadow"), "sky": "isotropic"}
    rows = {"as delivered": heat.simulate(site, weather, **options)}
    rows["longwave sky of open land"] = heat.simulate(site, weather, longwave="prata", **options)
    with mock.patch("models.heat.radiance.Street", PeerStreet):
        rows["... and its walls"] = heat.simulate(site, weather, longwave="prata", **options)
        with mock.patch("models.heat.stepping.Environment", PeerSurfaces):
            fluxes = {
                **options,
                "outputs": ("tmrt", "shadow", *(f"{w}_{s}" for w in ("shortwave", "longwave") for s in ("down", "up"))),
            }
            last = heat.simulate(site, weather, longwave="prata", **fluxes)
            rows["... and its ground and crowns"] = last
    rows["... and its formulas for the four sides"] = with_peer_sides(last, geometry, weather)
    lines = [
        f"Town of {n} x {n} cells of 1 m (`benchmarks/heat.py`), 24 hours, isotropic sky, same absorption; this model minus solweig {told['version']}",
        "in K of Tmrt. The aim (0.4 / 0.8) is the spread between the two codes of the UMEP family, which share shadows and formulas.",
        "",
        "| peer's choices put in | MAE | RMSE | bias | MAE, same sun | RMSE | bias | sun differs in |",
        "|---|---|---|---|---|---|---|---|",
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
