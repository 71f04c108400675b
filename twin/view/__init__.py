"""What people see: maps, 3D scenes, and the colours and labels they share.

``twin.view.scene(city, layer)`` draws in 3D, ``twin.view.maps.draw(layer)`` makes a map. Nothing is imported before it
is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["draw", "maps", "palettes", "picture", "scene"]

if TYPE_CHECKING:
    from twin.view import maps, palettes
    from twin.view.maps import draw
    from twin.view.scenes import picture, scene

_FUNCTIONS = {"draw": "maps", "picture": "scenes", "scene": "scenes"}


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        value = getattr(importlib.import_module(f"twin.view.{_FUNCTIONS[name]}"), name)
        globals()[name] = value
        return value
    if name in ("maps", "palettes"):
        return importlib.import_module(f"twin.view.{name}")
    raise AttributeError(f"module 'twin.view' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
