"""Values are tested when they arrive: the tests of series with the last values of each stream as their context.

A spike can only be told when the next value is there, so a test may amend the flag of a value that is stored already;
these amendments go into the same transaction as the values that caused them.
"""

from __future__ import annotations

import time as clock

import numpy as np
import sqlalchemy as sa

from twin.sensors import schema
from twin.sensors.quality import Configuration, configuration, series_bits, time_bits
from twin.sensors.records import BITS, HOUR, Batch, Flag, flags_of
from twin.sensors.store import SensorStore
from twin.sensors.writing import Outcome

__all__ = ["Arrival"]

_CONTEXT = 2  # values of each stream that are kept as context
_KEPT = np.uint32(BITS["future"] | BITS["skew"] | BITS["late"] | BITS["paused"])


class Arrival:
    """Tests of arriving values, with the state of all streams.

    Parameters
    ----------
    store : SensorStore
        Where the values go; its last values are the first context.
    limits : Configuration, optional
        By default the table of the house. Its version is noted in the store.

    Examples
    --------
    >>> import tempfile
    >>> from twin.sensors.records import Stream
    >>> store = SensorStore(f"sqlite:///{tempfile.mkdtemp()}/obs.db")
    >>> number = store.add(Stream("roof/air_temperature", "roof", "air_temperature", "degC"))
    >>> Arrival(store).ingest(Batch.of([number], [0], [99.0]))
    Outcome(new=1, repeats=0, revised=0)
    >>> store.latest()["flag"].tolist()
    [4]
    """

    def __init__(self, store: SensorStore, limits: Configuration | None = None) -> None:
        self.store = store
        self.configuration = limits or configuration()
        self._note_version()
        self._limits = np.empty((0, 0))
        self._paused = np.empty(0, bool)
        self._since = np.empty(0, np.int64)
        self._context = Batch.of([], [], [])
        self.refresh()

    def _note_version(self) -> None:
        table, made = schema.configurations, self.configuration
        with self.store.writing() as connection:
            known = connection.execute(sa.select(table.c.version).where(table.c.version == made.version)).first()
            if known is None:
                now = clock.time_ns() // 1000
                connection.execute(table.insert().values(version=made.version, since=now, content=made.content))

    def refresh(self) -> None:
        """Take in streams that were added or paused, and read the context of new ones from the store."""
        streams = self.store.streams()
        size = int(streams.index.max()) + 1 if len(streams) else 1
        known = len(self._since)
        properties = [""] * size
        self._paused = np.zeros(size, bool)
        for number, name, paused in zip(streams.index, streams["property"], streams["paused"], strict=True):
            properties[number] = name
            self._paused[number] = bool(paused)
        self._limits = self.configuration.rows(properties)
        self._since = np.r_[self._since, np.full(size - known, -1, np.int64)]
        fresh = [int(number) for number in streams.index if number >= known]
        latest = self.store.latest()
        ends = latest["time"].reindex(fresh).dropna()
        if len(ends):
            # The flat line needs the longest memory; half a day of a stream is a few hundred values.
            span = zip(ends.index.tolist(), ends.astype(np.int64).tolist(), strict=True)
            found = [self.store.read([number], end - 12 * HOUR, end + 1) for number, end in span]
            self.judge(Batch.together(found))

    def judge(self, batch: Batch) -> tuple[Batch, Batch]:
        """Return the values with flags and bits, and amendments of values that came before.

        Parameters
        ----------
        batch : Batch
            Values of known streams in the order of arrival.

        Returns
        -------
        tuple of Batch
            The values sorted by stream and time, and those already stored whose flags change.
        """
        if not len(batch):
            return batch, batch
        timing = time_bits(batch.time, batch.received)
        timing[self._paused[batch.stream]] |= BITS["paused"]
        touched = np.zeros(len(self._since), bool)
        touched[batch.stream] = True
        context = self._context.take(touched[self._context.stream])
        both = Batch.together([context, batch])
        old = np.r_[np.ones(len(context), bool), np.zeros(len(batch), bool)]
        both.bits = np.r_[context.bits, timing]
        order = np.lexsort((~old, both.time, both.stream))
        both, old = both.take(order), old[order]
        quarantined = (both.bits & BITS["future"]) != 0
        carried = np.where(old, self._since[both.stream], -1)
        first = np.r_[True, both.stream[1:] != both.stream[:-1]]
        carried[~(first & old)] = -1
        bits = both.bits & _KEPT
        tested = np.flatnonzero(~quarantined)
        found, since = series_bits(both.take(tested), self._limits[both.stream[tested]], carried[tested])
        bits[tested] |= found
        bits[quarantined & np.isnan(both.result)] |= BITS["missing"]
        changed = old & (bits != both.bits)
        both.bits, both.flag = bits, flags_of(bits)
        self._unevaluated(both)
        self._remember(both.take(tested), since)
        return both.take(~old), both.take(changed)

    def _unevaluated(self, both: Batch) -> None:
        """Values of properties without limits are not evaluated, rather than good."""
        untested = np.isnan(self._limits[both.stream]).all(axis=1) & (both.flag == Flag.GOOD)
        both.flag[untested] = Flag.NOT_EVALUATED

    def _remember(self, tested: Batch, since: np.ndarray) -> None:
        """Keep the last values of each stream as context, and since when the first of them has not moved."""
        distinct = np.ones(len(tested), bool)
        distinct[:-1] = (tested.stream[1:] != tested.stream[:-1]) | (tested.time[1:] != tested.time[:-1])
        tested, since = tested.take(distinct), since[distinct]
        if not len(tested):
            return
        ends = np.flatnonzero(np.r_[tested.stream[1:] != tested.stream[:-1], True])
        starts = np.r_[0, ends[:-1] + 1]
        first = np.maximum(starts, ends - _CONTEXT + 1)
        self._since[tested.stream[first]] = since[first]
        keep = np.repeat(ends, _CONTEXT) - np.tile(np.arange(_CONTEXT)[::-1], len(ends))
        keep = keep[keep >= np.repeat(starts, _CONTEXT)]
        gone = np.zeros(len(self._since), bool)
        gone[tested.stream] = True
        self._context = Batch.together([self._context.take(~gone[self._context.stream]), tested.take(keep)])

    def ingest(self, batch: Batch) -> Outcome:
        """Test and write values; when this returns they are durable."""
        values, amendments = self.judge(batch)
        return self.store.ingest(values, amendments if len(amendments) else None)
