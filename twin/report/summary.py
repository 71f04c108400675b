"""The first sentences of a report, made from numbers: how hot, when, where, why, and how far to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from twin.language import text
from twin.report.facts import Facts
from twin.view import labels

if TYPE_CHECKING:
    from twin.scenario.results import Result

__all__ = ["key_figures", "sentences"]

_NAMED = 3  # streets named in a sentence


def sentences(result: Result, facts: Facts, language: str) -> list[str]:
    """Return the summary in plain language, one paragraph a sentence group.

    Parameters
    ----------
    result : Result
        A run.
    facts : Facts
        Its numbers.
    language : {"en", "de"}
        Language of the sentences.
    """
    zone = str(result.scenario.timezone)
    said = [
        _how_hot(facts, language, zone),
        _when(facts, language, zone),
        _where(facts, language),
        _why(facts, language),
    ]
    return [sentence for sentence in said if sentence]


def _say(key: str, language: str, **values: Any) -> str:
    return text(f"report.{key}", language, **values)


def _how_hot(facts: Facts, language: str, zone: str) -> str:
    first = _say(
        "how_hot",
        language,
        day=labels.day(facts.hottest, language, zone),
        clock=labels.clock(facts.hottest, language, zone),
        mean=labels.number(facts.mean, 1, language),
        p95=labels.number(facts.p95, 1, language),
    )
    worst = next((t for t in (46, 38, 32, 26) if facts.above[t] >= 0.005), None)
    if worst is None:
        return f"{first} {_say('no_stress', language)}"
    parts = [t for t in (32, 38, 46) if facts.above[t] >= 0.005] or [26]
    shares = [_say(f"share_above_{t}", language, share=labels.share(facts.above[t], language)) for t in parts]
    return f"{first} {_say('then', language, list=_listed(shares, language))}"


def _when(facts: Facts, language: str, zone: str) -> str:
    if facts.strong is None:
        return _say("never_half", language)
    first, last = (labels.local_time(t, zone) for t in facts.strong)
    key = "when" if first != last else "when_once"
    return _say(key, language, first=f"{first:%H:%M}", last=f"{last:%H:%M}")


def _where(facts: Facts, language: str) -> str:
    streets = facts.streets
    if len(streets) < 2 * _NAMED:
        return ""
    named = [
        _listed(
            [f"{name} ({labels.number(float(value), 1, language)}\u00a0°C)" for name, value in part.items()], language
        )
        for part in (streets.iloc[:_NAMED], streets.iloc[: -_NAMED - 1 : -1])
    ]
    return _say("where", language, hot=named[0], cool=named[1])


def _why(facts: Facts, language: str) -> str:
    said = []
    if np.isfinite(facts.crown_effect):
        cooler = facts.crown_effect < 0
        value = labels.number(abs(facts.crown_effect), 1, language)
        said.append(_say("crowns_cool" if cooler else "crowns_warm", language, value=value))
    if facts.hot is not None and facts.cool is not None:
        values = {
            f"{name}_{side}": labels.share(getattr(part, name), language)
            for side, part in (("hot", facts.hot), ("cool", facts.cool))
            for name in ("sealed", "under_crowns")
        }
        gap = labels.number(facts.hot.mean - facts.cool.mean, 1, language)
        said.append(_say("why", language, gap=gap, **values))
    return " ".join(said)


def key_figures(facts: Facts, language: str) -> list[tuple[str, str]]:
    """Return the few numbers set large at the top of the page: (number with unit, what it is)."""
    figures = [
        (f"{labels.number(facts.mean, 1, language)}\u00a0°C", _say("key_mean", language)),
        (labels.share(facts.above[38], language), _say("key_very_strong", language)),
    ]
    if np.isfinite(facts.crown_effect):
        sign = "+" if facts.crown_effect > 0 else ""
        figures.append((f"{sign}{labels.number(facts.crown_effect, 1, language)}\u00a0K", _say("key_crowns", language)))
    return figures


def _listed(items: list[str], language: str) -> str:
    """Return items as a list in a sentence: "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {_say('and', language)} {items[-1]}"
