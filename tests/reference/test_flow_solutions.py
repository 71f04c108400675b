"""The flow solvers against closed solutions, with the tolerances that docs/validation/water.md states."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.reference


@pytest.fixture
def validation(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script that writes the page: what is tested here is what it shows."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import water_validation

    yield water_validation
    sys.modules.pop("water_validation", None)


# case: how many rows, and the limits they are held to [relative L1 of depth]
CASES = {
    "Ritter": (0.12, 0.01),
    "MacDonald, long": (0.025, 0.01),
    "MacDonald with rain": (0.04, 0.006),
    "Bump, subcritical": (0.02,),
    "Bump, transcritical": (0.05,),
    "Thacker": (0.12, 0.03),
}


@pytest.mark.parametrize("case", [pytest.param(n, marks=[pytest.mark.slow] if n[0] in "BT" else []) for n in CASES])
def test_closed_solutions_of_swashes(validation: ModuleType, shared: Path, case: str) -> None:
    rows = validation.swashes(shared / "reference" / "water" / "swashes", case)
    assert len(rows) == len(CASES[case])
    for (_, solver, found, _, _), most in zip(rows, CASES[case], strict=True):
        assert float(found) <= most, (case, solver)


def test_a_rained_plane_runs_off_as_the_kinematic_wave(validation: ModuleType, shared: Path) -> None:
    rows = {(name, solver): found for name, solver, found, _, _ in validation.plane(shared / "reference" / "water")}
    for solver in ("inertial", "shallow_water"):
        assert float(rows["Kinematic plane, hydrograph", solver]) > 0.99
        assert abs(float(rows["Kinematic plane, equilibrium flow", solver].split()[0])) < 0.5


def test_volume_closes_in_both_orders_and_number_types(validation: ModuleType) -> None:
    rows = validation.balances()
    assert len(rows) == 6
    for _, label, found, _, _ in rows:
        error, least = (float(part.split()[0]) for part in found.split(","))
        assert error <= (1e-6 if "float32" in label else 1e-12), label
        assert least >= 0.0, label


def test_lakes_stay_at_rest_in_both_orders(validation: ModuleType) -> None:
    for _, label, found, _, _ in validation.lakes():
        assert float(found.split()[0]) <= 1e-12, label
