"""The command line: ``twin demo``, ``run``, ``compare``, ``diff``, ``view``, ``check``, ``convert``, ``schema``, ``sensors`` and ``serve``."""

from __future__ import annotations

from twin.cli import data, runs, scenarios, sensing, sensors, serving, views  # noqa: F401  (each adds its commands)
from twin.cli.program import app, main

__all__ = ["app", "main"]
