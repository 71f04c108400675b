"""Sun position, radiation split and sky: typed numbers, closure, limits."""

import numpy as np
import pytest

from models import heat
from models.heat.radiation import black_body, clear_sky_radiation, diffuse_erbs, diffuse_reindl, sky_emissivity
from models.heat.sky import longwave_sky, shortwave_sky, sky_patches
from models.heat.sun import extraterrestrial_radiation, sunrise_hour
from models.layers import InputError


def test_spa_worked_example():
    # Reda & Andreas 2004, NREL/TP-560-34302, Table A5.1: zenith 50.11162 deg, azimuth 194.34024 deg (refraction
    # included)
    sun = heat.sun_position(np.array(["2003-10-17T19:30:30"], dtype="datetime64[ns]"), 39.742476, -105.1786)
    assert sun.azimuth.values[0] == pytest.approx(194.34024, abs=0.01)
    assert 90.0 - sun.elevation.values[0] == pytest.approx(50.11162, abs=0.01)
    assert sun.elevation.attrs["units"] == "degree"


def test_no_place_on_the_globe():
    with pytest.raises(InputError, match="no place on the globe"):
        heat.sun_position(np.array(["2020-01-01"], dtype="datetime64[ns]"), 95.0, 0.0)


def test_sun_constant_and_sunrise():
    assert extraterrestrial_radiation(np.array([3]))[0] == pytest.approx(1361 * 1.035, rel=2e-3)
    assert sunrise_hour(80, 50.0) == pytest.approx(6.0, abs=0.1)
    assert sunrise_hour(172, 80.0) == 0.0


def test_patch_weights_close():
    p = sky_patches()
    assert p.azimuth.size == 153
    assert p.horizontal.sum() == pytest.approx(1.0, abs=1e-12)
    assert p.vertical.sum(axis=1) == pytest.approx(np.full(4, 0.5), abs=1e-12)
    # a ring between two elevations fills sin^2 of the horizontal
    assert p.horizontal[:31].sum() == pytest.approx(np.sin(np.radians(12)) ** 2)


@pytest.mark.parametrize("clear", [(60.0, 850.0), (150.0, 500.0), (250.0, 50.0), (120.0, 0.0)])
@pytest.mark.parametrize("elevation", [3.0, 25.0, 60.0])
def test_perez_gives_the_diffuse_radiation_back(clear, elevation):
    diffuse, direct = clear
    radiance = shortwave_sky(diffuse, direct, 130.0, elevation, 1361.0)
    assert (radiance >= 0).all()
    assert (radiance * sky_patches().horizontal).sum() == pytest.approx(diffuse)
    if direct > 400:  # a clear sky is brightest round the sun
        p = sky_patches()
        brightest = int(np.argmax(radiance))
        assert abs(p.azimuth[brightest] - 130.0) < 30.0


def test_overcast_is_brighter_overhead_than_at_the_horizon():
    radiance = shortwave_sky(150.0, 0.0, 180.0, 45.0, 1361.0)
    assert radiance[-1] > 1.5 * radiance[:31].mean()


def test_longwave_sky_keeps_the_flux_and_is_warmer_low_down():
    radiance = longwave_sky(0.8, 400.0)
    assert (radiance * sky_patches().horizontal).sum() == pytest.approx(320.0)
    assert radiance[0] > radiance[-1]
    assert longwave_sky(1.0, 400.0) == pytest.approx(np.full(153, 400.0))


def test_prata_typed_number():
    # Prata 1996: w = 46.5 e / T; 20 degC, 50 % gives e = 11.68 hPa, w = 1.853 kg/m2, 1 - 2.853 exp(-sqrt(6.758)) =
    # 0.788
    assert float(sky_emissivity(20.0, 50.0, 1.0, longwave="prata")) == pytest.approx(0.788, abs=1e-3)
    town = float(sky_emissivity(20.0, 50.0, 1.0))
    assert town * float(black_body(20.0)) == pytest.approx(0.788 * float(black_body(20.0)) - 25.0, abs=0.5)
    assert float(sky_emissivity(20.0, 50.0, 0.0)) == pytest.approx(1.0)
    with pytest.raises(InputError, match="jonsson"):
        sky_emissivity(20.0, 50.0, 1.0, longwave="x")


def test_splits_stay_within_the_whole():
    g = np.array([0.0, 100.0, 400.0, 900.0])
    e = np.array([-5.0, 10.0, 40.0, 60.0])
    outside = np.full(4, 1361.0)
    for diffuse in (diffuse_erbs(g, outside, e), diffuse_reindl(g, outside, e, np.full(4, 20.0), np.full(4, 50.0))):
        assert (diffuse >= 0).all()
        assert (diffuse <= g + 1e-9).all()
    # Erbs et al. 1982, kt = 0.5: 0.9511 - 0.0802 + 1.097 - 2.07975 + 0.771 = 0.659
    half = diffuse_erbs(np.array([0.5 * 1361.0]), np.array([1361.0]), np.array([90.0]))
    assert half[0] / (0.5 * 1361.0) == pytest.approx(0.6592, abs=2e-3)
    # Reindl et al. 1990, kt = 0.5, sun overhead, 20 degC, 50 %: 1.329 - 0.858 + 0.267 - 0.0714 + 0.053 = 0.7196
    half = diffuse_reindl(np.array([680.5]), np.array([1361.0]), np.array([90.0]), np.array([20.0]), np.array([50.0]))
    assert half[0] / 680.5 == pytest.approx(0.7196, abs=2e-3)


def test_clear_sky_is_plausible():
    # a clear mid-latitude noon: 800 to 950 W/m2 at 60 degrees
    assert 780.0 < float(clear_sky_radiation(60.0, 1330.0, 25.0, 50.0)) < 980.0
    assert float(clear_sky_radiation(-5.0, 1330.0, 25.0, 50.0)) == 0.0
