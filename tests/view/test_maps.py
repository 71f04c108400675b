"""A map has what a map needs, shows the right colours at the right place, and nothing overlaps."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.image import imread

from models.layers import LAND_COVER, InputError
from twin.city.model import City
from twin.view import maps
from twin.view.furniture import round_length
from twin.view.palettes import NOTHING, WATER, class_palette, colour_image


def axes_of(figure: Figure) -> dict[str, object]:
    return {str(axes.get_gid()): axes for axes in figure.axes}


def words_of(figure: Figure) -> list[str]:
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += axes.texts
    return [t.get_text() for t in texts]


def pixels_of(png: bytes) -> np.ndarray:
    return (imread(io.BytesIO(png))[..., :3] * 255).round().astype(int)


@pytest.mark.parametrize("language", ["de", "en"])
def test_map_has_all_its_furniture(
    square_heat: xr.Dataset, square_site: xr.Dataset, square_city: City, language: str
) -> None:
    figure = maps.draw(
        square_heat["utci"],
        site=square_site,
        city=square_city,
        time="14:00",
        language=language,
        source="Vermessungsamt",
    )
    assert set(axes_of(figure)) == {"map", "legend", "scale_bar", "north_arrow"}
    words = " | ".join(words_of(figure))
    for part in {
        "de": (
            "2. Juli 2025, 14:00\u00a0Uhr\u00a0MESZ",
            "Starker Hitzestress",
            "Gebäude",
            "Baumkronen",
            "Quelle: Vermessungsamt",
            "Raster 1 m",
        ),
        "en": (
            "2 July 2025, 14:00\u00a0CEST",
            "Strong heat stress",
            "Buildings",
            "Tree crowns",
            "Source: Vermessungsamt",
            "Grid 1 m",
        ),
    }[language]:
        assert part in words
    assert "EPSG:25833" in words


@pytest.mark.parametrize("name", ["utci", "tmrt"])
@pytest.mark.parametrize("compact", [False, True])
def test_nothing_overlaps_or_leaves_the_sheet(
    square_heat: xr.Dataset, square_site: xr.Dataset, name: str, compact: bool
) -> None:
    figure = maps.draw(square_heat[name], site=square_site, language="de", compact=compact, source="Amt")
    figure.canvas.draw()
    sheet = figure.bbox
    boxes = [t.get_window_extent() for t in [*figure.texts, *(t for a in figure.axes for t in a.texts)] if t.get_text()]
    for box in boxes:
        assert box.x0 >= sheet.x0 - 1
        assert box.x1 <= sheet.x1 + 1
        assert box.y0 >= sheet.y0 - 1
        assert box.y1 <= sheet.y1 + 1
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            wide = min(box.x1, other.x1) - max(box.x0, other.x0)
            tall = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(wide, tall) <= 1
    map_box = axes_of(figure)["map"].get_window_extent()  # type: ignore[attr-defined]
    assert not any(box.overlaps(map_box) for box in boxes)


def test_colours_lie_where_the_values_are(square_site: xr.Dataset) -> None:
    values = np.full(square_site["building_id"].shape, 20.0, np.float32)
    values[:70, :60], values[70:, 60:] = 29.0, 50.0  # north-west and south-east quarters
    layer = square_site["terrain_height"].copy(data=values).rename("utci")
    figure = maps.draw(layer, language="en")
    figure.set_dpi(100)
    picture = pixels_of(figure.png(100))
    box = axes_of(figure)["map"].get_window_extent()  # type: ignore[attr-defined]
    palette = class_palette("utci_classes.csv", "en")

    def seen(across: float, down: float) -> list[int]:
        row, column = picture.shape[0] - box.y1 + down * box.height, box.x0 + across * box.width
        return picture[int(row), int(column)].tolist()

    for across, down, value in ((0.25, 0.25, 29.0), (0.75, 0.75, 50.0), (0.75, 0.25, 20.0)):
        assert np.abs(np.array(seen(across, down)) - palette.image(np.array([value]))[0]).max() <= 6


def test_scale_bar_is_as_long_as_it_says(square_heat: xr.Dataset) -> None:
    figure = maps.draw(square_heat["utci"], language="en")
    found = axes_of(figure)
    bar, ground = found["scale_bar"], found["map"]
    patches = bar.patches  # type: ignore[attr-defined]
    inches = sum(p.get_width() for p in patches)
    written = max(float(t.get_text()) for t in bar.texts if t.get_text().replace(".", "").isdigit())  # type: ignore[attr-defined]
    metres = 120.0 / (ground.get_position().width * figure.get_size_inches()[0])  # type: ignore[attr-defined]
    assert inches * metres == pytest.approx(written, rel=1e-6)


def test_cells_without_value_are_grey_and_explained(square_heat: xr.Dataset) -> None:
    layer = square_heat["utci"].isel(time=8)
    figure = maps.draw(layer, language="en")
    assert "no value" in words_of(figure)
    picture = pixels_of(figure.png(100))
    assert (np.abs(picture - np.array(NOTHING)).max(axis=-1) <= 3).mean() > 0.01


def test_shares_count_outdoor_ground_only(square_heat: xr.Dataset, square_site: xr.Dataset) -> None:
    flat = square_heat["utci"].isel(time=8)
    assert maps.counted(flat, square_site).size == int((square_site["building_id"] == 0).sum())
    assert maps.counted(flat, None).size == flat.size


def test_one_palette_for_maps_that_are_compared(square_heat: xr.Dataset) -> None:
    palette = maps.palette_for(square_heat["tmrt"], "en")
    early = maps.draw(square_heat["tmrt"], time="08:00", palette=palette, language="en")
    late = maps.draw(square_heat["tmrt"], time="15:00", palette=palette, language="en")
    ranges = [[w for w in words_of(f) if " to " in w] for f in (early, late)]
    assert ranges[0] == ranges[1]


def test_notebook_picture_and_files(square_heat: xr.Dataset, tmp_path: Path) -> None:
    figure = maps.draw(square_heat["utci"], language="en")
    assert pixels_of(figure._repr_png_()).std() > 20
    for ending in ("png", "pdf", "svg"):
        assert figure.save(tmp_path / f"map.{ending}").stat().st_size > 5_000


def test_wrong_layers_are_refused(square_heat: xr.Dataset) -> None:
    flat = square_heat["utci"].isel(time=8)
    with pytest.raises(InputError, match="looks like degrees"):
        maps.draw(flat.assign_coords(x=flat["x"] / 1e6, y=flat["y"] / 1e6))
    with pytest.raises(InputError, match="north edge"):
        maps.draw(flat.sortby("y"))


@pytest.mark.parametrize(("longest", "length"), [(99.0, 50.0), (100.0, 100.0), (7.9, 5.0), (2500.0, 2000.0)])
def test_round_length(longest: float, length: float) -> None:
    assert round_length(longest) == length


def test_water_is_no_place_to_feel_heat() -> None:
    y, x = np.arange(9.5, 0, -1), np.arange(0.5, 10)
    cover = np.full((10, 10), LAND_COVER["asphalt"], np.uint8)
    cover[4:6] = LAND_COVER["water"]
    coordinates = {"y": y, "x": x}
    site = xr.Dataset({"land_cover": (("y", "x"), cover)}, coords=coordinates)
    utci = xr.DataArray(np.full((10, 10), 40.0), coordinates, ("y", "x"), name="utci")
    water = maps.water_cells(utci, site)
    assert water is not None
    assert (water == (cover == LAND_COVER["water"])).all()
    painted = (colour_image(utci, water=water) == np.uint8(WATER)).all(axis=-1)
    assert (painted == water).all()
    assert maps.water_cells(utci.rename("surface_temperature"), site) is None
    figure = maps.draw(utci, site=site, language="en")
    assert "Water bodies" in [words.get_text() for axes in figure.axes for words in axes.texts]
