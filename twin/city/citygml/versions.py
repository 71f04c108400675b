"""Which versions of objects hold on a day: by their dates, else by the versions of the model that name them.

Real-world dates (``validFrom``, ``validTo``) count before those of the database (``creationDate``,
``terminationDate``). What is valid from a day on and until a day is valid on the first and not on the last.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from twin.city.citygml.columns import FileColumns, kept
from twin.city.gaps import GapLog
from twin.errors import TextError

__all__ = ["day_of", "of_day", "tell_versions"]

_STARTS = ("validFrom", "creationDate")
_ENDS = ("validTo", "terminationDate")


def day_of(at: str | date | None) -> date | None:
    """Return the day ``at`` means: None for all versions, today for "current".

    Raises
    ------
    InputError
        If the text is no date.

    Examples
    --------
    >>> day_of("2015-01-01"), day_of("all")
    (datetime.date(2015, 1, 1), None)
    """
    if at is None or isinstance(at, date):
        return at
    if at == "all":
        return None
    if at == "current":
        return date.today()
    try:
        return date.fromisoformat(str(at)[:10])
    except ValueError:
        raise TextError("at_date", given=at) from None


def _date(attributes: dict[str, Any], keys: tuple[str, ...]) -> date | None:
    for key in keys:
        value = attributes.get(key)
        value = value[0] if isinstance(value, list) else value
        try:
            return date.fromisoformat(str(value)[:10])
        except ValueError:
            continue
    return None


def _left_by_version(columns: FileColumns, day: date) -> set[str]:
    """Return the ids that versions of the model name, and the version of the day does not.

    The version of the day is the last one that does not begin later; without dates it is the one nothing follows.
    """
    kinds, attributes = columns.objects["kind"], columns.objects["attributes"]
    followed = {
        str(attributes[i].get("from", "")).removeprefix("#") for i in np.flatnonzero(kinds == "VersionTransition")
    }
    versions = [i for i in np.flatnonzero(kinds == "Version") if (_date(attributes[i], _STARTS) or day) <= day]
    members = {i: _targets(attributes[i].get("versionMember")) for i in versions}
    open_ends = [i for i in versions if columns.objects["id"][i] not in followed] or versions
    if not open_ends:
        return set()
    return set().union(*members.values()) - members[open_ends[-1]]


def _targets(value: Any) -> set[str]:
    values = value if isinstance(value, list) else [value]
    return {href.removeprefix("#") for href in values if isinstance(href, str)}


def of_day(columns: FileColumns, day: date, log: GapLog) -> FileColumns:
    """Keep the objects that hold on a day, with a row in the gap table for those left out.

    Parameters
    ----------
    columns : FileColumns
        All files joined.
    day : datetime.date
        The day.
    log : GapLog
        Takes the row.
    """
    ids, parent, attributes = (columns.objects[name] for name in ("id", "parent", "attributes"))
    keep = np.ones(len(ids), dtype=bool)
    named = _left_by_version(columns, day)
    for row, told in enumerate(attributes):
        start, end = _date(told, _STARTS), _date(told, _ENDS)
        if end is not None or (start is not None and start > day):
            keep[row] = (start is None or start <= day) and (end is None or end > day)
        elif ids[row] in named:
            keep[row] = False
    if keep.all():
        return columns
    whole = ~keep
    for row in np.flatnonzero(parent >= 0).tolist():  # a child stands after its parent
        whole[row] &= keep[parent[row]]
        keep[row] &= keep[parent[row]]
    log.add(
        "gml_versions_left_out", layer="buildings", severity="info", count=int(whole.sum()), of=len(ids),
        source=", ".join(sorted(set(columns.objects["source"][whole]))[:3]), places=ids[whole], day=day.isoformat(),
    )  # fmt: skip
    surfaces = np.append(keep, True)[columns.surfaces["object"]]
    return kept(columns, surfaces, keep)


def tell_versions(columns: FileColumns, log: GapLog) -> None:
    """Write a row where several versions of the city are read together."""
    versions = columns.objects["kind"] == "Version"
    if versions.sum() > 1:
        source = ", ".join(sorted(set(columns.objects["source"][versions]))[:3])
        log.add(
            "gml_versions_together", layer="buildings", severity="warning", count=int(versions.sum()), source=source,
            places=columns.objects["id"][versions],
        )  # fmt: skip
