"""MQTT in: messages are acknowledged only when their values are durable.

One thread receives into a bounded queue, the other takes what is there, reads it, writes one transaction and then
acknowledges. A writer that stalls fills the queue, the receiver stops reading, and the broker keeps what is not
acknowledged: nothing is lost and memory stays bounded. MQTT 3.1.1, persistent session, quality of service 1.
"""

from __future__ import annotations

import logging
import queue
import threading
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from twin.errors import InputError
from twin.language import text
from twin.sensors.intake import Intake
from twin.sensors.payloads import Mapped, chirpstack, plain, the_things_stack
from twin.sensors.properties import Reading
from twin.sensors.secret_values import secret

__all__ = ["KINDS", "Broker", "Listener", "secret"]

_log = logging.getLogger(__name__)
KINDS: dict[str, Callable[..., Mapped]] = {
    "the_things_stack": the_things_stack,
    "chirpstack": chirpstack,
    "json": plain,
}
"""Kinds of messages, by the name they have in a profile."""
_STARTS = {"the_things_stack": "v3/+/devices/+/up", "chirpstack": "application/+/device/+/event/up"}
_TAKEOVERS = 4  # disconnections within ten seconds of connecting, in a row


@dataclass(frozen=True)
class Broker:
    """Where messages come from.

    Parameters
    ----------
    host, port : str, int
        Address of the broker.
    topic : str
        Subscription; by default that of the kind of messages.
    kind : {"json", "the_things_stack", "chirpstack"}
        Shape of the messages.
    client_id : str
        Name of the session, which must be this listener's alone.
    user, password : str, optional
        Name, and ``env:NAME`` or ``file:PATH`` of the password.
    tls : bool
        Encrypt.
    zone : str, optional
        Zone of times that state none (only kind ``json``).
    """

    host: str
    port: int = 1883
    topic: str = ""
    kind: str = "json"
    client_id: str = "urban-twin"
    user: str | None = None
    password: str | None = None
    tls: bool = False
    zone: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(text("sensors.kind_unknown", kind=self.kind, allowed=", ".join(KINDS)))
        if not self.topic and self.kind not in _STARTS:
            raise InputError(text("sensors.topic_missing", kind=self.kind))


@dataclass
class Health:
    """What a listener has done so far."""

    received: int = 0
    written: int = 0
    repeats: int = 0
    revised: int = 0
    refused: int = 0
    stalled: int = 0
    connected: bool = False
    trouble: str = ""
    unmapped: dict[str, int] = field(default_factory=dict)


class Listener:
    """Receives from one broker into one store.

    Parameters
    ----------
    intake : Intake
        Where readings go.
    broker : Broker
        Where messages come from.
    queue_size : int
        Messages that wait at most.
    batch_size : int
        Messages of one transaction at most.
    """

    def __init__(self, intake: Intake, broker: Broker, *, queue_size: int = 20_000, batch_size: int = 4_000) -> None:
        self.intake, self.broker, self.batch_size = intake, broker, batch_size
        self.health = Health()
        self._waiting: queue.Queue[tuple[str, bytes, int, int, int]] = queue.Queue(queue_size)
        self._stopping = threading.Event()
        self._short_lives = 0
        self._since = 0.0
        self._client = self._prepared()

    def _prepared(self) -> Any:
        try:
            from paho.mqtt import client as paho
        except ModuleNotFoundError:
            raise InputError(text("sensors.driver_missing", name="paho-mqtt")) from None
        made = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=self.broker.client_id, clean_session=False, manual_ack=True
        )
        if self.broker.user:
            made.username_pw_set(self.broker.user, secret(self.broker.password))
        if self.broker.tls:
            made.tls_set()
        made.reconnect_delay_set(1, 30)
        made.on_connect, made.on_disconnect, made.on_message = self._connected, self._disconnected, self._message
        return made

    def _connected(self, client: Any, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            self.health.trouble = str(reason)
            return
        self._since = clock.monotonic()
        self.health.connected, self.health.trouble = True, ""
        client.subscribe(self.broker.topic or _STARTS[self.broker.kind], qos=1)

    def _disconnected(self, _: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        self.health.connected = False
        self.health.trouble = "" if self._stopping.is_set() else str(reason)
        short = clock.monotonic() - self._since < 10.0
        self._short_lives = self._short_lives + 1 if short else 0
        if self._short_lives >= _TAKEOVERS:
            self.health.trouble = text("sensors.client_twice", client=self.broker.client_id)
            self._stopping.set()

    def _message(self, _: Any, __: Any, message: Any) -> None:
        self.health.received += 1
        entry = (message.topic, message.payload, clock.time_ns() // 1000, message.mid, message.qos)
        while not self._stopping.is_set():
            try:
                self._waiting.put(entry, timeout=0.5)
                return
            except queue.Full:
                self.health.stalled += 1  # the receiver waits, and so does the broker

    def _taken(self, wait: float) -> list[tuple[str, bytes, int, int, int]]:
        try:
            taken = [self._waiting.get(timeout=wait)]
        except queue.Empty:
            return []
        while len(taken) < self.batch_size:
            try:
                taken.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return taken

    def _read(self, taken: list[tuple[str, bytes, int, int, int]]) -> tuple[list[Reading], list[int]]:
        mapping, zone = KINDS[self.broker.kind], self.broker.zone
        extra = {"zone": zone} if self.broker.kind == "json" else {}
        readings: list[Reading] = []
        arrived: list[int] = []
        refused: list[tuple[str, bytes]] = []
        for topic, payload, received, _, _ in taken:
            try:
                mapped = mapping(topic, payload, **extra)
            except InputError as error:
                refused.append((str(error), payload))
                continue
            readings += mapped.readings
            arrived += [received] * len(mapped.readings)
            for name in mapped.unmapped:
                if name in self.health.unmapped or len(self.health.unmapped) < 1000:
                    self.health.unmapped[name] = self.health.unmapped.get(name, 0) + 1
        for reason, payload in refused[:20]:  # a flood of them must not fill the store
            self.intake.store.refuse(self.broker.topic or self.broker.kind, reason, payload)
        self.health.refused += len(refused)
        return readings, arrived

    def step(self, wait: float = 0.2) -> int:
        """Take what waits, write it and acknowledge it; return the number of messages."""
        taken = self._taken(wait)
        if not taken:
            return 0
        while True:
            try:
                readings, arrived = self._read(taken)
                outcome = self.intake.take(readings, arrived)
                break
            except (sa.exc.OperationalError, OSError) as error:  # disk full, database away: nothing is acknowledged
                self.health.trouble = str(getattr(error, "orig", error)).splitlines()[0]
                _log.warning("Writing failed, trying again: %s", self.health.trouble)
                if self._stopping.wait(1.0):
                    return 0
        self.health.trouble = ""
        self.health.written += outcome.new
        self.health.repeats += outcome.repeats
        self.health.revised += outcome.revised
        for _, _, _, number, quality in taken:
            if quality:
                self._client.ack(number, quality)
        return len(taken)

    def run(self, until: Callable[[], bool] | None = None) -> None:
        """Listen until stopped, or until ``until`` returns true while nothing waits.

        Raises
        ------
        InputError
            If the broker cannot be reached, refuses the name, or another client takes the session over and over.
        """
        try:
            self._client.connect(self.broker.host, self.broker.port, keepalive=30)
        except OSError as error:
            raise InputError(
                text("sensors.broker_unreachable", host=self.broker.host, port=self.broker.port, reason=str(error))
            ) from None
        self._client.loop_start()
        try:
            while not self._stopping.is_set():
                if not self.step() and until is not None and until():
                    break
        finally:
            self.stop()
        if self._short_lives >= _TAKEOVERS:
            raise InputError(self.health.trouble)

    def stop(self) -> None:
        """End the session; what is not acknowledged stays with the broker."""
        self._stopping.set()
        self._client.disconnect()
        self._client.loop_stop()
