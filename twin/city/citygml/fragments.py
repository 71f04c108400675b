"""Attributes of the compiled scanner: bytes of elements to keys and values, many in one run of expat.

A tile repeats most of its attributes thousands of times, so each different text is read once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from twin.city.citygml.attributes import Node, attribute_with_reference

__all__ = ["Fragments"]

_MOST = 4_000  # different texts kept for the next piece of the file


class Fragments:
    """Reads attributes from the bytes of their elements.

    Parameters
    ----------
    prefixes : dict
        Namespace of each prefix ("" = default).

    Examples
    --------
    >>> fragments = Fragments({"b": "http://www.opengis.net/citygml/building/2.0"})
    >>> text = b"<b:function>31001_2000</b:function>"
    >>> fragments.learn([text])
    >>> fragments.known[text]
    ('function', '31001_2000', None)
    """

    def __init__(self, prefixes: dict[str, str]) -> None:
        names = (f"xmlns:{prefix}={quoteattr(uri)}" if prefix else f"xmlns={quoteattr(uri)}"
                 for prefix, uri in prefixes.items())  # fmt: skip
        self._head = f"<r {' '.join(names)}>".encode()
        self.known: dict[bytes, tuple[str, Any, str | None] | None] = {}
        """Key, value and reference of each text; None where it holds nothing."""

    def learn(self, texts: Iterable[bytes]) -> None:
        """Read the texts not known yet; they stay in ``known`` at least until the next call.

        Raises
        ------
        xml.parsers.expat.ExpatError
            If one of them is not well-formed.
        """
        if len(self.known) > _MOST:
            self.known.clear()
        new = [text for text in set(texts) if text not in self.known]
        if not new:
            return
        nodes = _nodes(self._head + b"".join(new) + b"</r>")
        for text, node in zip(new, nodes, strict=True):
            self.known[text] = attribute_with_reference(node)


def _nodes(document: bytes) -> list[Node]:
    """Return the children of a document's root as trees."""
    root: Node = ("", [], [], [])
    stack: list[Node] = [root]

    def start(name: str, attrs: list[str]) -> None:
        node: Node = (name, attrs, [], [])
        stack[-1][2].append(node)
        stack.append(node)
        parser.CharacterDataHandler = node[3].append

    def end(_name: str) -> None:
        stack.pop()
        parser.CharacterDataHandler = stack[-1][3].append

    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.Parse(document, True)
    return root[2][0][2]
