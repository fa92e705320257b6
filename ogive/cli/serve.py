"""``ogive serve``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ogive.cli.options import Debug, Device, Quiet


def serve(
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A model (ogive train): tells the class of a picture."),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An index (ogive index): finds the pictures most alike."),
    ] = None,
    generator: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A generator (ogive generate): makes pictures."),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Where to listen; 0.0.0.0 lets in whoever reaches this machine.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="NUMBER", help="Of TCP; 0 for any that is free."),
    ] = 8000,
    device: Device = "cpu",
    open_browser: Annotated[
        bool, typer.Option("--open", metavar="", help="Open the page in the browser.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show a page in the browser: pictures classified, searched by a picture, and generated.

    Give a model, an index, a generator, or several of them. Prints the address of the page. Nothing
    is sent elsewhere, and no picture that is shown to the page is written to disk.

    Example: ogive serve --model places.ogive --index holidays.index --open
    """
    from ogive._errors import InvalidParameterError
    from ogive.cli.terminal import Terminal

    if model is None and index is None and generator is None:
        raise InvalidParameterError(
            "nothing to serve: give --model, --index or --generator, or several of them"
        )
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.web import create_app, open_served
        from ogive.web.guard import names_of
        from ogive.web.server import address_of, listen
        from ogive.web.server import serve as answer
    with listen(host, port) as listening:  # before minutes of loading, not after them
        files = [str(path) for path in (model, index, generator) if path is not None]
        with terminal.step(f"loading {', '.join(files)}"):
            served = open_served(model=model, index=index, generator=generator, device=device)
        app = create_app(served, names=names_of(host))
        address = address_of(listening, host)

        def started() -> None:
            print(address, flush=True)
            terminal.note("Ctrl-C stops it")
            if open_browser:
                import webbrowser

                webbrowser.open(address)

        try:
            answer(app, listening, started)
        except KeyboardInterrupt:
            terminal.note("stopped")
    if app.state.lane.busy:
        # A picture is still being made, in a thread that Python would wait for.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
