"""The ``ogive`` command: its sub-commands, and how errors end."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ogive import __version__
from ogive.cli.demo import demo

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

app = typer.Typer(
    name="ogive",
    help="Learning with sigmoid kernels, trained correctly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(demo)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"ogive {__version__}")
        raise typer.Exit


@app.callback()
def main(
    debug: Debug = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Learning with sigmoid kernels, trained correctly."""


def run() -> None:
    """Run the command line; an error ends in one line, code 1 (failed) or 2 (wrong use)."""
    try:
        app()
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        _end(_one_line(error), _code(error))


def _code(error: Exception) -> int:
    from ogive._errors import InvalidParameterError, InvalidTypeError, UnknownDataError

    wrong_use = InvalidParameterError | InvalidTypeError | UnknownDataError
    return 2 if isinstance(error, wrong_use) else 1


def _one_line(error: Exception) -> str:
    from ogive._errors import OgiveError

    text = " ".join(str(error).split())
    if isinstance(error, OgiveError):
        return text
    if isinstance(error, MemoryError):
        return "out of memory; try a smaller data set or close other programs"
    return f"unexpected {type(error).__name__}: {text} (run again with --debug for the traceback)"


def _end(message: str, code: int) -> None:
    print(f"ogive: {message}", file=sys.stderr)
    raise SystemExit(code)
