"""What is wrong with a city profile, in one sentence and the reader's language."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from twin.errors import Phrase, TextError

__all__ = ["nearest", "refusal"]

KeysAllowed = Callable[[Sequence[str | int]], tuple[str, list[str]]]


def nearest(word: str, allowed: Sequence[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the allowed word nearest to a wrong one, else an empty text.

    Examples
    --------
    >>> nearest("cadaster", ["cadastre", "columns"])
    " (did you mean 'cadastre'?)"
    """
    lower = {name.lower(): name for name in allowed}
    found = difflib.get_close_matches(word.lower(), list(lower), n=1, cutoff=0.5)
    return Phrase("did_you_mean", word=lower[found[0]]) if found else ""


def refusal(error: ValidationError, where: str, keys_allowed: KeysAllowed) -> TextError:
    """Return the first thing that is wrong as one sentence.

    Parameters
    ----------
    error : pydantic.ValidationError
        What pydantic found.
    where : str
        Name of the profile.
    keys_allowed : callable
        Gives the name of the table a problem lies in, and the keys allowed there.
    """
    problems = error.errors(include_url=False, include_context=True)
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    if first["loc"][0] == "area" and first["type"] != "value_error":
        extent = Phrase("must_be_extent", given=repr(first["input"]))
        return TextError("profile_value", where=where, key="area", place=Phrase("the_profile"), why=extent)
    location = [part for part in first["loc"] if isinstance(part, int) or part not in ("tuple", "str")]
    key = str(next((part for part in reversed(location) if not isinstance(part, int)), ""))
    shown, allowed = keys_allowed(location)
    position = next((part for part in location if isinstance(part, int)), None)
    whole = shown == "the profile"
    place: str = Phrase("the_profile") if whole else shown
    if position is not None and not whole:
        place = Phrase("number_of", table=shown, number=position + 1)
    if first["type"] == "extra_forbidden":
        return TextError(
            "profile_key", where=where, key=key, place=place, near=nearest(key, allowed), listed=", ".join(allowed)
        )
    if first["type"] == "missing":
        return TextError("profile_key_missing", where=where, key=key, place=place)
    if first["type"] == "value_error":
        told = first["ctx"]["error"]
        why = told.args[0] if told.args and isinstance(told.args[0], Phrase) else str(told)
        return TextError("profile_value", where=where, key=key, place=place, why=why)
    why = _wanted(first)
    return TextError("profile_value_type", where=where, key=key, place=place, given=repr(first["input"]), why=why)


def _wanted(problem: Any) -> str:
    """Return what a value should be, where pydantic names it by a type of error we know."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        bound = next(iter(context.values()))
        return {
            "greater_than": Phrase("must_be_above", bound=bound),
            "greater_than_equal": Phrase("must_be_from", bound=bound),
            "less_than": Phrase("must_be_below", bound=bound),
            "less_than_equal": Phrase("must_be_to", bound=bound),
        }[kind]
    if kind == "literal_error":
        return Phrase("must_be_one_of", listed=str(context["expected"]).replace(" or ", ", "))
    for begin, phrase in (
        ("float", Phrase("must_be_number")),
        ("int", Phrase("must_be_whole")),
        ("string", Phrase("must_be_text")),
        ("bool", Phrase("must_be_yes_no")),
        ("tuple", Phrase("must_be_list")),
        ("dict", Phrase("must_be_table")),
        ("model", Phrase("must_be_table")),
    ):
        if kind.startswith(begin):
            return phrase
    message = str(problem["msg"]).rstrip(".")
    return message[:1].lower() + message[1:]
