"""``ogive datasets``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ogive.cli.options import AsJson, Debug, Quiet

datasets = typer.Typer(invoke_without_command=True, rich_markup_mode="rich")


@datasets.callback()
def main(
    context: typer.Context, as_json: AsJson = False, quiet: Quiet = False, debug: Debug = False
) -> None:
    """List the data sets that are known by name, tell about one, or fetch one.

    Example: ogive datasets fetch cifar10
    """
    if context.invoked_subcommand is None:
        list_sets(as_json, quiet, debug)


@datasets.command("list")
def list_sets(as_json: AsJson = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List them, and where they are on this machine.

    Example: ogive datasets list
    """
    from ogive import data
    from ogive.cli.terminal import Terminal

    terminal = Terminal(quiet=quiet)
    found = [data.describe(name) for name in data.names()]
    if as_json:
        terminal.answer([_values(entry) for entry in found])
        return
    from ogive.report.datasets import print_sets

    print_sets(found, terminal.output)


@datasets.command()
def info(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a data set.")],
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tell about one: rows, classes, origin, licence, and where it is.

    Example: ogive datasets info mnist
    """
    from ogive import data
    from ogive.cli.terminal import Terminal

    terminal = Terminal(quiet=quiet)
    found = data.describe(name)
    if as_json:
        terminal.answer(_values(found))
        return
    from ogive.report.datasets import print_set

    print_set(found, terminal.output)


@datasets.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of data sets, or all.")],
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Download the original files into the cache, verified; an interrupted download continues.

    Example: ogive datasets fetch fashion-mnist
    """
    from ogive import data
    from ogive.cli.terminal import Terminal

    terminal = Terminal(quiet=quiet)
    wanted = data.names() if names == ["all"] else names
    for name in wanted:
        data.available(name)  # a misspelt name is told before the first download
    folders = {}
    for name in wanted:
        with terminal.bytes_bar(f"fetching {name}") as progress:
            folders[name] = str(data.fetch(name, progress))
        terminal.note(f"{name} is in {folders[name]}")
    if as_json:
        terminal.answer(folders)


def _values(entry: Any) -> dict[str, Any]:
    import dataclasses

    values = dataclasses.asdict(entry)
    return values | {"place": None if entry.place is None else str(entry.place)}
