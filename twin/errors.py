"""The errors a user meets: one sentence each, with what, where, what is allowed and what to do.

Everything that is the input's fault is an :class:`InputError` (the command line prints the sentence and ends with
exit code 2); anything else is a fault of ours and keeps its traceback in the log.
"""

from __future__ import annotations

from models.layers import InputError

__all__ = ["InputError"]
