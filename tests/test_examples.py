"""The examples in docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import models
import twin


def _modules() -> list[str]:
    found = []
    for package in (twin, models):
        found += [info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return sorted(name for name in found if ".samples" not in name or name == "twin.scenario.samples")


@pytest.mark.parametrize("name", _modules())
def test_examples_of_a_module(name: str) -> None:
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    cases = [case for case in finder.find(module) if case.examples]
    if not cases:
        return
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    told: list[str] = []
    for case in cases:
        runner.run(case, out=told.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(told)
