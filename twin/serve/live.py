"""Sensors live: the newest value of every stream in one answer, a stream of them, and the shape of SensorThings to read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
from starlette.concurrency import run_in_threadpool

from twin.serve.streams import event_text

if TYPE_CHECKING:
    from pyproj import CRS

    from twin.sensors.store import SensorStore

__all__ = ["Live"]

_EVERY = 2.0  # [s] between looks into the store
_ALIVE = 15.0  # [s] between signs of life
_TOP = 100
_BACK = 31 * 86_400_000_000  # [us] before the newest value


class Live:
    """Reads a sensor store for the browser.

    Parameters
    ----------
    store : SensorStore
        Observations.
    crs : pyproj.CRS or None
        Of the city; without it streams have no place.
    origin : tuple of float
        East and north [m] that are (0, 0) in the browser.
    """

    def __init__(self, store: SensorStore, crs: CRS | None, origin: tuple[float, float]) -> None:
        self.store, self.origin = store, origin
        self._crs = crs.to_2d() if crs is not None else None
        self._mark = 0.0
        self._known: dict[str, Any] = {}
        self._lock = asyncio.Lock()

    def latest(self) -> dict[str, dict[str, Any]]:
        """Return the newest value of every stream by its key: value, unit, time, flag, x, y, name."""
        streams, values = self.store.streams(), self.store.latest()
        x, y = self._places(streams)
        found: dict[str, dict[str, Any]] = {}
        newest: dict[int, Any] = {int(str(row.Index)): row for row in values.itertuples()}
        for place, (number, row) in enumerate(streams.iterrows()):
            now = newest.get(int(str(number)))
            if now is None or row["privacy"] not in ("public", "", None):
                continue
            stamp = pd.to_datetime(int(now.time), unit="us", utc=True)
            found[str(row["key"])] = {
                "value": _plain(now.result),
                "unit": str(row["unit"]),
                "time": f"{stamp:%Y-%m-%dT%H:%M:%SZ}",
                "flag": int(now.flag),
                "x": _plain(x[place]),
                "y": _plain(y[place]),
                "name": str(row["name"]),
                "property": str(row["property"]),
            }
        return found

    def _places(self, streams: pd.DataFrame) -> tuple[list[float], list[float]]:
        longitude, latitude = streams["longitude"].to_numpy(float), streams["latitude"].to_numpy(float)
        if self._crs is None or not len(streams):
            nowhere = [math.nan] * len(streams)
            return nowhere, nowhere
        from pyproj import Transformer

        x, y = Transformer.from_crs("EPSG:4326", self._crs, always_xy=True).transform(longitude, latitude)
        return [round(float(v) - self.origin[0], 2) for v in x], [round(float(v) - self.origin[1], 2) for v in y]

    async def now(self) -> dict[str, Any]:
        """Return :meth:`latest`, looked up at most once in some seconds whoever asks."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._mark >= _EVERY or not self._mark:
                self._known = await run_in_threadpool(self.latest)
                self._mark = loop.time()
            return self._known

    async def stream(self, gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """Yield the newest values as server-sent events, all at first, then what has changed, until the reader has gone."""
        told: dict[str, Any] = {}
        quiet = 0.0
        while not await gone():
            known = await self.now()
            news = {key: value for key, value in known.items() if told.get(key) != value}
            if news or not told:
                yield event_text("latest", news)
                told, quiet = dict(known), 0.0
            elif quiet >= _ALIVE:
                yield b": alive\n\n"
                quiet = 0.0
            await asyncio.sleep(_EVERY)
            quiet += _EVERY

    # SensorThings ---------------------------------------------------------------------------------------------------

    def things(self, base: str, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        """Return an answer in the shape of SensorThings 1.1, None where there is nothing under that path.

        Parameters
        ----------
        base : str
            Address of the service, ending in ``/v1.1``.
        path : str
            What follows it: ``Things``, ``Datastreams``, ``Datastreams(3)``, ``Datastreams(3)/Observations`` (those of the newest month).
        query : dict
            ``$top`` and ``$skip``.
        """
        top, skip = _number(query.get("$top"), _TOP), _number(query.get("$skip"), 0)
        streams = self.store.streams()
        streams = streams[streams["privacy"].isin(["public", ""]) | streams["privacy"].isna()]
        if path == "":
            names = ("Things", "Datastreams")
            return {"value": [{"name": name, "url": f"{base}/{name}"} for name in names]}
        name, _, rest = path.partition("(")
        identity, _, inner = rest.partition(")")
        if name == "Things" and not rest:
            rows = [self._thing(base, streams, str(key)) for key in streams["thing"].unique()]
            return _page(rows, top, skip)
        if name != "Datastreams":
            return None
        if not rest:
            return _page([self._datastream(base, int(str(n)), row) for n, row in streams.iterrows()], top, skip)
        if not identity.isdigit() or int(identity) not in streams.index:
            return None
        if inner == "":
            return self._datastream(base, int(identity), streams.loc[int(identity)])
        if inner != "/Observations":
            return None
        newest = self.store.latest()
        if int(identity) not in newest.index:
            return {"@iot.count": 0, "value": []}
        batch = self.store.read([int(identity)], int(newest.loc[int(identity), "time"]) - _BACK)  # type: ignore[arg-type]
        order = range(len(batch) - 1 - skip, max(-1, len(batch) - 1 - skip - top), -1)
        rows = [_observation(batch.time[i], batch.result[i], batch.flag[i]) for i in order]
        return {"@iot.count": len(batch), "value": rows}

    def _thing(self, base: str, streams: pd.DataFrame, key: str) -> dict[str, Any]:
        own = streams[streams["thing"] == key]
        row = own.iloc[0]
        point = {"type": "Point", "coordinates": [_plain(row["longitude"]), _plain(row["latitude"])]}
        return {
            "@iot.id": key,
            "name": str(row["name"]),
            "description": "",
            "Locations": [{"encodingType": "application/geo+json", "location": point}],
            "Datastreams": [self._datastream(base, int(str(n)), one) for n, one in own.iterrows()],
        }

    def _datastream(self, base: str, number: int, row: Any) -> dict[str, Any]:
        link = f"{base}/Datastreams({number})"
        return {
            "@iot.id": number,
            "@iot.selfLink": link,
            "name": str(row["key"]),
            "description": str(row["property"]),
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {"name": str(row["unit"]), "symbol": str(row["unit"]), "definition": ""},
            "Observations@iot.navigationLink": f"{link}/Observations",
        }


def _observation(time: Any, result: Any, flag: Any) -> dict[str, Any]:
    stamp = f"{pd.to_datetime(int(time), unit='us', utc=True):%Y-%m-%dT%H:%M:%SZ}"
    return {"phenomenonTime": stamp, "resultTime": stamp, "result": _plain(result), "resultQuality": int(flag)}


def _page(rows: list[dict[str, Any]], top: int, skip: int) -> dict[str, Any]:
    return {"@iot.count": len(rows), "value": rows[skip : skip + top]}


def _number(given: str | None, otherwise: int) -> int:
    return min(int(given), 1000) if given is not None and given.isdigit() and len(given) < 9 else otherwise


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
