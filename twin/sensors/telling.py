"""How an alert is told: to the log, to an MQTT topic, or by e-mail; each alert once by each way.

Before something is sent it is claimed in the store, and the claim is given back where sending failed: a restart repeats
nothing, and what could not be sent is tried again for a day.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
import time as clock
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from twin.errors import InputError
from twin.language import text
from twin.sensors import schema
from twin.sensors.alerts import Event, Rule
from twin.sensors.records import DAY
from twin.sensors.secret_values import secret
from twin.sensors.store import SensorStore

__all__ = ["AlertBroker", "Mail", "sentence", "tell"]

_log = logging.getLogger("twin.alerts")
_WAIT = 20.0  # [s] for a server to answer


class Mail(BaseModel):
    """The ``[mail]`` of a sensor profile: the server that sends e-mail."""

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(587, ge=1, le=65535)
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = Field(None, description="env:NAME or file:PATH")


class AlertBroker(BaseModel):
    """The ``[alert_broker]`` of a sensor profile: where alerts are published."""

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    user: str | None = None
    password: str | None = Field(None, description="env:NAME or file:PATH")
    tls: bool = False


def sentence(event: Event, language: str | None = None) -> str:
    """Return an alert as people read it."""
    when = f"{datetime.fromtimestamp(event.moment / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    values = {
        "rule": event.rule.name, "place": event.place or event.thing, "value": event.value, "unit": event.unit,
        "when": when, "limit": event.rule.on if event.kind == "raised" else event.rule.off, "minutes": event.rule.minutes,
    }  # fmt: skip
    return text(f"sensors.alert_{event.kind}", language, **values)


def _claim(store: SensorStore, event: Event, way: str) -> bool:
    """Note that an alert is told by a way now; false where it was before."""
    table = schema.tellings
    key = {"alert_id": event.number, "kind": event.kind, "way": way}
    with store.writing() as connection:
        mine = [table.c[name] == value for name, value in key.items()]
        if connection.execute(sa.select(table.c.told).where(*mine)).first() is not None:
            return False
        connection.execute(table.insert().values(key | {"told": clock.time_ns() // 1000}))
        return True


def _give_back(store: SensorStore, event: Event, way: str) -> None:
    table = schema.tellings
    with store.writing() as connection:
        connection.execute(
            table.delete().where(table.c.alert_id == event.number, table.c.kind == event.kind, table.c.way == way)
        )


def _waiting(store: SensorStore, rules: Sequence[Rule], now: int) -> list[Event]:
    """Return the events of the last day whose rules still stand, the oldest first."""
    by_name = {rule.name: rule for rule in rules}
    query = (
        "SELECT a.id, a.rule, a.raised, a.cleared, a.value, t.key, t.name, s.unit FROM alerts a JOIN streams s "
        "ON s.id = a.stream_id JOIN things t ON t.id = s.thing_id WHERE a.raised >= :since OR a.cleared >= :since ORDER BY a.raised"
    )
    events = []
    with store.reading() as connection:
        rows = connection.execute(sa.text(query), {"since": now - DAY}).fetchall()
    for number, name, raised, cleared, value, thing, place, unit in rows:
        if name not in by_name:
            continue
        known = {"rule": by_name[name], "thing": thing, "place": place, "unit": unit, "value": value}
        if raised >= now - DAY:
            events.append(Event(number, moment=raised, kind="raised", **known))
        if cleared is not None:
            events.append(Event(number, moment=cleared, kind="cleared", **known))
    return events


def tell(
    store: SensorStore,
    rules: Sequence[Rule],
    *,
    mail: Mail | None = None,
    broker: AlertBroker | None = None,
    language: str | None = None,
    now: int | None = None,
) -> tuple[list[str], list[str]]:
    """Tell what has not been told; return the sentences told, and why others could not be.

    Parameters
    ----------
    store : SensorStore
        With alerts from :func:`twin.sensors.alerts.evaluate`.
    rules : sequence of Rule
        Each says by which ways it is told.
    mail, broker : Mail, AlertBroker, optional
        Where e-mail and MQTT go; a rule that needs one and has none is an error.

    Raises
    ------
    InputError
        If a way has no server, or its secret is missing or open to others.
    """
    for way in {way.partition(":")[0] for rule in rules for way in rule.to}:
        if (way == "mail" and mail is None) or (way == "mqtt" and broker is None):
            raise InputError(
                text("sensors.alert_server", way=way, table="[mail]" if way == "mail" else "[alert_broker]")
            )
    told, failed = [], []
    for event in _waiting(store, rules, clock.time_ns() // 1000 if now is None else now):
        for way in event.rule.to:
            if not _claim(store, event, way):
                continue
            said = sentence(event, language)
            try:
                _send(event, said, way, mail, broker)
                told.append(said)
            except (OSError, smtplib.SMTPException) as error:
                _give_back(store, event, way)
                failed.append(text("sensors.alert_failed", way=way.partition(":")[0], reason=str(error)[:200]))
            except BaseException:
                _give_back(store, event, way)
                raise
    return told, failed


def _send(event: Event, said: str, way: str, mail: Mail | None, broker: AlertBroker | None) -> None:
    kind, _, where = way.partition(":")
    if kind == "log":
        _log.warning("%s", said)
    elif kind == "mail" and mail is not None:
        _mail(event, said, where, mail)
    elif broker is not None:
        _publish(event, said, where, broker)


def _mail(event: Event, said: str, to: str, mail: Mail) -> None:
    message = EmailMessage()
    message["Subject"] = f"{event.rule.name}: {event.place or event.thing}".replace("\r", " ").replace("\n", " ")
    message["From"], message["To"] = mail.sender, to
    message["Message-ID"] = f"<alert-{event.number}-{event.kind}@{mail.sender.rpartition('@')[2]}>"
    message.set_content(said + "\n")
    password = secret(mail.password)
    trusted = ssl.create_default_context() if mail.security != "none" else None
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=_WAIT, context=trusted)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=_WAIT)
    with server:
        if mail.security == "starttls":
            server.starttls(context=trusted)
        if mail.user and password:
            server.login(mail.user, password)
        server.send_message(message)


def _publish(event: Event, said: str, topic: str, broker: AlertBroker) -> None:
    from paho.mqtt import client as paho

    payload = {
        "rule": event.rule.name, "station": event.thing, "variable": event.rule.variable, "event": event.kind,
        "time": f"{datetime.fromtimestamp(event.moment / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}", "value": event.value,
        "unit": event.unit, "text": said,
    }  # fmt: skip
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    if broker.user:
        client.username_pw_set(broker.user, secret(broker.password))
    if broker.tls:
        client.tls_set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        sent = client.publish(topic, json.dumps(payload, ensure_ascii=False), qos=1)
        sent.wait_for_publish(_WAIT)
        if not sent.is_published():
            raise OSError(text("sensors.alert_no_answer", host=broker.host, port=broker.port))
    except (RuntimeError, ValueError) as error:
        raise OSError(str(error)) from None
    finally:
        client.disconnect()
        client.loop_stop()
