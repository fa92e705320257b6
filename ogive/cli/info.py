"""``ogive info``."""

from __future__ import annotations

from ogive.cli.options import AsJson, Debug, ModelFile, Quiet


def info(
    model: ModelFile,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tell what a model file holds: kernel, preprocessing, classes, and how it was fitted.

    Example: ogive info houses.ogive
    """
    from ogive.cli.terminal import Terminal
    from ogive.models import describe_file

    terminal = Terminal(quiet=quiet)
    found = describe_file(model)
    if as_json:
        terminal.answer(found)
    else:
        from ogive.report.model import print_model

        print_model(found, terminal.output)
