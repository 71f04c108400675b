"""Many scenarios side by side: found by folder and pattern, told one by one, none in another's folder; tiles as remedy."""

from __future__ import annotations

import pytest

import models.memory
import twin
from twin.cli import main
from twin.errors import InputError
from twin.scenario.execution import run
from twin.scenario.results import Result
from twin.scenario.schema import read_scenario
from twin.scenario.sweeps import find_scenarios, sweep

SMALL = """
name = "{name}"
city = "{samples}/city.toml"
resolution = 5.0
area = [571900.0, 5676340.0, 572000.0, 5676440.0]
[weather]
path = "{samples}/wetter_hitzetag.csv"
interval = "end"
start = "2022-07-19T12:00"
end = "2022-07-19T13:00"
[run.heat]
[outputs]
formats = ["zarr"]
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")


@pytest.fixture
def variants(tmp_path, samples):
    """A folder of two scenarios, a third whose measure stands in the void, and a file that is no scenario."""
    folder = tmp_path / "variants"
    folder.mkdir()
    small = SMALL.replace("{samples}", samples.as_posix())
    (folder / "a.toml").write_text(small.format(name="As it is"), encoding="utf-8")
    tree = '[[measure]]\nkind = "plant_trees"\nspecies = "Tilia cordata"\nline = [[{x}, 5676410.0], [{x}, 5676380.0]]\nspacing = 8.0\nafter = 30\n'
    (folder / "b.toml").write_text(small.format(name="A tree") + tree.format(x=571_966.0), encoding="utf-8")
    (folder / "c.toml").write_text(small.format(name="Nowhere") + tree.format(x=400_000.0), encoding="utf-8")
    (folder / "notes.toml").write_text("author = 'someone'\n", encoding="utf-8")
    return folder


def sweep_command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_scenarios_are_found_by_folder_pattern_and_name(variants):
    names = [file.name for file in find_scenarios([variants])]
    assert names == ["a.toml", "b.toml", "c.toml"]
    assert [file.name for file in find_scenarios([str(variants / "[ab].toml"), variants / "a.toml"])] == names[:2]
    with pytest.raises(InputError, match="There is no scenario in"):
        find_scenarios([str(variants / "x*.toml")])


def test_one_that_fails_does_not_stop_the_others(variants, tmp_path):
    told = []
    table = sweep([variants], into=tmp_path / "results", workers=2, progress=told.append)
    assert table["name"].tolist() == ["As it is", "A tree", "Nowhere"]
    assert table["done"].tolist() == [True, True, False]
    assert table["bad_input"].tolist() == [False, False, True]
    assert "Traceback" not in table["reason"][2]
    assert told[0].name == "As it is"  # whoever shares its geometry waits for it
    assert {outcome.number for outcome in told} == {0, 1, 2}
    alone = run(variants / "b.toml", output=tmp_path / "alone", progress=False)
    assert (
        Result.open(table["folder"][1]).indicators["value"].equals(Result.open(tmp_path / "alone").indicators["value"])
    )
    assert alone.heat.sizes["time"] == 2
    assert twin.compare(table["folder"][1], table["folder"][0]).table["difference"].abs().max() > 0
    assert not (tmp_path / "results" / "c").exists()


def test_two_results_in_one_folder_are_refused(variants, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.toml").write_text((variants / "a.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.toml would write into the same folder"):
        sweep([variants / "a.toml", other / "a.toml"], into=tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_wrong_file_stops_a_sweep_before_anything_is_run(variants, tmp_path, capsys):
    (variants / "d.toml").write_text('name = "D"\ncity = "nowhere.gml"\n', encoding="utf-8")
    assert sweep_command("run", str(variants), "--output", str(tmp_path / "results"), "--workers", "2") == 2
    said = capsys.readouterr()
    assert "d.toml" in said.err
    assert not said.out
    assert not (tmp_path / "results").exists()


def test_the_command_tells_each(variants, tmp_path, capsys):
    arguments = ("--output", str(tmp_path / "results"), "--no-picture", "--lang", "en", "--workers", "1")
    assert sweep_command("run", str(variants), *arguments) == 2
    said = capsys.readouterr()
    assert "1 of 3: As it is" in said.out
    assert "2 of 3 scenarios are done; compare them with: twin compare" in said.out
    assert "c.toml failed" in said.err
    assert (tmp_path / "results" / "b" / "report.html").is_file()


def test_workers_are_checked(variants, tmp_path, capsys):
    output = ("--output", str(tmp_path / "results"))
    assert sweep_command("run", str(variants / "a.toml"), *output, "--workers", "2", "--scheduler", "tcp://x:1") == 2
    assert "two kinds of workers" in capsys.readouterr().err
    assert sweep_command("run", str(variants / "a.toml"), *output, "--workers", "0") == 2
    with pytest.raises(InputError, match="0 workers"):
        run(variants / "a.toml", workers=0, progress=False)


def test_a_run_too_large_for_memory_is_offered_tiles_and_works_in_tiles(variants, tmp_path, monkeypatch):
    monkeypatch.setenv("TWIN_CACHE", "off")
    monkeypatch.setattr(models.memory, "free_memory", lambda: 20_000)
    with pytest.raises(InputError, match=r"needs about .* Or run it in tiles: twin run \.\.\. --workers"):
        run(variants / "a.toml", progress=False)
    found = run(variants / "a.toml", output=tmp_path / "tiled", workers=1, progress=False)
    monkeypatch.undo()
    monkeypatch.setenv("TWIN_LANG", "en")
    whole = run(variants / "a.toml", output=tmp_path / "whole", progress=False)
    assert (found.heat["utci"].values == Result.open(tmp_path / "whole").heat["utci"].values).any()
    assert found.indicators.equals(whole.indicators)
    assert not list(tmp_path.glob(".*"))


def test_without_a_folder_tiles_lie_where_python_clears_them(variants):
    found = run(read_scenario(variants / "a.toml"), workers=1, progress=False)
    assert found.heat["utci"].shape == (2, 20, 20)
    assert found.indicators["value"].notna().any()
