"""Colours stay apart and ramps keep their order with colour-vision deficiency, and mean what the legend says."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from models.layers import LAND_COVER, InputError, read_table
from twin.view import palettes

# Machado, Oliveira & Fernandes 2009, doi 10.1109/TVCG.2009.113, severity 1.0, on linear RGB.
SEEN_AS = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
RAMPS = [row["name"] for row in read_table("twin.view", "ramps.csv")]


def cielab(srgb: np.ndarray, eyes: str = "all colours") -> np.ndarray:
    """CIELAB (D65, 2 deg) of uint8 colours as seen with one kind of eyes."""
    share = np.atleast_2d(srgb) / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SEEN_AS[eyes].T, 0.0, 1.0)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.column_stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


def differences(colours: np.ndarray, eyes: str) -> np.ndarray:
    """CIE76 colour difference of each pair of colours."""
    lab = cielab(colours, eyes)
    return np.linalg.norm(lab[:, None] - lab[None], axis=-1)


def test_cielab_of_red_is_the_known_value() -> None:
    np.testing.assert_allclose(cielab(np.array([255, 0, 0])), [[53.24, 80.09, 67.20]], atol=0.05)
    np.testing.assert_allclose(palettes._to_lab(np.array([[1.0, 0.0, 0.0]])), [[53.24, 80.09, 67.20]], atol=0.05)


def test_lab_and_back() -> None:
    colours = np.random.default_rng(1).integers(0, 256, (50, 3)) / 255.0
    np.testing.assert_allclose(palettes._from_lab(palettes._to_lab(colours)), colours, atol=1e-6)


@pytest.mark.parametrize("eyes", SEEN_AS)
@pytest.mark.parametrize(("index", "count", "hot"), [("utci", 10, 5), ("pet", 9, 5), ("pt", 9, 5), ("wbgt", 5, 0)])
def test_neighbouring_classes_stay_apart(eyes: str, index: str, count: int, hot: int) -> None:
    colours = palettes.class_palette(f"{index}_classes.csv", "en").colours
    assert len(colours) == count
    assert np.diag(differences(colours, eyes), 1).min() > 8.0
    assert np.diag(differences(colours[hot:], eyes), 1).min() > 12.0  # the classes of a hot day


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("index", ["utci", "pet", "pt", "wbgt"])
def test_every_index_is_shown_in_its_classes(index: str, language: str) -> None:
    layer = xr.DataArray(np.array([[10.0, 45.0]]), dims=("y", "x"), name=index)
    palette = palettes.palette_for(layer, language)
    assert palette.style == "classes"
    assert index.upper() in palette.name
    rows = read_table("models.heat", f"{index}_classes.csv")
    assert palette.labels == tuple(row[f"label_{language}"] for row in rows)


@pytest.mark.parametrize("eyes", ["all colours", "protanopia", "deuteranopia"])
def test_heat_classes_darken_upwards(eyes: str) -> None:
    lightness = cielab(palettes.class_palette("utci_classes.csv", "en").colours[5:], eyes)[:, 0]
    assert (np.diff(lightness) < -2.0).all(), lightness


@pytest.mark.parametrize("eyes", ["all colours", "protanopia", "deuteranopia"])
def test_a_new_heat_class_is_the_largest_jump(eyes: str) -> None:
    palette = palettes.class_palette("utci_classes.csv", "en")
    assert palette.shade_edges is not None
    assert palette.shade_colours is not None
    steps = np.linalg.norm(np.diff(cielab(palette.shade_colours, eyes), axis=0), axis=1)
    limits = palette.shade_edges[1:-1]
    heat = (limits >= 26) & (limits <= 46)
    border = np.isin(limits, palette.edges)
    for edge in (32.0, 38.0, 46.0):
        place = int(np.flatnonzero(limits == edge)[0])
        inside = [steps[i] for i in (place - 1, place + 1) if i < len(steps) and not border[i]]
        assert steps[place] > 1.5 * max(inside), (edge, steps[heat])


@pytest.mark.parametrize("name", RAMPS)
@pytest.mark.parametrize("eyes", SEEN_AS)
def test_ramps_run_one_way_in_lightness(name: str, eyes: str) -> None:
    lightness = cielab(palettes.ramp_colours(name, 12), eyes)[:, 0]
    steps = np.diff(lightness)
    assert (steps > 1.0).all() or (steps < -1.0).all(), lightness


@pytest.mark.parametrize("eyes", ["all colours", "protanopia", "deuteranopia"])
def test_land_cover_colours_stay_apart(eyes: str) -> None:
    layer = xr.DataArray(np.zeros((2, 2), np.uint8), dims=("y", "x"), name="land_cover")
    palette = palettes.palette_for(layer, "en")
    assert palette.edges.tolist() == sorted(LAND_COVER.values())
    apart = differences(palette.colours, eyes)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 7.0, [palette.labels[i] for i in np.unravel_index(apart.argmin(), apart.shape)]


def test_buildings_are_no_class() -> None:
    colours = palettes.class_palette("utci_classes.csv", "en").colours
    for eyes in SEEN_AS:
        assert differences(np.vstack([colours, palettes.NOTHING]), eyes)[-1, :-1].min() > 10.0


def test_bins_follow_the_limits_of_the_table() -> None:
    palette = palettes.class_palette("utci_classes.csv", "de")
    values = np.array([-41.0, 25.999, 26.0, 37.99, 38.0, 46.0, np.nan], np.float32)
    assert [palette.labels[b] if b >= 0 else None for b in palette.bins(values)] == [
        "Extremer Kältestress",
        "Kein thermischer Stress",
        "Mäßiger Hitzestress",
        "Starker Hitzestress",
        "Sehr starker Hitzestress",
        "Extremer Hitzestress",
        None,
    ]
    assert palette.shares(values).sum() == pytest.approx(1.0)
    assert palette.shares(np.full(3, np.nan)).tolist() == [0.0] * 10


def test_the_picture_shows_the_shades_of_the_class() -> None:
    palette = palettes.class_palette("utci_classes.csv", "en")
    for value in (10.0, 27.0, 33.9, 36.1, 38.0, 45.9, 60.0):
        number = int(palette.bins(np.array([value]))[0])
        colour = palette.image(np.array([value]))[0].tolist()
        assert colour in palette.shades(number).tolist()
    assert palette.image(np.array([np.nan]))[0].tolist() == list(palettes.NOTHING)
    assert len(palette.shades(8)) == 4  # 38 to 46 degC in steps of 2 K


def test_ramp_limits_are_round_and_cover_the_values() -> None:
    layer = xr.DataArray(np.array([[36.2, 71.9]]), dims=("y", "x"), name="tmrt")
    palette = palettes.palette_for(layer, "en")
    assert palette.edges[0] <= 36.2
    assert palette.edges[-1] >= 71.9
    assert np.allclose(palette.edges % 5, 0)
    assert 4 <= len(palette) <= 14
    flat = palettes.palette_for(layer * 0 + 3.0, "en")
    assert flat.bins(np.array([3.0]))[0] >= 0


def test_unknown_layer_gets_a_general_ramp_with_its_own_name() -> None:
    layer = xr.DataArray(
        np.arange(4.0).reshape(2, 2), dims=("y", "x"), name="snow", attrs={"units": "m", "long_name": "Snow"}
    )
    palette = palettes.palette_for(layer, "en")
    assert (palette.name, palette.units, palette.style) == ("Snow", "m", "ramp")


def test_short_legend_keeps_limits_and_shares_together() -> None:
    palette = palettes.class_palette("utci_classes.csv", "en")
    short, shares = palette.occurring(palette.shares(np.array([33.0, 33.0, 40.0])))
    assert short.labels == ("Strong heat stress", "Very strong heat stress")
    assert short.edges.tolist() == [32.0, 38.0, 46.0]
    assert shares is not None
    assert shares == pytest.approx([2 / 3, 1 / 3])


def test_wrong_ramp_is_refused() -> None:
    with pytest.raises(InputError, match="no colour ramp 'rainbow': choose one of heat"):
        palettes.ramp_colours("rainbow", 5)
