"""A result as one HTML file that opens from a USB stick: script, styles and data stand in the page itself.

Browsers load no modules and fetch no files from ``file://``; a classic script that reads its data from the page works
everywhere. The page's own content security policy forbids every request.
"""

from __future__ import annotations

import base64
import json
import math
import tempfile
from collections.abc import Sequence
from html import escape
from os import PathLike
from pathlib import Path

from twin.scenario.results import Result
from twin.view.bundle import bundle_contents, write_data
from twin.view.raster_bytes import packed
from twin.view.web import client_files

__all__ = ["page_cells", "write_single_file"]

BUDGET = 9_000_000
"""Most cells of one layer over all hours and variants in one page; finer grids are averaged."""

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src data: blob:; base-uri 'none'; form-action 'none'"
)


def page_cells(result: Result, variants: int) -> int:
    """Return how many cells along one side a layer may have so that a page of all hours and variants stays small."""
    hours = max(1, result.heat.sizes.get("time", 1))
    rows, columns = result.site.sizes["y"], result.site.sizes["x"]
    longest = max(rows, columns)
    most = math.sqrt(BUDGET / (hours * max(1, variants)) * longest / min(rows, columns))
    return max(64, min(640, longest, int(most)))


def write_single_file(
    result: Result,
    file: str | PathLike[str],
    *,
    against: Result | Sequence[Result] | None = None,
    cells: int | None = None,
) -> Path:
    """Write a result as one HTML file.

    Parameters
    ----------
    result : Result
        In memory, or opened from a folder.
    file : path
        HTML file; an older one is replaced when the new one is complete.
    against : Result or sequence of Result, optional
        The baseline that the result is a variant of; more results are further variants.
    cells : int, optional
        Most cells of a raster along one side; by default what keeps the page small.

    Returns
    -------
    pathlib.Path
        The file.

    Examples
    --------
    >>> write_single_file(Result.open("results/hitzetag"), "hitzetag.html")  # doctest: +SKIP
    """
    target, client = Path(file), client_files()
    variants = 1 if against is None else 2 if isinstance(against, Result) else 1 + len(against)
    contents = bundle_contents(result, against, cells=cells or page_cells(result, variants))
    with tempfile.TemporaryDirectory(prefix="twin-page-") as temporary:
        folder = Path(temporary)
        manifest = write_data(contents, folder)
        data = {
            path.relative_to(folder).as_posix(): _inlined(path) for path in sorted(folder.rglob("*")) if path.is_file()
        }
    script = (client / "assets" / "app.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    style = (client / "assets" / "app.css").read_text(encoding="utf-8").replace("</style", "<\\/style")
    page = (
        '<!doctype html>\n<html lang="de">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(manifest["title"])}</title>\n<link rel="icon" href="data:,">\n'
        f"<style>{style}</style>\n</head>\n<body>\n"
        f'<script type="application/json" id="twin-data">{json.dumps(data, separators=(",", ":"))}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    beside.write_text(page, encoding="utf-8", newline="\n")
    beside.replace(target)
    return target


def _inlined(path: Path) -> str:
    data = path.read_bytes()
    return base64.b64encode(data if path.suffix == ".gz" else packed(data)).decode("ascii")
