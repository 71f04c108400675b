"""Progress bars: drawn on a terminal, nested without a crash, silent elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

CODE = """
import time
from twin.progress import track
with track("Outer", 2) as outer:
    with track("Inner", 2) as inner:
        for i in (1, 2):
            inner(i); time.sleep(0.15)
    outer(2); time.sleep(0.15)
try:
    with track("Broken", 2):
        raise ValueError("x")
except ValueError:
    pass
"""


def test_silent_without_a_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="pseudo terminals are a POSIX thing")
def test_nested_bars_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait() == 0
    assert b"Outer" in shown
    assert b"Inner" in shown


def test_a_program_that_only_loads_the_kernel_library_is_no_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ipykernel")
    from twin.progress import track

    monkeypatch.delenv("TWIN_PROGRESS", raising=False)
    with track("Counting", total=2) as done:
        done(2)
    assert capsys.readouterr().out == ""
