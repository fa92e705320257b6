"""``ogive demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ogive.cli.options import AsJson, Debug, Quiet


def demo(
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="A named data set (fashion-mnist, digits) or a path; "
            "by default Fashion-MNIST if it is on this machine, otherwise digits.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder that report.html is written to."
        ),
    ] = Path("ogive-demo"),
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Watch a sigmoid kernel, correctly trained, learn real images.

    Trains Ogive's classifier with the sigmoid, Gaussian and linear kernels, shows what scikit-learn
    makes of the same sigmoid kernel, searches the pictures by a picture, has digits drawn by kernel
    regressions, and writes a page of all that.

    Example: ogive demo --data digits --output my-report
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.terminal import Terminal, command_line

    check_writable_folder(output)  # before minutes of work, not after them
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.report.demo import run_demo
        from ogive.report.page import write_report
    result = run_demo(data, command=command_line(), step=terminal.step)
    with terminal.step("drawing the report"):
        path = write_report(result, output)
    if as_json:
        terminal.answer(result.summary() | {"report": str(path)})
    elif not quiet:
        from ogive.report.table import print_result

        print_result(result, terminal.output)
        terminal.output.print(
            f"\n{result.seconds:.0f} s in all; the pictures are in {path}", markup=False
        )
