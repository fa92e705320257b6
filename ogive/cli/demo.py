"""``ogive demo``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer


def demo(
    data: Annotated[
        str | None,
        typer.Option(
            help="A named data set (fashion-mnist, digits) or a path; "
            "by default Fashion-MNIST if it is on this machine, otherwise digits."
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder that report.html is written to.")] = Path(
        "ogive-demo"
    ),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON instead of tables.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print no progress and no tables.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Watch a sigmoid kernel, correctly trained, learn real images.

    Trains Ogive's classifier with the sigmoid, Gaussian and linear kernels, shows what scikit-learn
    makes of the same sigmoid kernel, and writes a page of pictures.

    Example: ogive demo --data digits --output my-report
    """
    from rich.console import Console

    from ogive._writing import check_writable_folder

    check_writable_folder(output)  # before minutes of work, not after them
    progress = Console(stderr=True, quiet=quiet)

    @contextmanager
    def step(text: str) -> Iterator[None]:
        if progress.is_terminal:
            with progress.status(text):
                yield
        else:
            progress.print(text, markup=False, highlight=False)
            yield

    with step("loading torch and scikit-learn"):
        from ogive.report.demo import run_demo
        from ogive.report.page import write_report
    result = run_demo(data, command=_command(), step=step)
    with step("drawing the report"):
        path = write_report(result, output)
    if as_json:
        print(json.dumps(result.summary() | {"report": str(path)}, indent=2))
    elif not quiet:
        from ogive.report.table import print_result

        console = Console()
        print_result(result, console)
        console.print(f"\n{result.seconds:.0f} s in all; the pictures are in {path}", markup=False)


def _command() -> str:
    return " ".join(["ogive", *sys.argv[1:]])
