"""The pieces a page is built from: figures with text alternatives, tables with headers, lists, all escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "paragraphs", "png", "section", "table"]


def figure(image: bytes, alt: str, caption: str = "", *, kind: str = "") -> str:
    """Return a figure with its picture inside the page.

    Parameters
    ----------
    image : bytes
        PNG or WebP file.
    alt : str
        What the picture says, for people who do not see it.
    caption : str
        Line below it.
    kind : str
        Class of the figure.
    """
    mime = "image/png" if image[:8] == b"\x89PNG\r\n\x1a\n" else "image/webp"
    width, height = _size(image)
    data = base64.b64encode(image).decode("ascii")
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="{escape(kind)}"><img src="data:{mime};base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(alt, quote=True)}">{note}</figure>'
    )


def png(drawn: Figure) -> bytes:
    """Return a drawn map as the bytes of a PNG file."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _size(image: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(image)) as opened:
        return opened.size


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    raw: bool = False,
) -> str:
    """Return a table that scrolls by itself on narrow screens and can be reached by keyboard.

    Parameters
    ----------
    caption : str
        What the table shows.
    columns : sequence of str
        Column headings.
    rows : sequence of sequence of str
        Cells; the first of a row is its heading.
    numbers : sequence of int
        Columns that are set flush right.
    raw : bool
        The cells are HTML already.
    """
    aligned = set(numbers)

    def cell(text: str, place: int, tag: str = "td") -> str:
        scope = ' scope="row"' if tag == "th" else ""
        right = ' class="number"' if place in aligned else ""
        return f"<{tag}{scope}{right}>{text if raw else escape(text)}</{tag}>"

    head = "".join(
        f'<th scope="col"{" class=number" if i in aligned else ""}>{escape(name)}</th>'
        for i, name in enumerate(columns)
    )
    body = "".join(
        "<tr>" + "".join(cell(text, i, "th" if i == 0 else "td") for i, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption, quote=True)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def paragraphs(sentences: Sequence[str], kind: str = "") -> str:
    """Return one paragraph a sentence group."""
    mark = f' class="{kind}"' if kind else ""
    return "".join(f"<p{mark}>{escape(sentence)}</p>" for sentence in sentences if sentence)


def section(name: str, heading: str, *content: str) -> str:
    """Return a section with its heading; ``name`` is where the table of contents points."""
    inner = "\n".join(part for part in content if part)
    return (
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{escape(heading)}</h2>\n{inner}\n</section>'
    )
