"""``ogive train``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ogive.cli.options import AsJson, Debug, Device, PictureSource, Quiet, Resize, recipe_option

if TYPE_CHECKING:
    from ogive.cli.terminal import Terminal

gradient_option = partial(typer.Option, rich_help_panel="Training by gradient")


def train(
    data: PictureSource,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The model file to write.")
    ],
    method: Annotated[
        Literal["closed-form", "gradient", "both"] | None,
        typer.Option(
            metavar="NAME",
            help="closed-form (if left out): patches, landmarks and ridge regression, without "
            "gradient descent; gradient: a network of kernel convolutions; both: the mean of "
            "the two.",
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
            help="small (if left out with both), medium (otherwise) or large: more filters, more "
            "time, fewer errors.",
        ),
    ] = None,
    filters: Annotated[
        int | None, recipe_option(metavar="NUMBER", help="How many, instead of a size.")
    ] = None,
    layers: Annotated[
        int | None,
        recipe_option(
            min=1, max=2, metavar="1|2", help="2: patches of a first layer's answers. 1 is better."
        ),
    ] = None,
    patch_size: Annotated[
        int | None,
        recipe_option(
            metavar="PIXELS", help="Side of a patch; 6 if it fits, or 8 of many filters."
        ),
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
    kernel: Annotated[
        Literal["sigmoid", "logistic", "relu"] | None,
        gradient_option(metavar="NAME", help="sigmoid, logistic, or relu for an ordinary network."),
    ] = None,
    start: Annotated[
        Literal["critical", "closed-form"] | None,
        gradient_option(
            metavar="NAME",
            help="Of the first layer: weights at which gradients neither grow nor vanish (if left "
            "out), or the closed form's landmarks.",
        ),
    ] = None,
    width: Annotated[
        int | None, gradient_option(metavar="NUMBER", help="Units of the first layer.")
    ] = None,
    epochs: Annotated[
        int | None, gradient_option(metavar="NUMBER", help="How often each picture is seen.")
    ] = None,
    batch: Annotated[
        int | None, gradient_option(metavar="NUMBER", help="Pictures of a step; 128 if left out.")
    ] = None,
    rate: Annotated[
        float | None,
        gradient_option(metavar="NUMBER", help="The highest learning rate."),
    ] = None,
    flip: Annotated[
        bool | None,
        gradient_option(
            "--flip/--no-flip",
            metavar="",
            help="Whether pictures are mirrored at random; yes for colour pictures.",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        gradient_option(
            metavar="EPOCHS",
            help="Stop when the loss on pictures left out of training was not lower for so many "
            "epochs, and keep the weights with the lowest; if left out, all epochs are taken.",
        ),
    ] = None,
    validation_fraction: Annotated[
        float | None,
        gradient_option(
            metavar="SHARE",
            help="Of the training pictures, left out for --patience; 0.1 if it is not said. They "
            "are others than those of --test-fraction.",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        gradient_option(
            metavar="FILE",
            help="Keep the state of the training here; if the file is there, go on from it.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        gradient_option(metavar="FILE", help="Write loss, accuracy and rate as JSON lines."),
    ] = None,
    plot: Annotated[
        Path | None,
        gradient_option(
            metavar="FILE", help="Draw them over the steps: a .png, .svg or .pdf file."
        ),
    ] = None,
    device: Device = "cpu",
    resize: Resize = None,
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

    A training by gradient that is interrupted or killed goes on from its checkpoint when the same
    command is run again, and ends with the same weights.

    Example: ogive train holiday-pictures/ -o places.ogive --test-fraction 0.2
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.counting import counting
    from ogive.cli.fit import picture_size
    from ogive.cli.outcome import keep_and_tell
    from ogive.cli.terminal import Terminal, command_line

    for file in (output, plot, checkpoint, log):
        if file is not None:
            check_writable_folder(file.parent)  # before minutes of work, not after them
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.images.recipe import Recipe
        from ogive.images.training import TrainingFiles, TrainingInterrupted
        from ogive.models import Course, read_training, train_pictures
        from ogive.preprocessing import ColumnRoles
    settings = (Recipe.read(recipe) if recipe is not None else Recipe()).overridden(
        method=method, seed=seed, size=size, layers=layers, filters=filters,
        patch_size=patch_size, grid=grid, mirror=mirror, alpha=alpha, kernel=kernel, start=start,
        width=width, epochs=epochs, batch=batch, rate=rate, flip=flip, patience=patience,
        validation_fraction=validation_fraction,
    )  # fmt: skip
    curves = _Curves(plot, settings.method, terminal)
    with terminal.step(f"reading {data}"):
        training = read_training(
            data, ColumnRoles(), task="classes", size=picture_size(resize), delimiter=None,
            header=None,
        )  # fmt: skip
    held = None
    if test_fraction is not None:
        training, held = training.split(test_fraction, settings.seed)
    if checkpoint is not None and checkpoint.expanduser().exists():
        terminal.note(f"going on from {checkpoint}")
    try:
        with counting(quiet=quiet) as progress:
            files = TrainingFiles(checkpoint, log)
            course = Course(files, progress, curves.add, device)
            fitted = train_pictures(
                training, settings, held=held, command=command_line(), course=course
            )
    except TrainingInterrupted as interrupted:
        terminal.note(str(interrupted))
        raise
    keep_and_tell(fitted, held, output, terminal, as_json=as_json, quiet=quiet)
    curves.draw(log)  # the model is safe whatever happens to the plot


class _Curves:
    """The records of a training: told at the end of an epoch, and drawn at the end."""

    def __init__(self, plot: Path | None, method: str, terminal: Terminal) -> None:
        self.plot, self.terminal = plot, terminal
        self.records: list[Mapping[str, Any]] = []
        if plot is not None:
            from ogive._errors import InvalidParameterError
            from ogive.report.style import check_plot_path

            check_plot_path(plot)
            if method == "closed-form":
                raise InvalidParameterError(
                    "plot: method='closed-form' has no steps to draw; leave the option out, or "
                    "choose the method gradient or both"
                )

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep a record, and tell it if it ends an epoch."""
        self.records.append(record)
        if "epoch" in record:
            told = f"epoch {record['epoch']}: loss {record['loss']:.3f}"
            if "validation_loss" in record:
                told += f" and {record['validation_loss']:.4f} on what is left out"
            if "held_out_accuracy" in record:
                told += f", accuracy {record['held_out_accuracy']:.4f} on what is held out"
            else:
                told += f", accuracy {record['accuracy']:.3f} of the last batch"
            self.terminal.note(f"{told}, {record['seconds']:.0f} s")

    def draw(self, log: Path | None) -> None:
        """Draw all records: those of the log, which knows what was before a resumption."""
        if self.plot is None:
            return
        from ogive.images.training import read_log
        from ogive.report.training import training_curves

        records = read_log(log) if log is not None else self.records
        if not records:
            self.terminal.note("nothing to draw: no step was left to take; name the log too")
            return
        training_curves.write(self.plot, records)
        self.terminal.note(f"the plot is in {self.plot}")
