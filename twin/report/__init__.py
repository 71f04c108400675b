"""Reports: one self-contained HTML file a run and language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["write_report"]

if TYPE_CHECKING:
    from twin.report.page import write_report


def __getattr__(name: str) -> Any:
    if name == "write_report":
        from twin.report.page import write_report

        return write_report
    raise AttributeError(f"module 'twin.report' has no attribute {name!r}")
