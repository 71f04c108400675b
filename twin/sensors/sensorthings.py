"""A client of SensorThings 1.1 servers (OGC 18-088) that survives what real ones do.

It follows next links that are not percent-encoded, never leaves the host it was given, ends loops, drops repeats by
id while pages shift, tries again after 429 and 5xx, and never sorts by ``phenomenonTime``, which some servers cannot.
Standard library only.
"""

from __future__ import annotations

import json
import math
import time as clock
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from twin.errors import InputError
from twin.language import text
from twin.sensors.properties import Place, Reading, conversion, known_as, unit_of_property
from twin.sensors.stamps import parse_time

__all__ = ["SensorThings", "quoted"]

_LARGEST = 64 * 1024 * 1024  # bytes of a page
_SAFE = "/:?&=$,;()'@!*+~-._%"
_AGAIN = (429, 500, 502, 503, 504)


def quoted(identity: int | str) -> str:
    """Return an id as it stands in a path or filter: numbers bare, texts in quotes that are doubled.

    Examples
    --------
    >>> quoted("a'b"), quoted(7)
    ("'a''b'", '7')
    """
    return str(identity) if isinstance(identity, int) else "'" + identity.replace("'", "''") + "'"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class SensorThings:
    """Reads things, streams and observations of one server.

    Parameters
    ----------
    root : str
        Service root with its version, such as ``https://host/FROST-Server/v1.1``.
    timeout : float
        Seconds to wait for an answer.
    tries : int
        How often a page is asked for when the server is busy or fails.

    Examples
    --------
    >>> SensorThings("https://host/v1.1/").root
    'https://host/v1.1'
    """

    def __init__(
        self, root: str, *, timeout: float = 60.0, tries: int = 5, headers: Mapping[str, str] | None = None
    ) -> None:
        parts = urllib.parse.urlsplit(root)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(text("sensors.sta_root", root=root))
        self.root = root.rstrip("/")
        self._home = (parts.scheme, parts.hostname, parts.port)
        self.timeout, self.tries = timeout, tries
        self._headers = {"Accept": "application/json"} | dict(headers or {})
        self._opener = urllib.request.build_opener(_NoRedirect())
        self.pages = 0

    def _page(self, url: str) -> dict[str, Any]:
        """Return one page as JSON; a busy or failing server is asked again after a growing pause."""
        address = urllib.parse.quote(url, safe=_SAFE)
        for attempt in range(1, self.tries + 1):
            try:
                request = urllib.request.Request(address, headers=self._headers)
                with self._opener.open(request, timeout=self.timeout) as answer:
                    raw = answer.read(_LARGEST + 1)
                break
            except urllib.error.HTTPError as error:
                status, after = error.code, error.headers.get("Retry-After", "")
                error.close()
                if status not in _AGAIN or attempt == self.tries:
                    raise InputError(text("sensors.sta_status", url=url[:200], status=status)) from None
                clock.sleep(min(float(after), 60.0) if after.isdigit() else min(0.1 * 2**attempt, 10.0))
            except (urllib.error.URLError, OSError) as error:
                if attempt == self.tries:
                    raise InputError(text("sensors.sta_away", url=url[:200], reason=str(error)[:100])) from None
                clock.sleep(min(0.1 * 2**attempt, 10.0))
        self.pages += 1
        if len(raw) > _LARGEST:
            raise InputError(text("sensors.sta_page", url=url[:200], reason="> 64 MiB"))
        try:
            page = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise InputError(text("sensors.sta_page", url=url[:200], reason=str(error)[:80])) from None
        if not isinstance(page, dict):
            raise InputError(text("sensors.sta_page", url=url[:200], reason=type(page).__name__))
        return page

    def _next(self, link: Any, seen: set[str]) -> str | None:
        if not link:
            return None
        url = urllib.parse.urljoin(self.root + "/", str(link))
        parts = urllib.parse.urlsplit(url)
        if (parts.scheme, parts.hostname, parts.port) != self._home:
            raise InputError(text("sensors.sta_elsewhere", url=url[:200], host=self._home[1]))
        if url in seen:
            raise InputError(text("sensors.sta_loop", url=url[:200]))
        seen.add(url)
        return url

    def version(self) -> str:
        """Return the version the server says it has; one that is not 1.x is refused."""
        page = self._page(f"{self.root}/")  # some servers redirect the root without a slash
        if "value" not in page or not isinstance(page["value"], list):
            raise InputError(text("sensors.sta_page", url=self.root, reason="value"))
        says = json.dumps(page.get("serverSettings", {}))
        if "sensorthings/2" in says or "/sensorthings-2/" in says or self.root.endswith("/v2.0"):
            raise InputError(text("sensors.sta_two", root=self.root))
        return "1.1" if "1.1" in says or self.root.endswith("v1.1") else "1.0"

    def entities(self, path: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """Give all entities of a collection, over all pages, each once.

        Parameters
        ----------
        path : str
            Such as ``Datastreams`` or ``Datastreams(7)/Observations``.
        **query
            Options without their dollar sign, such as ``expand="Thing"``.
        """
        options = "&".join(f"${key}={urllib.parse.quote(str(value), safe='/(),$=')}" for key, value in query.items())
        url: str | None = f"{self.root}/{path}" + (f"?{options}" if options else "")
        seen, known = {url or ""}, set()
        while url:
            page = self._page(url)
            if not isinstance(page.get("value"), list):
                raise InputError(text("sensors.sta_page", url=url[:200], reason="value"))
            for entity in page["value"]:
                identity = entity.get("@iot.id") if isinstance(entity, dict) else None
                if identity is None or identity in known:
                    continue
                known.add(identity)
                yield entity
            url = self._next(page.get("@iot.nextLink"), seen)

    def streams(self) -> list[dict[str, Any]]:
        """Return all Datastreams with their Thing and ObservedProperty."""
        found = []
        for stream in self.entities("Datastreams", expand="Thing,ObservedProperty"):
            where = list(self.entities(f"Things({quoted(stream['Thing']['@iot.id'])})/Locations"))
            found.append(stream | {"Locations": where})
        return found

    def observations(self, stream: dict[str, Any], since: int | None = None) -> tuple[list[Reading], list[Place]]:
        """Return the observations of a Datastream from a moment [us] on, by time, in our unit.

        Results that are no number, and times that are none, are left out.
        """
        unit = str((stream.get("unitOfMeasurement") or {}).get("symbol") or "")
        name = str((stream.get("ObservedProperty") or {}).get("name") or stream.get("name") or "")
        named = known_as(name)
        ours = named[0] if named else "_".join(name.casefold().split())
        factor, offset = conversion(ours, unit, name) if named else (1.0, 0.0)
        thing = f"sta-{stream['Thing']['@iot.id']}"
        path = f"Datastreams({quoted(stream['@iot.id'])})/Observations"
        readings: list[Reading] = []
        for row in self.entities(path, orderby="resultTime", top=100):
            value, stamp = row.get("result"), str(row.get("phenomenonTime", "")).rsplit("/", 1)[-1]
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                continue
            try:
                moment = parse_time(stamp, "UTC")
            except InputError:
                continue
            if since is None or moment >= since:
                readings.append(
                    Reading(thing, ours, moment, float(value) * factor + offset, unit_of_property(ours) or unit)
                )
        return sorted(readings, key=lambda reading: reading.time), _places(stream, thing)


def _places(stream: dict[str, Any], thing: str) -> list[Place]:
    for where in stream.get("Locations", []):
        point = where.get("location") or {}
        point = point.get("geometry", point)
        if point.get("type") == "Point" and len(point.get("coordinates", [])) >= 2:
            longitude, latitude, *height = (float(number) for number in point["coordinates"])
            name = str(stream["Thing"].get("name") or thing)
            return [Place(thing, 0, longitude, latitude, height[0] if height else math.nan, name)]
    return []
