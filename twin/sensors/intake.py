"""From readings to durable rows: streams are found or made, values are tested and written.

Every source ends here: files in one go, messages in batches.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence

import numpy as np

from twin.sensors.arrival import Arrival
from twin.sensors.privacy import class_of, shown_place
from twin.sensors.properties import Place, Reading
from twin.sensors.quality import Configuration
from twin.sensors.records import Batch, Stream, Thing
from twin.sensors.store import SensorStore
from twin.sensors.writing import Outcome

__all__ = ["Intake"]


class Intake:
    """Writes readings of any source into a store.

    Parameters
    ----------
    store : SensorStore
        Where they go.
    limits : Configuration, optional
        Limits of the tests.
    station_class, privacy : str
        Class and privacy of things that are new; meters are personal where nothing else is declared, others public.
    name_of : callable, optional
        Gives the name under which a personal device is stored; by default its own.
    most_streams : int
        Streams that are made at most, so that a source that invents names cannot fill the store.

    Examples
    --------
    >>> import tempfile
    >>> intake = Intake(SensorStore(f"sqlite:///{tempfile.mkdtemp()}/obs.db"))
    >>> intake.take([Reading("roof", "air_temperature", 1_700_000_000_000_000, 20.5, "degC")])
    Outcome(new=1, repeats=0, revised=0)
    """

    def __init__(
        self,
        store: SensorStore,
        limits: Configuration | None = None,
        *,
        station_class: str = "citizen",
        privacy: str | None = None,
        name_of: Callable[[str], str] | None = None,
        most_streams: int = 100_000,
    ) -> None:
        self.store = store
        self.arrival = Arrival(store, limits)
        self.station_class, self.privacy, self.most_streams = station_class, privacy, most_streams
        streams = store.streams()
        pairs = zip(streams["thing"], streams["property"], strict=True)
        self._ids: dict[tuple[str, str], int] = dict(zip(pairs, streams.index.tolist(), strict=True))
        self._places: dict[str, Place] = {}
        self._name_of, self._names = name_of, dict[str, str]()

    def know(self, places: Sequence[Place]) -> None:
        """Take in where things stand; a dated list of places tells where they stood before."""
        for place in sorted(places, key=lambda place: place.since):
            known = self._places.get(place.thing)
            if known is not None and known[2:4] != place[2:4] and any(key[0] == place.thing for key in self._ids):
                self.store.move(place.thing, place.since, place.longitude, place.latitude, place.height)
            self._places[place.thing] = place

    def _add(self, readings: Sequence[Reading]) -> None:
        fresh = {(r.thing, r.property): r.unit for r in readings if (r.thing, r.property) not in self._ids}
        room = max(0, self.most_streams - len(self._ids))
        if len(fresh) > room:
            self.store.count("streams_refused", len(fresh) - room)
        made = [self._made(name, observed, unit) for (name, observed), unit in list(fresh.items())[:room]]
        numbers = self.store.add_all(made)
        self._ids |= {(stream.thing, stream.property): n for (stream, _), n in zip(made, numbers, strict=True)}
        if fresh:
            self.arrival.refresh()

    def _made(self, name: str, observed: str, unit: str) -> tuple[Stream, Thing]:
        place = self._places.get(name)
        privacy = class_of(observed, self.privacy)
        thing = Thing(name, privacy=privacy)
        if place is not None and privacy != "personal":
            longitude, latitude = shown_place(privacy, place.longitude, place.latitude)
            thing = Thing(name, place.name, longitude, latitude, place.height, privacy)
        return Stream(f"{name}/{observed}", name, observed, unit, station_class=self.station_class), thing

    def _named(self, readings: Sequence[Reading]) -> Sequence[Reading]:
        """Return readings in which personal devices have the names under which they are stored."""
        assert self._name_of is not None
        observed = {name for name in {r[1] for r in readings} if class_of(name, self.privacy) == "personal"}
        if not observed:
            return readings
        for name in {r[0] for r in readings if r[1] in observed} - self._names.keys():
            self._names[name] = self._name_of(name)
        return [r._replace(thing=self._names[r[0]]) if r[1] in observed else r for r in readings]

    def batch(self, readings: Sequence[Reading], received: int | Sequence[int] | None = None) -> Batch:
        """Return readings as a batch of known streams; the time of arrival is by default now."""
        ids = self._ids
        if self._name_of is not None:
            readings = self._named(readings)
        try:
            numbers = [ids[r[0], r[1]] for r in readings]
        except KeyError:
            self._add(readings)
            numbers = [ids.get((r[0], r[1]), -1) for r in readings]
        if not readings:
            return Batch.of([], [], [])
        _, _, times, results, _ = zip(*readings, strict=True)
        arrived = clock.time_ns() // 1000 if received is None else received
        made = Batch.of(numbers, times, results, np.asarray(arrived, np.int64))
        known = made.stream >= 0
        return made if known.all() else made.take(known)

    def take(
        self, readings: Sequence[Reading], received: int | Sequence[int] | None = None, *, places: Sequence[Place] = ()
    ) -> Outcome:
        """Test and write readings; when this returns they are durable."""
        if places:
            self.know(places)
        return self.arrival.ingest(self.batch(readings, received))
