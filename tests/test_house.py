"""The house itself: cold start, the guard against a hiding ``models.py``, and texts in both languages."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from models import layers
from twin.language import EASY, LANGUAGES, text

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "twin" / "texts"


def _python(code: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)


def test_importing_twin_is_quick_and_leaves_vtk_and_dask_alone() -> None:
    code = "import sys, twin; print(sorted({'vtk', 'vtkmodules', 'pyvista', 'dask', 'numba', 'geopandas'} & set(sys.modules)))"
    _python("import twin")
    fastest = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        done = _python("import twin")
        fastest = min(fastest, time.perf_counter() - start)
        assert done.returncode == 0, done.stderr
    assert fastest < 1.5
    assert _python(code).stdout.strip() == "[]"


@pytest.mark.parametrize("hiding", ["models.py", "models/__init__.py"])
def test_a_hiding_models_is_named(tmp_path: Path, hiding: str) -> None:
    file = tmp_path / hiding
    file.parent.mkdir(exist_ok=True)
    file.write_text("answer = 42\n")
    done = _python("import twin", tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("ImportError: ")
    assert str(file) in last
    assert "rename" in last


def _tables() -> dict[str, dict[str, dict[str, str]]]:
    rooms: dict[str, dict[str, dict[str, str]]] = {}
    for file in TEXTS.glob("*.toml"):
        room, language = file.name.split(".")[:2]
        rooms.setdefault(room, {})[language] = tomllib.loads(file.read_text(encoding="utf-8"))
    return rooms


def _names(sentence: str) -> set[str]:
    import string

    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_text_stands_in_both_languages_with_the_same_values() -> None:
    rooms = _tables()
    assert rooms
    for room, tables in rooms.items():
        assert set(tables) - {EASY} == set(LANGUAGES), room
        assert set(tables["en"]) == set(tables["de"]), room
        for key, sentence in tables.get(EASY, {}).items():
            assert key not in tables["de"] or _names(sentence) <= _names(tables["de"][key]), f"{room}.{key}"
        for key in tables["en"]:
            assert _names(tables["en"][key]) == _names(tables["de"][key]), f"{room}.{key}"
            assert tables["en"][key].strip(), f"{room}.{key}"


def test_every_gap_code_has_its_sentences() -> None:
    codes = set()
    for file in (ROOT / "twin").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "add"
                and any(keyword.arg == "severity" for keyword in node.keywords)
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                codes.add(node.args[0].value)
    known = _tables()["city"]["en"]
    missing = sorted(code for code in codes if f"gap_{code}" not in known or f"remedy_{code}" not in known)
    assert codes
    assert not missing


def test_an_unknown_text_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("city.there_is_no_such_text", "en")


def test_layer_tables_are_complete() -> None:
    assert {"paved", "asphalt", "cobble", "building", "grass", "bare_soil", "water", "shrub", "green_roof"} <= set(
        layers.LAND_COVER
    )
    assert 0 not in layers.LAND_COVER.values()
    for column in ("albedo", "emissivity", "imperviousness", "manning_n"):
        values = layers.land_cover_property(column)[list(layers.LAND_COVER.values())]
        assert (values >= 0).all()
        assert (values <= 1).all()
    for layer in layers.LAYERS.values():
        assert layer.dims == ("y", "x")
        assert layer.units
        assert all(layer.long_name[language] for language in LANGUAGES)


def test_a_plain_install_needs_no_extra() -> None:
    extras = (
        "dask",
        "distributed",
        "pyswmm",
        "swmm",
        "pyvrp",
        "laspy",
        "sqlalchemy",
        "paho",
        "starlette",
        "uvicorn",
        "IPython",
    )
    rooms = (
        "twin.scenario.execution",
        "twin.report.page",
        "twin.view.scenes",
        "twin.city.loading",
        "twin.cli",
        "twin.sensors.weather_store",
        "models.heat",
    )
    code = (
        "import sys, importlib\n"
        f"sys.modules.update(dict.fromkeys({extras!r}))\n"  # None there makes an import fail, as on a plain install
        f"for room in {rooms!r} + ('models.water', 'models.mobility', 'twin.scenario.flood'): importlib.import_module(room)\n"
        "from twin.scenario.inputs import read_weather_of; from twin.scenario.schema import read_scenario\n"
        "assert read_weather_of(read_scenario('data/samples/hitzetag.toml')).sizes['time'] == 24\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-600:]
