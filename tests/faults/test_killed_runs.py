"""Runs that are killed, starved of disk, or started twice: what is finished stays, nothing half is taken for whole."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and file systems of Linux")

PATIENCE = 300.0  # [s] on a machine with other work
ROOT = Path(__file__).resolve().parents[2]

TILES = """
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("town_of_tiles", {town!r})
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
import twin
finished = []
try:
    day = made.tiles_weather(12).isel(time=slice(4, 12))
    twin.tiles.heat(made.tiles_town(), day, folder={folder!r}, tile={tile}, workers={workers}, finished=finished)
except twin.InputError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
print(json.dumps(sorted(cost.number for cost in finished)))
"""


def started(folder: Path, *, workers: int | None = 2, tile: int = 40) -> subprocess.Popen[str]:
    """Start a process that computes 20 tiles."""
    town = str(ROOT / "tests" / "scenario" / "test_tiles.py")
    code = TILES.format(town=town, folder=str(folder), workers=workers, tile=tile)
    environment = {**os.environ, "TWIN_LANG": "en", "TWIN_THREADS": "2"}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True, env=environment)


def done_in(folder: Path) -> set[int]:
    place = folder / "results.zarr" / "done" / "c"
    return {int(file.name) for file in place.iterdir() if file.name.isdigit()} if place.is_dir() else set()


def wait_until(fact, process: subprocess.Popen[str]) -> None:
    """Wait until something is so, while a process runs."""
    end = time.monotonic() + PATIENCE
    while not fact():
        assert process.poll() is None, f"ended too early: {process.communicate()}"
        assert time.monotonic() < end, "nothing happens"
        time.sleep(0.005)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Return the worker processes of a run, whichever of its threads has started them."""
    found = []
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        found += [int(one) for one in (task / "children").read_text(encoding="ascii").split()]
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def bytes_of(folder: Path) -> dict[str, str]:
    """Return the hash of each file of the results of a work folder."""
    files = sorted(file for file in (folder / "results.zarr").rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Bytes of a run that nobody disturbs, computed in one process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run = started(folder, workers=None)
    out, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, err
    assert out.count(",") == 19
    return bytes_of(folder)


def test_a_killed_worker_costs_the_tile_in_its_hand(undisturbed, tmp_path):
    run = started(tmp_path)
    wait_until(lambda: len(done_in(tmp_path)) >= 3, run)
    os.kill(workers_of(run)[0], signal.SIGKILL)
    out, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, err
    assert out.strip() == str(list(range(20)))
    assert bytes_of(tmp_path) == undisturbed


def test_a_killed_run_goes_on_with_what_is_missing(undisturbed, tmp_path):
    run = started(tmp_path)
    wait_until(lambda: len(done_in(tmp_path)) >= 3, run)
    workers = workers_of(run)
    assert len(workers) == 2
    run.kill()
    run.communicate()
    end = time.monotonic() + PATIENCE
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < end, "workers outlive the run"
        time.sleep(0.005)
    before = done_in(tmp_path)
    assert 3 <= len(before) < 20
    again = started(tmp_path)
    out, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, err
    assert set(map(int, out.strip(" []\n").split(","))) == set(range(20)) - before
    assert bytes_of(tmp_path) == undisturbed


def test_two_runs_in_one_work_folder(tmp_path):
    first = started(tmp_path)
    wait_until(lambda: len(done_in(tmp_path)) >= 1, first)
    os.kill(first.pid, signal.SIGSTOP)  # the first one is held in the middle, however fast the machine is
    try:
        second = started(tmp_path, workers=None)
        _, err = second.communicate(timeout=PATIENCE)
        assert second.returncode == 2
        assert "Another run is working in" in err
    finally:
        os.kill(first.pid, signal.SIGCONT)
    out, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, err
    assert out.strip() == str(list(range(20)))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 6 MiB of its own; skipped where this user may mount none."""
    place = tmp_path / "disk"
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", os.fsencode(place), b"tmpfs", 0, b"size=6m") != 0:
        pytest.skip(f"no file system may be mounted here ({errno.errorcode[ctypes.get_errno()]})")
    yield place
    assert libc.umount(os.fsencode(place)) == 0


@pytest.mark.parametrize("workers", [None, 2])
def test_a_full_disk_says_so_and_keeps_what_is_finished(undisturbed, small_disk, workers):
    folder = small_disk / "work"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(5_100_000))
    run = started(folder, workers=workers)
    _, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2
    assert "The disk of" in err
    assert "is full" in err
    assert "Traceback" not in err
    before = done_in(folder)
    filler.unlink()
    again = started(folder, workers=workers)
    out, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, err
    assert set(map(int, out.strip(" []\n").split(","))) == set(range(20)) - before
    assert bytes_of(folder) == undisturbed


SCENARIO = """
name = "{name}"
city = "{samples}/city.toml"
resolution = 1.0
area = [571700.0, 5676200.0, 572000.0, 5676500.0]
[weather]
path = "{samples}/wetter_hitzetag.csv"
interval = "end"
start = "2022-07-19T09:00"
end = "2022-07-19T14:00"
[run.heat]
[outputs]
formats = ["zarr"]
"""


def twin_run(*arguments: str, limit: int | None = None, **environment: str) -> subprocess.Popen[str]:
    """Start ``twin run``; ``limit`` is the size that no file may outgrow [bytes]."""

    def begin() -> None:
        if limit is not None:
            import resource

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "twin.cli", "run", *arguments, "--lang", "en", "--no-picture"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment}, preexec_fn=begin
    )


@pytest.fixture(scope="module")
def scenario(tmp_path_factory, samples):
    file = tmp_path_factory.mktemp("scenario") / "quarter.toml"
    file.write_text(SCENARIO.format(name="Quarter", samples=samples.as_posix()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def whole(scenario):
    """Result folder of a run in one piece."""
    folder = scenario.parent / "whole"
    run = twin_run(str(scenario), "--output", str(folder))
    _, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, err
    return folder


def test_a_killed_command_goes_on_and_gives_the_same_folder(scenario, whole, tmp_path):
    work = tmp_path / ".tiled.tiles"
    first = twin_run(str(scenario), "--output", str(tmp_path / "tiled"), "--workers", "2")
    wait_until(lambda: len(done_in(work)) >= 1, first)
    first.kill()
    first.communicate()
    assert not (tmp_path / "tiled").exists()
    assert done_in(work)
    second = twin_run(str(scenario), "--output", str(tmp_path / "tiled"), "--workers", "2")
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    assert "Going on with the run begun before" in err
    assert not work.exists()
    listed = subprocess.run(["diff", "-r", str(whole), str(tmp_path / "tiled")], capture_output=True, text=True)
    assert listed.stdout == ""
    assert not list(tmp_path.glob(".*.lock"))


def test_two_commands_on_one_result_folder(scenario, tmp_path):
    first = twin_run(str(scenario), "--output", str(tmp_path / "result"))
    wait_until(lambda: (tmp_path / ".result.lock").exists(), first)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second = twin_run(str(scenario), "--output", str(tmp_path / "result"))
        _, err = second.communicate(timeout=PATIENCE)
        assert second.returncode == 2
        assert "Another run is writing" in err
    finally:
        first.kill()
        first.communicate()


def test_a_limit_of_file_sizes_reads_as_a_full_disk(scenario, whole, tmp_path):
    old = tmp_path / "result"
    shutil.copytree(whole, old)
    before = (old / "result.json").read_bytes()
    run = twin_run(str(scenario), "--output", str(old), limit=30_000, TWIN_CACHE="off")
    _, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2, err
    assert "The disk of" in err
    assert "is full" in err
    assert (old / "result.json").read_bytes() == before
    assert not list(tmp_path.glob(".*"))
