"""The command line as such: its options, how it speaks, and how a run of it ends.

Exit codes: 0 done; 1 ``check`` found errors, or a fault of ours (one sentence and the path of a log file); 2 bad
input, said in one sentence. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer

__all__ = ["Language", "app", "complain", "fault", "main", "say", "shown", "speak"]

app = typer.Typer(
    name="twin",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Urban digital twin: from CityGML and GIS layers to a heat map of a real district.\n\n"
    "Example: [bold]twin demo[/bold] runs a made district and tells where its report is.",
)

Language = Annotated[
    Literal["de", "en"] | None, typer.Option("--lang", help="Language of report and messages; by default the system's.")
]


def say(key: str, **values: Any) -> None:
    """Print a text of the command line."""
    from twin.language import text

    typer.echo(text(f"cli.{key}", **values))


def complain(sentence: str) -> None:
    """Print a sentence to the error output."""
    typer.echo(sentence, err=True)


def speak(language: str | None) -> str:
    """Set the language of this process and return it."""
    from twin.language import default_language

    if language:
        os.environ["TWIN_LANG"] = language
    return default_language()


def shown(path: Path) -> str:
    """Return a path as short as it can be written from here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _version(wanted: bool) -> None:
    if wanted:
        import twin

        typer.echo(f"urban-twin {twin.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Options of all commands; ``--version`` acts by itself."""


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,  # noqa: ARG001  (as the warnings module calls it)
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Show warnings of our own packages as one line; those of others are for developers."""
    folders = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "models")]
    if issubclass(category, UserWarning) and filename.startswith(tuple(folders)):
        from twin.language import text

        complain(text("cli.note", message=message))


def fault(error: BaseException) -> str:
    """Write the traceback to a log file and return the sentence that names it."""
    from twin.language import text

    handle, log = tempfile.mkstemp(prefix="twin-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(" ".join(sys.argv) + "\n")
        traceback.print_exception(error, file=file)
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return text("cli.bug", reason=reason, log=log)


def _outcome(error: Exception) -> int:
    """Say what went wrong in one sentence and return the exit code."""
    from twin.errors import InputError, sentence
    from twin.language import text

    if isinstance(error, InputError):
        complain(sentence(error))
        return 2
    if isinstance(error, OSError) and error.filename and error.errno in (errno.EACCES, errno.EPERM):
        complain(text("cli.no_permission", file=error.filename))
        return 2
    if isinstance(error, IsADirectoryError):
        complain(text("cli.is_folder", file=error.filename))
        return 2
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        complain(text("cli.disk_full"))
        return 1
    if isinstance(error, MemoryError):
        complain(text("cli.no_memory"))
        return 1
    complain(fault(error))
    return 1


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process.
    """
    warnings.showwarning = _note
    try:
        code = app(args=arguments, standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        code = 1
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # a mistake in the command line itself
            error.show()
            code = error.exit_code
        else:
            code = _outcome(error)
    if code == 130:
        from twin.language import text

        complain(text("cli.interrupted"))
    sys.exit(code if isinstance(code, int) else 0)
