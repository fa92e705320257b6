"""``ogive generate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ogive.cli.options import AsJson, Debug, PictureSource, Quiet, Resize, recipe_option

if TYPE_CHECKING:
    from ogive.images.generation import PictureGenerator


def generate(
    data: PictureSource,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The generator file to write.")
    ],
    method: Annotated[
        Literal["gradient", "closed-form"] | None,
        recipe_option(
            metavar="NAME",
            help="gradient: a network, the default. closed-form: kernel ridge regressions, in "
            "seconds, for pictures as small as digits of 8×8 pixels.",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        recipe_option(
            metavar="NUMBER", help="About how long to train on this machine; 20 if left out."
        ),
    ] = None,
    steps: Annotated[
        int | None, recipe_option(metavar="NUMBER", help="How many batches, instead of minutes.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A TOML file with a table \\[generator]; flags override it."
        ),
    ] = None,
    kernel: Annotated[
        Literal["sigmoid", "logistic"] | None,
        recipe_option(metavar="NAME", help="Of convolutions: sigmoid (tanh) or logistic."),
    ] = None,
    twin: Annotated[
        bool | None,
        recipe_option(
            "--twin/--no-twin",
            metavar="",
            help="The same network with SiLU and softmax in place of kernels, to compare with.",
        ),
    ] = None,
    width: Annotated[
        int | None, recipe_option(metavar="NUMBER", help="Channels of the network, at its finest.")
    ] = None,
    guidance: Annotated[
        float | None,
        recipe_option(
            metavar="NUMBER",
            help="How far samples are pushed towards their class, unless told otherwise; 1 is not "
            "at all.",
        ),
    ] = None,
    seed: Annotated[
        int | None, recipe_option(metavar="NUMBER", help="Of every random choice.")
    ] = None,
    resize: Resize = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Kept while training; if it is there, training goes on from it."
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Loss and learning rate by step, as JSON lines."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a generator of small pictures, and keep it in one file for ogive sample.

    Pictures have at most 64 pixels a side. Ctrl-C keeps the checkpoint, if one is named; the same
    command then goes on from it.

    Example: ogive generate fashion-mnist -o clothes.ogive --minutes 20 --checkpoint clothes.part
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.counting import counting
    from ogive.cli.fit import picture_size
    from ogive.cli.terminal import Terminal, command_line

    check_writable_folder(output.parent)  # before minutes of work, not after them
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.images.generation import GeneratorRecipe, planned_steps, train_generator
        from ogive.images.training import TrainingFiles, TrainingInterrupted
        from ogive.models import read_training, save
        from ogive.preprocessing import ColumnRoles
    settings = GeneratorRecipe.read(recipe) if recipe is not None else GeneratorRecipe()
    settings = settings.overridden(
        method=method,
        minutes=minutes,
        steps=steps,
        kernel=kernel,
        twin=twin,
        width=width,
        guidance=guidance,
        seed=seed,
    )
    with terminal.step(f"reading {data}"):
        training = read_training(data, ColumnRoles(), task="classes", size=picture_size(resize))
    planned = planned_steps(checkpoint) if settings.method == "gradient" else None
    if planned is not None:
        whatever = ", whatever the minutes" if settings.steps is None else ""
        terminal.note(f"going on from {checkpoint}, to {planned:,} steps in all{whatever}")
    try:
        with counting(quiet=quiet) as progress:
            made = train_generator(
                training.data,
                settings,
                files=TrainingFiles(checkpoint, log),
                progress=progress,
                command=command_line(),
            )
    except TrainingInterrupted as stopped:
        terminal.note(str(stopped))
        raise
    save(made, output)
    if as_json:
        terminal.answer({"path": str(output), "classes": list(made.classes), **made.summary})
    elif not quiet:
        terminal.output.print(_told(made, output), markup=False, soft_wrap=True)


def _told(made: PictureGenerator, output: Path) -> str:
    height, width, _ = made.image_shape
    about = made.summary
    steps = f"{about['steps']:,} steps in " if "steps" in about else ""
    return (
        f"generator of {height}×{width} pictures of {len(made.classes)} classes: "
        f"{about['parameters']:,} parameters, {steps}{about['seconds']:,.0f} s"
        f"\nin {output}; draw some with: ogive sample {output} -o pictures.png"
    )
