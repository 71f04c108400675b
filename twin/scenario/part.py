"""What all tables of a scenario file have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Part"]


class Part(BaseModel):
    """One table of a scenario file: only the keys it knows, and none changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
