"""The city in 3D: terrain coloured by a layer, exact buildings, trees; as a PyVista scene or as a still picture.

Drawn off-screen without an X server (EGL). Shadows are not cast by the graphics library but seen through the layer,
because the heat model has computed them. Nothing of PyVista is imported before a scene is made.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from models.layers import LAND_COVER, InputError
from twin.language import default_language, text
from twin.view import labels
from twin.view.backdrop import backdrop
from twin.view.graphics import quiet_start, require_graphics
from twin.view.maps import layer_title, shares_of_area, water_cells
from twin.view.meshes import ROOF, Mesh, buildings_mesh, terrain_mesh
from twin.view.moments import moment
from twin.view.overlay import LEGEND_WIDTH, add_overlay, overlay_image
from twin.view.palettes import Palette, colour_image, lies_on_ground, palette_for
from twin.view.staging import add_ruler, place_camera
from twin.view.thirst import ThirstyTrees, columns_mesh, thirsty_trees
from twin.view.trees import trees_mesh
from twin.view.water import water_mesh

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyvista as pv

    from twin.city.model import City

__all__ = ["picture", "scene"]

_ROOF_COLOUR, _WALL_COLOUR, _EDGE_COLOUR = (236, 234, 229), (206, 203, 197), "#55524d"
_SIDE, _EARTH = (150, 143, 133), (203, 196, 182)
_FAINT = 0.22  # opacity of trees that must not hide what is shown
_TEXTURE = 4096  # most texture cells along one side

Area = tuple[float, float, float, float]


def scene(
    city: City,
    layer: xr.DataArray | None = None,
    *,
    site: xr.Dataset | None = None,
    time: str | np.datetime64 | pd.Timestamp | None = None,
    title: str | None = None,
    source: str | None = None,
    language: str | None = None,
    timezone: str = labels.TIMEZONE,
    palette: Palette | None = None,
    plan: gpd.GeoDataFrame | None = None,
    trees: bool = True,
    legend: bool = True,
    size: tuple[int, int] = (1600, 1000),
    off_screen: bool | None = None,
) -> pv.Plotter:
    """Return the city as a 3D scene; ``.show()`` draws it, in notebooks as a still picture.

    Parameters
    ----------
    city : City
        Buildings, trees and terrain.
    layer : xarray.DataArray, optional
        What colours the ground, dims ("y", "x") or ("time", "y", "x"), coordinates in the city's CRS.
    site : xarray.Dataset, optional
        Site layers: their terrain is used, and their land cover colours the ground where no layer is given.
    time : str, numpy.datetime64 or pandas.Timestamp, optional
        ``"14:00"`` = local time of day, a full stamp = UTC; by default the hottest time step.
    title, source : str, optional
        Heading and source line.
    language : {"en", "de"}, optional
        Language of all words.
    timezone : str
        IANA name of the local time zone.
    palette : Palette, optional
        Colours of the layer; by default those of its name.
    plan : geopandas.GeoDataFrame, optional
        ``trees_plan`` of a run: trees in the colour of their reason, with a blue column for the litres they get.
    trees, legend : bool
        Draw the trees, write title and legend.
    size : tuple of int
        Width and height of the picture [px].
    off_screen : bool, optional
        Draw without a window; by default where no screen is at hand.

    Returns
    -------
    pyvista.Plotter
        The scene, camera in the south-west.

    Raises
    ------
    InputError
        If the city has nothing to draw, the layer does not fit, or this machine cannot draw.
    """
    language = language or default_language()
    require_graphics(language)
    if layer is None and plan is None and site is not None and "land_cover" in site:
        layer = site["land_cover"]
    flat, stamp = (None, None) if layer is None else moment(layer, time, timezone)
    area = _area(city, flat, site)
    ground = _ground(city, site, area)
    origin = (area[0], area[1], float(np.nanmin(ground.values)))
    plotter = _plotter(size, off_screen)
    if layer is not None and flat is not None:
        palette = palette or palette_for(layer, language)
        _add_layer(plotter, ground, origin, flat, palette, site)
    else:
        pale = backdrop(site) if plan is not None and site is not None else np.full((2, 2, 3), _EARTH, np.uint8)
        _add_ground(plotter, ground, origin, pale)
    _add_buildings(plotter, buildings_mesh(city, origin, area=area))
    if plan is not None:
        thirsty = thirsty_trees(city, plan, language)
        _add_thirsty(plotter, city, thirsty, ground, origin, area)
        palette = thirsty.palette if layer is None else palette
    elif trees and len(city.trees):
        through = flat is not None and lies_on_ground(str(flat.name))  # a flood below crowns must be seen
        _add_mesh(plotter, trees_mesh(city, ground, origin, area=area), smooth=True, opacity=_FAINT if through else 1.0)
    add_ruler(plotter, area, _foot(ground), language)
    place_camera(plotter, area, ground, origin, size, room=LEGEND_WIDTH // 4 if legend and palette is not None else 0)
    if legend:
        below = layer_title(palette, stamp, language, timezone) if palette is not None else ""
        below = below if plan is None or layer is not None else text("view.columns", language)
        heading = title or city.name or below
        shares = shares_of_area(palette, flat, site) if palette is not None and flat is not None else None
        foot = " · ".join(
            part
            for part in (
                city.name if heading != city.name else "",
                text("view.view_from", language),
                text("view.source", language, source=source) if source else "",
            )
            if part
        )
        signs = _signs(flat, site)
        below = below if heading != below else ""
        add_overlay(plotter, overlay_image(size, heading, below, foot, palette, shares, language, signs=signs))
    return plotter


def _signs(flat: xr.DataArray | None, site: xr.Dataset | None) -> tuple[str, ...]:
    """Return what the legend explains beside the colours of the layer."""
    if flat is None or site is None:
        return ()
    water = water_cells(flat, site)
    if lies_on_ground(str(flat.name)):
        return ("dry", "water") if LAND_COVER["water"] in site["land_cover"].values else ("dry",)
    return ("water",) if water is not None and water.any() else ()


def picture(
    city: City, layer: xr.DataArray | None = None, path: str | Path | None = None, **options: Any
) -> Path | np.ndarray:
    """Draw the scene off-screen and write it to a file, or return its pixels.

    Parameters
    ----------
    city, layer
        As in :func:`scene`.
    path : str or pathlib.Path, optional
        File to write (png, jpg, webp); without it the pixels come back, uint8 (height, width, 3).
    **options
        Further options of :func:`scene`.

    Returns
    -------
    pathlib.Path or numpy.ndarray
        The file, or the pixels.
    """
    plotter = scene(city, layer, off_screen=True, **options)
    try:
        pixels = np.asarray(plotter.screenshot(return_img=True))[..., :3]
    finally:
        plotter.close()
    if path is None:
        return pixels
    from matplotlib.image import imsave

    target = Path(path)
    imsave(target, np.ascontiguousarray(pixels))
    return target


def _area(city: City, flat: xr.DataArray | None, site: xr.Dataset | None) -> Area:
    """West, south, east, north of what is shown: the layer's grid, else the site's, the city's area or its objects."""
    grid = flat if flat is not None else site
    if grid is not None:
        x, y = grid["x"].values.astype(float), grid["y"].values.astype(float)
        half = abs(x[1] - x[0]) / 2
        return x.min() - half, y.min() - half, x.max() + half, y.max() + half
    if city.area is not None:
        return city.area
    bounds = [table.total_bounds for table in (city.objects, city.trees) if len(table) and table.geometry.notna().any()]
    if not bounds:
        raise InputError(text("view.nothing_to_draw", name=city.name))
    low, high = np.min(bounds, axis=0), np.max(bounds, axis=0)
    return float(low[0]) - 20, float(low[1]) - 20, float(high[2]) + 20, float(high[3]) + 20


def _ground(city: City, site: xr.Dataset | None, area: Area) -> xr.DataArray:
    """Terrain over the area on at most 400 points a side; level ground at the lowest building where there is none."""
    terrain = site["terrain_height"] if site is not None and "terrain_height" in site else city.terrain
    west, south, east, north = area
    longest = max(east - west, north - south)
    step = longest / min(400, max(2, int(longest)))
    columns, rows = max(2, round((east - west) / step)), max(2, round((north - south) / step))
    x = west + (np.arange(columns) + 0.5) * (east - west) / columns
    y = north - (np.arange(rows) + 0.5) * (north - south) / rows
    if terrain is None:
        level = np.nanmin(city.objects["ground_height"].to_numpy(float), initial=np.inf) if len(city.objects) else 0.0
        values = np.full((rows, columns), level if np.isfinite(level) else 0.0)
        return xr.DataArray(values, {"y": y, "x": x}, ("y", "x"))
    return terrain.sel(x=x, y=y, method="nearest").assign_coords(x=x, y=y)


def _plotter(size: tuple[int, int], off_screen: bool | None) -> pv.Plotter:
    with quiet_start():
        import pyvista
        from pyvista.plotting.themes import Theme

        theme = Theme()
        if find_spec("IPython") is not None:  # else there is no notebook, and PyVista refuses the setting
            theme.jupyter_backend = "static"  # notebooks show a picture unless .show(jupyter_backend=...) asks for more
        plotter = pyvista.Plotter(off_screen=off_screen, window_size=list(size), lighting="none", theme=theme)
    background: Any = plotter.set_background
    background("#f7f9fa", top="#a9c6dc")
    sun = pyvista.Light(position=(-0.2, -1.0, 1.15), intensity=0.72, light_type="scene light")
    side = pyvista.Light(position=(-1.0, 0.2, 0.6), intensity=0.30, light_type="scene light")
    for light in (sun, side):
        light.positional = False
        plotter.add_light(light)
    plotter.enable_anti_aliasing("ssaa")
    return plotter


def _polydata(points: np.ndarray, triangles: np.ndarray) -> pv.PolyData:
    import pyvista

    corners: Any = points
    return pyvista.PolyData.from_regular_faces(corners, triangles)


def _add_ground(
    plotter: pv.Plotter, ground: xr.DataArray, origin: tuple[float, float, float], image: np.ndarray
) -> None:
    import pyvista

    mesh, place = terrain_mesh(ground, origin)
    surface = _polydata(mesh.points, mesh.triangles)
    surface.active_texture_coordinates = place
    every = -(-max(image.shape[:2]) // _TEXTURE)
    texture = pyvista.Texture(np.ascontiguousarray(image[::every, ::every]))
    texture.mipmap = True
    texture.interpolate = True
    plotter.add_mesh(surface, texture=texture, lighting=False, name="ground", show_scalar_bar=False)
    plotter.add_mesh(_skirt(ground, origin), color=_SIDE, lighting=True, ambient=0.35, name="side")


def _add_layer(
    plotter: pv.Plotter,
    ground: xr.DataArray,
    origin: tuple[float, float, float],
    flat: xr.DataArray,
    palette: Palette,
    site: xr.Dataset | None,
) -> None:
    """Colour the ground by a layer; depths of water become a surface of their own above pale ground."""
    missing = np.isnan(flat.values.astype(float))
    if site is None or not lies_on_ground(str(flat.name)):
        image = colour_image(flat, palette, water_cells(flat, site))
        _add_ground(plotter, ground, origin, _under_walls(image, missing))
        return
    pale = backdrop(site)
    if flat.attrs.get("units") != "m":
        _add_ground(plotter, ground, origin, np.where(missing[..., None], pale, palette.image(flat.values)))
        return
    _add_ground(plotter, ground, origin, pale)
    mesh = water_mesh(flat, site["terrain_height"], origin, palette)
    if len(mesh) and mesh.colours is not None:
        surface = _polydata(mesh.points + np.array([0.0, 0.0, 0.05], np.float32), mesh.triangles)
        surface.cell_data["colour"] = mesh.colours
        plotter.add_mesh(surface, scalars="colour", rgb=True, lighting=False, opacity=0.88, name="flood")


def _under_walls(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Carry colours two cells into cells without a value, so that no pale rim shows at the foot of walls."""
    from scipy.ndimage import distance_transform_edt

    if not missing.any() or missing.all():
        return image
    away, (row, column) = distance_transform_edt(missing, return_indices=True)
    return np.where((away <= 2.0)[..., None], image[row, column], image)


def _skirt(ground: xr.DataArray, origin: tuple[float, float, float]) -> pv.PolyData:
    """Side walls that make the terrain a block, like a model on a table."""
    x, y = ground["x"].values, ground["y"].values
    half_x, half_y = abs(x[1] - x[0]) / 2, abs(y[1] - y[0]) / 2
    z = np.where(np.isnan(ground.values), np.nanmin(ground.values), ground.values)
    xe, ye = x.copy(), y.copy()
    xe[[0, -1]] += (-half_x, half_x)
    ye[[0, -1]] += (half_y, -half_y)
    edge = np.concatenate(
        [
            np.column_stack([xe, np.full(len(xe), ye[-1]), z[-1]]),
            np.column_stack([np.full(len(ye), xe[-1]), ye[::-1], z[::-1, -1]]),
            np.column_stack([xe[::-1], np.full(len(xe), ye[0]), z[0, ::-1]]),
            np.column_stack([np.full(len(ye), xe[0]), ye, z[:, 0]]),
        ]
    ) - np.asarray(origin)
    foot = edge.copy()
    foot[:, 2] = _foot(ground)
    number = np.arange(len(edge) - 1)
    upper = number + len(edge)
    triangles = np.concatenate(
        [np.column_stack([number, number + 1, upper + 1]), np.column_stack([number, upper + 1, upper])]
    )
    return _polydata(np.vstack([foot, edge]).astype(np.float32), triangles)


def _foot(ground: xr.DataArray) -> float:
    """Height of the block's underside below the lowest ground [m]."""
    width = abs(float(ground["x"].values[-1] - ground["x"].values[0]))
    return -max(1.5, 0.012 * width)


def _add_buildings(plotter: pv.Plotter, mesh: Mesh) -> None:
    import pyvista

    if not len(mesh) or mesh.lines is None:
        return
    surface = _polydata(mesh.points, mesh.triangles)
    surface.cell_data["colour"] = np.where((mesh.part == ROOF)[:, None], _ROOF_COLOUR, _WALL_COLOUR).astype(np.uint8)
    plotter.add_mesh(surface, scalars="colour", rgb=True, ambient=0.42, diffuse=0.75, name="buildings")
    lines = pyvista.PolyData(mesh.points, lines=np.column_stack([np.full(len(mesh.lines), 2), mesh.lines]).ravel())
    drawn = plotter.add_mesh(lines, color=_EDGE_COLOUR, line_width=1.0, lighting=False, opacity=0.75, name="edges")
    drawn.mapper.SetResolveCoincidentTopologyToPolygonOffset()


def _add_thirsty(
    plotter: pv.Plotter, city: City, thirsty: ThirstyTrees, ground: xr.DataArray, origin: tuple[float, float, float],
    area: Area,
) -> None:  # fmt: skip
    """Draw the trees of a plan: those it cares for in the colour of their reason, the others faintly, and the litres."""
    for name, where, opacity in (("trees", ~thirsty.aside, 1.0), ("aside", thirsty.aside, _FAINT)):
        mesh = trees_mesh(city, ground, origin, area=area, where=where, colours=thirsty.colours)
        _add_mesh(plotter, mesh, smooth=True, opacity=opacity, name=name)
    width = max(0.8, 0.003 * max(area[2] - area[0], area[3] - area[1]))
    columns = columns_mesh(city, thirsty.litres, ground, origin, area=area, width=width)
    _add_mesh(plotter, columns, smooth=False, name="litres")


def _add_mesh(plotter: pv.Plotter, mesh: Mesh, *, smooth: bool, opacity: float = 1.0, name: str = "trees") -> None:
    if not len(mesh) or mesh.colours is None:
        return
    surface = _polydata(mesh.points, mesh.triangles)
    surface.cell_data["colour"] = mesh.colours
    look: dict[str, Any] = {"ambient": 0.5, "diffuse": 0.7, "smooth_shading": smooth, "opacity": opacity}
    plotter.add_mesh(surface, scalars="colour", rgb=True, name=name, **look)
