"""``ogive train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ogive.cli.options import AsJson, Debug, Quiet, recipe_option


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A named data set (see ogive datasets), a folder with one sub-folder of pictures "
            "a class, or a file of pictures.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The model file to write.")
    ],
    method: Annotated[
        Literal["closed-form"] | None,
        typer.Option(
            metavar="NAME",
            help="closed-form: patches, landmarks and ridge regression, without gradient descent.",
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A TOML file of settings; flags override it."),
    ] = None,
    size: Annotated[
        Literal["small", "medium", "large"] | None,
        recipe_option(
            metavar="SIZE",
            help="small, medium (if left out) or large: more filters, more time, fewer errors.",
        ),
    ] = None,
    filters: Annotated[
        int | None, recipe_option(metavar="NUMBER", help="How many, instead of a size.")
    ] = None,
    patch_size: Annotated[
        int | None, recipe_option(metavar="PIXELS", help="Side of a patch; 6 if it fits.")
    ] = None,
    grid: Annotated[
        int | None,
        recipe_option(metavar="NUMBER", help="Answers are averaged over so many cells a side."),
    ] = None,
    mirror: Annotated[
        bool | None,
        recipe_option(
            "--mirror/--no-mirror",
            metavar="",
            help="Whether a picture and its mirror image are the same; yes for colour pictures.",
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        recipe_option(metavar="NUMBER", help="Penalty, in units of the features' variance."),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTH",
            help="Resize the pictures of a folder; to 32x32 say.",
        ),
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Hold this share of the pictures out, and tell how well they are classified.",
        ),
    ] = None,
    seed: Annotated[
        int | None, recipe_option(min=0, metavar="NUMBER", help="Of every random choice.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a classifier of pictures, and keep it in one file for ogive predict and evaluate.

    Example: ogive train holiday-pictures/ -o places.ogive --test-fraction 0.2
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.counting import counting
    from ogive.cli.fit import picture_size
    from ogive.cli.outcome import keep_and_tell
    from ogive.cli.terminal import Terminal, command_line

    check_writable_folder(output.parent)  # before minutes of work, not after them
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.images.recipe import Recipe
        from ogive.models import read_training, train_pictures
        from ogive.preprocessing import ColumnRoles
    settings = (Recipe.read(recipe) if recipe is not None else Recipe()).overridden(
        method=method,
        seed=seed,
        size=size,
        filters=filters,
        patch_size=patch_size,
        grid=grid,
        mirror=mirror,
        alpha=alpha,
    )
    with terminal.step(f"reading {data}"):
        training = read_training(
            data, ColumnRoles(), task="classes", size=picture_size(resize), delimiter=None,
            header=None,
        )  # fmt: skip
    held = None
    if test_fraction is not None:
        training, held = training.split(test_fraction, settings.seed)
    with counting(quiet=quiet) as progress:
        fitted = train_pictures(training, settings, command=command_line(), progress=progress)
    keep_and_tell(fitted, held, output, terminal, as_json=as_json, quiet=quiet)
