"""Each of the 15,434 real trees of Berlin-Tiergarten gets litres, date or none, and a reason, within half a minute."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest

import twin

pytestmark = [pytest.mark.slow, pytest.mark.reference]

ROOT = Path(__file__).resolve().parents[2]


def test_a_plan_for_every_tree(shared: Path) -> None:
    assert (shared / "data" / "berlin-tiergarten").is_dir()
    spec = importlib.util.spec_from_file_location("watering_plan_benchmark", ROOT / "benchmarks" / "watering_plan.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    trees = twin.load(ROOT / "tests" / "profiles" / "berlin-tiergarten.toml").trees
    begun = time.process_time()
    plan, said, _ = script.planned(trees)
    assert time.process_time() - begun < 30.0
    assert len(plan.table) == len(said) == len(trees) == 15_434
    assert plan.table.index.is_unique
    assert all(len(sentence) > 20 for sentence in said)
    given = plan.table["litres"] > 0
    assert given.equals(plan.table["date"].notna())
    assert 0.2 < given.mean() < 0.95
    assert (plan.table["litres"] <= plan.table["ring"]).all()
