"""Urban digital twin: city data in one model, heat, water, trees and mobility on it, checked against measurements.

``import twin`` is light: the parts below are imported when they are first used.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"


def _require_our_models() -> None:
    """Refuse to start where a user's own ``models.py`` hides the physics package, and name that file."""
    spec = importlib.util.find_spec("models")
    origin = Path(spec.origin) if spec is not None and spec.origin else None
    if origin is None or not (origin.parent / "layers.py").is_file():
        where = origin or "(nothing)"
        raise ImportError(
            f"The package 'models' of urban-twin is hidden by {where}: rename that file or folder, "
            "or start Python from another folder."
        )


_require_our_models()

_PUBLIC = {
    "City": ("twin.city.model", "City"),
    "InputError": ("twin.errors", "InputError"),
    "Result": ("twin.scenario.results", "Result"),
    "SensorStore": ("twin.sensors.store", "SensorStore"),
    "open_city": ("twin.city.writers.stored", "open_city"),
    "compare": ("twin.scenario.comparison", "compare"),
    "load": ("twin.city.loading", "load"),
    "run": ("twin.scenario.execution", "run"),
    "sweep": ("twin.scenario.sweeps", "sweep"),
}
_ROOMS = ("city", "report", "scenario", "sensors", "view")
_FACES = {"tiles": "twin.scenario.tiles"}

__all__ = [
    "City",
    "InputError",
    "Result",
    "SensorStore",
    "__version__",
    "city",
    "compare",
    "load",
    "open_city",
    "report",
    "run",
    "scenario",
    "sensors",
    "sweep",
    "tiles",
    "view",
]

if TYPE_CHECKING:
    from twin import city, report, scenario, sensors, view
    from twin.city.loading import load
    from twin.city.model import City
    from twin.city.writers.stored import open_city
    from twin.errors import InputError
    from twin.scenario import tiles
    from twin.scenario.comparison import compare
    from twin.scenario.execution import run
    from twin.scenario.results import Result
    from twin.scenario.sweeps import sweep
    from twin.sensors.store import SensorStore


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        module, attribute = _PUBLIC[name]
        value = getattr(importlib.import_module(module), attribute)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return importlib.import_module(f"twin.{name}")
    if name in _FACES:
        return importlib.import_module(_FACES[name])
    raise AttributeError(f"module 'twin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
