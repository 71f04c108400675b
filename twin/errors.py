"""The errors a user meets: one sentence each, with what, where, what is allowed and what to do.

Everything that is the input's fault is an :class:`InputError` (the command line prints the sentence and ends with
exit code 2); anything else is a fault of ours and keeps its traceback in the log.

Sentences that people meet often stand in ``twin/texts/errors.*.toml`` and are raised as :class:`TextError`: ``str(error)``
is English, and :func:`sentence` gives them in the reader's language at the moment they are shown.
"""

from __future__ import annotations

from typing import Any

from models.layers import InputError
from twin.language import text

__all__ = ["InputError", "Phrase", "TextError", "sentence"]


class Phrase(str):
    """A part of a sentence that has a text of its own in each language; as a text it is English.

    Examples
    --------
    >>> print(Phrase("the_city"))
    The city
    """

    key: str
    values: dict[str, Any]

    def __new__(cls, key: str, /, **values: Any) -> Phrase:
        """Return the phrase of a key, with its named values filled in."""
        phrase = super().__new__(cls, text(f"errors.{key}", "en", **values))
        phrase.key, phrase.values = key, values
        return phrase

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (Phrase, self.key, self.values)


class TextError(InputError):
    """Bad input whose sentence stands in ``twin/texts/errors.*.toml``.

    Parameters
    ----------
    key : str
        Name of the text there.
    **values
        What the names in it stand for; a :class:`Phrase` is shown in the language of the sentence.

    Examples
    --------
    >>> error = TextError("file_missing", role="trees", file="trees.gpkg")
    >>> str(error)
    'The trees file trees.gpkg does not exist: check the path.'
    >>> sentence(error, "de")
    'Die Datei trees.gpkg (trees) gibt es nicht: Pfad prüfen.'
    """

    def __init__(self, key: str, /, **values: Any) -> None:
        self.key, self.values = key, values
        super().__init__(text(f"errors.{key}", "en", **values))

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.key, self.values)


def _again(kind: Any, key: str, values: dict[str, Any]) -> Any:
    return kind(key, **values)


def sentence(error: BaseException, language: str | None = None) -> str:
    """Return what an error says, in a language where it has one.

    Parameters
    ----------
    error : BaseException
        Any error; of those other than :class:`TextError` the own sentence.
    language : {"en", "de"}, optional
        By default :func:`twin.language.default_language`.
    """
    if not isinstance(error, TextError):
        return str(error)
    return text(f"errors.{error.key}", language, **_said(error.values, language))


def _said(values: dict[str, Any], language: str | None) -> dict[str, Any]:
    """Return values with each phrase among them, and in them, in a language."""
    return {
        name: text(f"errors.{value.key}", language, **_said(value.values, language))
        if isinstance(value, Phrase)
        else value
        for name, value in values.items()
    }
