"""The ``ogive`` command: its sub-commands, and how errors end."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ogive import __version__
from ogive.cli.convert import convert
from ogive.cli.datasets import datasets
from ogive.cli.demo import demo
from ogive.cli.evaluate import evaluate
from ogive.cli.fit import fit
from ogive.cli.generate import generate
from ogive.cli.index import index
from ogive.cli.info import info
from ogive.cli.options import Debug
from ogive.cli.predict import predict
from ogive.cli.sample import sample
from ogive.cli.search import search
from ogive.cli.serve import serve
from ogive.cli.train import train

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

app = typer.Typer(
    name="ogive",
    help="Learning with sigmoid kernels, trained correctly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
_COMMANDS = (
    fit,
    train,
    predict,
    evaluate,
    info,
    convert,
    index,
    search,
    generate,
    sample,
    serve,
)
for command in _COMMANDS:
    app.command()(command)
app.add_typer(datasets, name="datasets")
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
        typer.Option(
            "--version",
            metavar="",
            callback=_print_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """Learning with sigmoid kernels, trained correctly."""


def run() -> None:
    """Run the command line; an error ends in one line, code 1 (failed) or 2 (wrong use)."""
    try:
        app()
    except KeyboardInterrupt:
        _end("interrupted", _INTERRUPTED)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:  # typer turns most interrupts into this, and says nothing
            _end("interrupted", _INTERRUPTED)
        raise
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
