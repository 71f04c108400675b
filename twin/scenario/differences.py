"""What differs between two scenario files, in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from twin.language import default_language, text
from twin.scenario.measures import Measure
from twin.scenario.measures.places import PLACES
from twin.scenario.schema import Scenario

__all__ = ["differences"]

_LEFT_OUT = ("measure", "baseline")


def differences(first: Scenario, second: Scenario, language: str | None = None) -> list[str]:
    """Return what differs between two scenarios, a sentence each; one sentence where nothing does.

    Parameters
    ----------
    first, second : Scenario
        Scenarios; values are those that count, defaults and what a baseline says included.
    language : {"en", "de"}, optional
        By default the user's.

    Examples
    --------
    >>> weather = {"path": "weather.csv", "interval": "end"}
    >>> one = Scenario(name="Hot day", city="city.toml", weather=weather)
    >>> differences(one, one.model_copy(update={"resolution": 2.0}), "en")
    ['resolution: 1 becomes 2.']
    """
    chosen = language or default_language()
    before, after = _flat(first), _flat(second)
    names = (first.stem, second.stem)
    said = []
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if old is None:
            said.append(text("comparison.diff_only_second", chosen, key=key, value=_said(new), file=names[1]))
        elif new is None:
            said.append(text("comparison.diff_only_first", chosen, key=key, value=_said(old), file=names[0]))
        else:
            said.append(text("comparison.diff_changed", chosen, key=key, before=_said(old), after=_said(new)))
    said += _measures(first.measure, second.measure, chosen)
    return said or [text("comparison.diff_none", chosen)]


def _flat(scenario: Scenario) -> dict[str, Any]:
    """Return the keys of a scenario with dots for tables; paths as they lead from the folder of work."""
    found = dict(_walk(scenario.model_dump(exclude_none=True, exclude=set(_LEFT_OUT)), ""))
    for where, path in scenario.files():
        key = where.replace("[", "").replace("] ", ".").replace("]", "")
        if key in found:
            found[key] = scenario.resolve(path).resolve().name
    return found


def _walk(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_said(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _what(measure: Measure, language: str) -> str:
    kind = text(f"measures.kind_{measure.kind}", language)
    return f"{kind} “{measure.name}”" if measure.name else kind


def _title(measure: Measure) -> str:
    return f"{measure.kind} {measure.name}"


def _measures(before: tuple[Any, ...], after: tuple[Any, ...], language: str) -> Iterator[str]:
    """Yield what happens to measures: gone, new, or changed; pairs are those of one kind and name in order."""
    match = difflib.SequenceMatcher(None, [_title(m) for m in before], [_title(m) for m in after], autojunk=False)
    for tag, i1, i2, j1, j2 in match.get_opcodes():
        if tag == "equal":
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                changes = _changes(before[i], after[j], language)
                if changes:
                    what = _what(after[j], language)
                    values = {"number": j + 1, "what": what, "changes": " ".join(changes)}
                    yield text("comparison.diff_measure_changed", language, **values)
            continue
        for i in range(i1, i2):
            yield text("comparison.diff_measure_gone", language, number=i + 1, what=_what(before[i], language))
        for j in range(j1, j2):
            yield text("comparison.diff_measure_new", language, number=j + 1, what=_what(after[j], language))


def _changes(before: Measure, after: Measure, language: str) -> list[str]:
    old, new = before.model_dump(), after.model_dump()
    found = []
    place = [key for key in PLACES if old.get(key) != new.get(key)]
    if place:
        first, second = _coordinates(before), _coordinates(after)
        moved = len(second) - len(set(first) & set(second))
        found.append(text("comparison.diff_change_place", language, moved=moved, count=len(second)))
    for key in new:
        if key not in PLACES and old.get(key) != new[key]:
            values = {"key": key, "before": _said(old.get(key)), "after": _said(new[key])}
            found.append(text("comparison.diff_change_key", language, **values))
    return found


def _coordinates(measure: Measure) -> list[Any]:
    value = getattr(measure, measure.where)
    return list(value) if isinstance(value, tuple) else [str(value)]
