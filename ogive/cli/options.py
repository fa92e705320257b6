"""Options that several commands share."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

# Options of these are shown under a heading of their own.
table_option = partial(typer.Option, rich_help_panel="Tables")
kernel_option = partial(typer.Option, rich_help_panel="Kernel and penalty")
recipe_option = partial(typer.Option, rich_help_panel="Recipe")

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")]
PictureSource = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A named data set (see ogive datasets), a folder with one sub-folder of pictures "
        "a class, or a file of pictures.",
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(metavar="HEIGHTxWIDTH", help="Resize the pictures of a folder; to 32x32 say."),
]
AsJson = Annotated[
    bool, typer.Option("--json", metavar="", help="Print the answer as JSON, for another program.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", metavar="", help="Print the answer and nothing else.")
]
Debug = Annotated[bool, typer.Option("--debug", metavar="", help="Show the traceback of an error.")]
Seed = Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Of every random choice.")]
Device = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What computes: cpu, cuda (or cuda:1, …), or auto for a GPU if there is one.",
    ),
]
Split = Annotated[
    Literal["train", "test"] | None,
    typer.Option(
        metavar="train|test", help="The part to take, of data that have parts; by default test."
    ),
]
Delimiter = Annotated[
    str | None,
    table_option(
        metavar="CHARACTER", help="Between the cells of a text table; by default found out."
    ),
]
Header = Annotated[
    bool | None,
    table_option(
        "--header/--no-header",
        metavar="",
        help="Whether a text table's first line holds the names; by default found out.",
    ),
]
