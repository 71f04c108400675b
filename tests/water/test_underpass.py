"""An underpass worked out by hand: orifice at its mouth, Manning in a long one, never more than evens out the levels."""

from __future__ import annotations

import numpy as np
import pytest

from models.water.exchange import Surface
from models.water.structures import Culvert, Links


def after(length: float, depth: float, seconds: float = 1.0) -> tuple[np.ndarray, float]:
    """Return the depths of two cells of 10 m after some time, and what passed the underpass of 4 x 2.5 m [m3]."""
    water = np.array([[depth, 0.0, 0.0]])
    surface = Surface(water, np.full((1, 3), 50.0), np.array([[True, False, True]]), 10.0)
    links = Links([Culvert((0, 0), (0, 2), 4.0, 2.5, length)], (1, 3))
    links.step(0.0, seconds, surface)
    return water, float(links.passed[0])


def test_a_short_underpass_is_an_orifice() -> None:
    """A = 4 x 0.5 = 2 m2; Q = 0.6 x 2 x sqrt(2 x 9.81 x 0.5) = 1.2 x 3.1321 = 3.7585 m3/s; Manning would let 11.4 pass."""
    water, passed = after(20.0, 0.5)
    assert passed == pytest.approx(3.7585, abs=1e-4)
    assert water[0].tolist() == pytest.approx([0.462415, 0.0, 0.037585], abs=1e-6)


def test_a_long_underpass_is_a_channel() -> None:
    """R = 2 / (4 + 2 x 0.5) = 0.4 m; Q = 2 x 0.4^(2/3) / 0.015 x sqrt(0.5 / 500) = 72.38 x 0.031623 = 2.289 m3/s."""
    assert after(500.0, 0.5)[1] == pytest.approx(2.289, abs=1e-3)


def test_no_more_passes_than_evens_out_the_levels() -> None:
    water, passed = after(20.0, 0.5, seconds=60.0)  # half of 0.5 m on 100 m2
    assert passed == pytest.approx(25.0)
    assert water[0, 0] == pytest.approx(water[0, 2])
