"""The sensor profile: which store, and which sources, as one TOML file.

Paths and the store are relative to the profile. Secrets never stand in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from twin.errors import InputError
from twin.language import text
from twin.sensors.alerts import Rule
from twin.sensors.properties import Place, Reading
from twin.sensors.telling import AlertBroker, Mail

__all__ = ["Level", "NowcastPart", "Profile", "Source", "read_file", "read_profile"]

_Format = Literal["dwd_cdc", "dwd_poi", "mosmix", "sensor_community", "opensensemap", "messages"]


class Source(BaseModel):
    """One source: files of a format, or a broker."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["files", "mqtt"]
    path: str = ""
    format: _Format | None = None
    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    topic: str = ""
    messages: Literal["json", "the_things_stack", "chirpstack"] = "json"
    client_id: str = "urban-twin"
    user: str | None = None
    password: str | None = None
    tls: bool = False
    zone: str | None = None
    station_class: Literal["reference", "municipal", "citizen", "test"] = "citizen"
    privacy: Literal["public", "private", "personal"] | None = None
    salt: str | None = None


class Level(BaseModel):
    """One ``[[level]]``: alarm levels of a station, in the order in which they are reached."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    station: str
    variable: str = "water_level"
    levels: tuple[float, ...] = Field(min_length=1)
    names: tuple[str, ...] = ()
    falling: bool = Field(False, description="Levels are reached from above, as with soil moisture.")


class NowcastPart(BaseModel):
    """The ``[nowcast]`` of a profile: which scenario is looked at, and where the state of the city is written."""

    model_config = ConfigDict(extra="forbid")

    scenario: str
    folder: str = "nowcast"
    minutes: float = Field(60.0, gt=0, le=1440, description="Values that are older do not count [min].")


class Profile(BaseModel):
    """Store, limits of the tests, places of stations, and sources."""

    model_config = ConfigDict(extra="forbid")

    store: str
    archive: str | None = None
    limits: str | None = None
    stations: str | None = None
    source: list[Source] = Field(min_length=1)
    alert: list[Rule] = Field(default_factory=list)
    level: list[Level] = Field(default_factory=list)
    nowcast: NowcastPart | None = None
    mail: Mail | None = None
    alert_broker: AlertBroker | None = None
    folder: Path = Path()

    @model_validator(mode="after")
    def _names_once(self) -> Profile:
        names = [rule.name for rule in self.alert]
        again = next((name for name in names if names.count(name) > 1), None)
        if again is not None:
            raise ValueError(text("sensors.alert_twice", name=again))
        return self

    def store_url(self) -> str:
        """Return the address of the store; a file is relative to the profile."""
        if "://" not in self.store:
            return f"sqlite:///{self.folder / self.store}"
        kind, _, path = self.store.partition(":///")
        return f"sqlite:///{self.folder / path}" if kind == "sqlite" else self.store


def read_profile(path: str | Path) -> Profile:
    """Read a sensor profile.

    Raises
    ------
    InputError
        If the file is missing, no TOML, or a value in it is not allowed.
    """
    file = Path(path)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(text("sensors.file_missing", file=file)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(text("sensors.toml_broken", file=file.name, reason=str(error))) from None
    try:
        profile = Profile(**(content | {"folder": file.parent}))
    except (ValidationError, TypeError) as error:
        first: Any = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(text("sensors.profile_value", file=file.name, where=where, reason=first["msg"])) from None
    for source in profile.source:
        if source.kind == "files" and not (source.path and source.format):
            raise InputError(text("sensors.profile_files", file=file.name))
    return profile


def read_file(path: Path, kind: str) -> tuple[list[Reading], list[Place]]:
    """Read one file of a format that a profile may name."""
    from twin.sensors import citizen, dwd, forecasts

    readers: dict[str, Callable[[Path], tuple[list[Reading], list[Place]]]] = {
        "dwd_cdc": dwd.read_cdc,
        "dwd_poi": lambda file: (dwd.read_poi(file), []),
        "mosmix": lambda file: forecasts.read_mosmix(file)[:2],
        "sensor_community": citizen.read_sensor_community,
        "opensensemap": citizen.read_opensensemap,
        "messages": lambda file: (read_messages(file), []),
    }
    return readers[kind](path)


def read_messages(path: Path) -> list[Reading]:
    """Read recorded messages, one JSON object a line with ``topic`` and ``payload``, as ``twin sensors replay`` plays them."""
    import json

    from twin.sensors.payloads import plain

    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        messages = [(str(line["topic"]), json.dumps(line["payload"]).encode()) for line in lines]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(text("sensors.replay_broken", file=path)) from None
    return [reading for topic, payload in messages for reading in plain(topic, payload).readings]


def read_stations(path: Path) -> list[Place]:
    """Read places of stations from a CSV table with ``thing, name, longitude, latitude, height``."""
    import csv

    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(line for line in handle if not line.startswith("#")))
        return [
            Place(r["thing"], 0, float(r["longitude"]), float(r["latitude"]), float(r["height"] or "nan"), r["name"])
            for r in rows
        ]
    except OSError:
        raise InputError(text("sensors.file_missing", file=path)) from None
    except (KeyError, ValueError, TypeError):
        raise InputError(text("sensors.stations_broken", file=path.name)) from None
