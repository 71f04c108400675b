"""3D pictures show the city, its colours and its words; a machine that cannot draw says so instead of ending."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.image import imread

import twin
from models.layers import InputError
from twin.city.model import City
from twin.view import graphics
from twin.view.palettes import class_palette

CAN_DRAW = not graphics.obstacle("en")
drawn = pytest.mark.skipif(not CAN_DRAW and os.environ.get("CI") != "true", reason=graphics.obstacle("en") or "-")
SIZE = (800, 500)


def share_near(pixels: np.ndarray, colour: np.ndarray, within: int = 12) -> float:
    return float((np.abs(pixels.astype(int) - colour.astype(int)).max(axis=-1) <= within).mean())


@drawn
def test_picture_shows_ground_houses_and_trees(
    square_city: City, square_heat: xr.Dataset, square_site: xr.Dataset, tmp_path: Path
) -> None:
    from twin.view.scenes import picture

    file = picture(
        square_city, square_heat["utci"], tmp_path / "a.png", site=square_site, time="14:00", language="de", size=SIZE
    )
    pixels = (imread(file)[..., :3] * 255).round().astype(np.uint8)  # type: ignore[arg-type]
    assert pixels.shape == (500, 800, 3)
    assert pixels.std() > 30
    palette = class_palette("utci_classes.csv", "de")
    ground = square_heat["utci"].isel(time=8).values
    colours = np.unique(palette.image(ground[np.isfinite(ground)]), axis=0)
    assert sum(share_near(pixels, c) for c in colours) > 0.12
    green = (pixels[..., 1] > pixels[..., 0] * 1.15) & (pixels[..., 1] > pixels[..., 2] * 1.15)
    assert green.mean() > 0.004
    neutral = (np.ptp(pixels.astype(int), axis=-1) < 14) & (pixels.mean(axis=-1) > 120) & (pixels.mean(axis=-1) < 246)
    assert neutral.mean() > 0.05


@drawn
def test_layer_changes_the_ground_and_words_can_be_left_out(
    square_city: City, square_heat: xr.Dataset, square_site: xr.Dataset
) -> None:
    from twin.view.scenes import picture

    early, late = (
        picture(square_city, square_heat["utci"], site=square_site, time=t, language="en", size=SIZE)
        for t in ("06:00", "14:00")
    )
    bare = picture(square_city, square_heat["utci"], site=square_site, time="14:00", legend=False, size=SIZE)
    assert np.abs(np.asarray(early).astype(int) - np.asarray(late)).mean() > 5
    dark = [(np.asarray(p)[:90, :400].mean(axis=-1) < 90).mean() for p in (late, bare)]
    assert dark[0] > 0.01  # the heading
    assert dark[1] < 0.002


@drawn
def test_scene_without_layer_without_terrain_and_without_site(square_city: City) -> None:
    plotter = twin.view.scene(square_city.replace(terrain=None), off_screen=True, size=SIZE, language="en")
    try:
        assert np.asarray(plotter.screenshot(return_img=True)).std() > 15
    finally:
        plotter.close()


@drawn
def test_everything_is_in_the_picture(square_city: City, square_heat: xr.Dataset) -> None:
    """The corners of the area lie inside the frame, whatever its shape."""
    wide = square_heat["utci"].isel(time=8, y=slice(0, 30))
    for layer in (square_heat["utci"].isel(time=8), wide, wide.isel(x=slice(0, 20))):
        plotter = twin.view.scene(square_city, layer, off_screen=True, size=SIZE, language="en")
        try:
            plotter.screenshot(return_img=True)
            width, depth = layer.sizes["x"], layer.sizes["y"]
            for x, y in ((0, 0), (width, 0), (0, depth), (width, depth)):
                plotter.renderer.SetWorldPoint(float(x), float(y), 1.0, 1.0)
                plotter.renderer.WorldToView()
                across, up, _ = plotter.renderer.GetViewPoint()
                assert abs(across) <= 1.0
                assert abs(up) <= 1.0
        finally:
            plotter.close()


@drawn
def test_scene_is_quiet_on_stderr() -> None:
    code = (
        "import twin.view.graphics as g\n"
        "with g.quiet_start():\n    import pyvista\n    p = pyvista.Plotter(off_screen=True)\np.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "bad X server" not in done.stderr


@drawn
def test_a_picture_needs_no_notebook(tmp_path: Path) -> None:
    """IPython comes with the extra ``notebook`` alone; pictures are for everybody."""
    code = (
        "import sys\nsys.modules['IPython'] = None\n"
        "import geopandas as gpd, shapely\nfrom twin.city.model import City\nimport twin.view\n"
        "house = {'id': 'a', 'kind': 'Building', 'parent': -1, 'lod': '0', 'function': '', 'roof_type': '',"
        " 'measured_height': 6.0, 'ground_height': 30.0, 'storeys': 2.0, 'year': 1900.0, 'attributes': {}, 'source': ''}\n"
        "objects = gpd.GeoDataFrame([house], geometry=[shapely.box(4, 4, 8, 8)], crs='EPSG:25832')\n"
        "twin.view.picture(City(crs=objects.crs, objects=objects, area=(0, 0, 20, 20)), None, sys.argv[1])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "scene.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scene.png").stat().st_size > 5000


def test_nothing_to_draw_is_said(square_city: City) -> None:
    empty = City(crs=square_city.crs, name="Leerstadt")
    if CAN_DRAW:
        with pytest.raises(InputError, match="Leerstadt has no area, no building and no tree"):
            twin.view.scene(empty, language="en")
    else:
        with pytest.raises(InputError, match="3D pictures need"):
            twin.view.scene(empty, language="en")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL is asked for on Linux only")
@pytest.mark.parametrize("language", ["de", "en"])
def test_no_driver_is_a_sentence_and_no_crash(language: str, tmp_path: Path) -> None:
    """With no EGL vendor the 3D library would end the program (signal 11); we say what to install instead."""
    code = (
        "import sys, twin\n"
        "from twin.city.model import City\n"
        "try:\n"
        f"    twin.view.scene(City(crs=None, area=(0, 0, 9, 9)), language={language!r})\n"
        "except twin.InputError as error:\n"
        "    print(error); sys.exit(2)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "PYTHONPATH")}
    environment |= {"__EGL_VENDOR_LIBRARY_DIRS": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment, encoding="utf-8"
    )
    assert done.returncode == 2, done.stderr[-400:]
    assert "apt-get install" in done.stdout
    assert "3D" in done.stdout


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "_loads", lambda _name: False)
    monkeypatch.setattr(graphics, "_screen", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert "libEGL.so.1 / libGL.so.1" in graphics.obstacle("en")
    assert "libegl1" in graphics.obstacle("de")


def test_importing_the_view_is_light() -> None:
    code = (
        "import sys, twin.view\nprint(sorted(m for m in ('pyvista', 'vtkmodules', 'matplotlib') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
