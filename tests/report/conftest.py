"""One real run of the sample district, coarse and quick, for all report tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import twin
from twin.scenario.results import Result
from twin.scenario.schema import read_scenario


@pytest.fixture(scope="session")
def sample_result(samples: Path) -> Result:
    """The hot day of the sample district at 5 m."""
    scenario = read_scenario(samples / "hitzetag.toml")
    coarse = scenario.model_copy(update={"resolution": 5.0})
    return twin.run(coarse, progress=False)


@pytest.fixture(scope="session")
def pages(sample_result: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The report in both languages."""
    from twin.report import write_report

    folder = tmp_path_factory.mktemp("report")
    other = {"de": "report.en.html", "en": "report.de.html"}
    return {
        language: write_report(
            sample_result, folder / f"report.{language}.html", language=language, other=name
        ).read_text(encoding="utf-8")
        for language, name in other.items()
    }
