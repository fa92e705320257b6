"""``ogive fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ogive.cli.options import (
    AsJson,
    Debug,
    Delimiter,
    Device,
    Header,
    Quiet,
    Seed,
    kernel_option,
    table_option,
)

KernelName = Literal["sigmoid", "logistic", "gaussian", "polynomial", "linear", "additive"]
ModelName = Literal["ridge", "logistic", "discriminant", "svc", "svr", "pca"]


def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A named data set (see ogive datasets), a file or a folder."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The model file to write.")
    ],
    model: Annotated[
        ModelName,
        typer.Option(
            metavar="NAME",
            help="What to fit: ridge (kernel ridge regression, for classes or values), logistic or "
            "discriminant (for classes, with probabilities), svc or svr (support vector machines "
            "for classes or values), pca (principal components, without targets).",
        ),
    ] = "ridge",
    target: Annotated[
        str | None,
        table_option(
            metavar="COLUMN",
            help="The column to predict, by name or number from 0; by default target, label, "
            "class or y, otherwise the last. pca leaves it out, and by default no other column.",
        ),
    ] = None,
    categorical: Annotated[
        list[str] | None,
        table_option(
            metavar="COLUMNS",
            help="Columns of categories, to be one-hot encoded; several times or with commas; "
            "all: every column that is no numbers.",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        table_option(metavar="COLUMNS", help="Columns of text, to become TF-IDF words."),
    ] = None,
    drop: Annotated[
        list[str] | None, table_option(metavar="COLUMNS", help="Columns to leave out.")
    ] = None,
    delimiter: Delimiter = None,
    header: Header = None,
    task: Annotated[
        Literal["auto", "classes", "values"],
        typer.Option(
            metavar="KIND",
            help="What the target holds: classes, values, or auto: text and up to a hundred "
            "different integers are classes. Of no account to pca.",
        ),
    ] = "auto",
    scale: Annotated[
        Literal["auto", "none", "centre", "standard"],
        typer.Option(
            metavar="HOW",
            help="Numbers are left (none), centred (centre), or centred and scaled (standard); "
            "auto: standard for all but pictures and sparse data.",
        ),
    ] = "auto",
    size: Annotated[
        str | None, typer.Option(metavar="HEIGHTxWIDTH", help="Resize pictures, to 32x32 say.")
    ] = None,
    kernel: Annotated[
        KernelName,
        kernel_option(
            metavar="NAME", help="sigmoid, logistic, gaussian, polynomial, linear or additive."
        ),
    ] = "sigmoid",
    gamma: Annotated[
        str | None,
        kernel_option(
            metavar="VALUE",
            help="A number, or a rule that reads it off the data: suggest, scale or auto.",
        ),
    ] = None,
    coef0: Annotated[
        str | None, kernel_option(metavar="VALUE", help="A number, or suggest.")
    ] = None,
    degree: Annotated[
        float | None,
        kernel_option(metavar="NUMBER", help="Of the polynomial kernel; 3 if left out."),
    ] = None,
    alpha: Annotated[
        str | None,
        kernel_option(
            metavar="VALUE",
            help="Strength of the penalty: for ridge a number, or auto (if left out) to choose it "
            "by the error on rows left out; for logistic a number, 0.01 if left out.",
        ),
    ] = None,
    mu: Annotated[
        float | None,
        kernel_option(
            metavar="NUMBER",
            help="Ridge of discriminant, in units of the rows' mean square; 0.001 if left out.",
        ),
    ] = None,
    components: Annotated[
        int | None,
        kernel_option(
            min=1, metavar="NUMBER", help="How many components pca keeps; 2 if left out."
        ),
    ] = None,
    penalty: Annotated[
        float | None,
        kernel_option(
            "--C",
            metavar="NUMBER",
            help="Weight of errors against the norm, of svc and svr; 10 if left out.",
        ),
    ] = None,
    epsilon: Annotated[
        float | None,
        kernel_option(
            metavar="NUMBER",
            help="Error that svr forgives, in units of the target; 0.1 if left out.",
        ),
    ] = None,
    landmarks: Annotated[
        int | None,
        kernel_option(
            min=0,
            metavar="NUMBER",
            help="How many rows stand for all; if left out 5,000 above 3,000 rows (svc, svr: of "
            "an indefinite kernel, above 5,000); 0 for none: exact.",
        ),
    ] = None,
    memory: Annotated[
        str | None,
        kernel_option(
            metavar="SIZE",
            help="Budget of the kernel's working buffers; 256 MB if left out, for svc and svr 70 % "
            "of what is free.",
        ),
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Hold this share of the rows out, and tell how well they are predicted.",
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fit a model on data and keep it, preprocessing included, in one file.

    Data with parts of their own are fitted on the train part; ogive evaluate takes the test part.

    Example: ogive fit houses.csv --target price --categorical district -o houses.ogive
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.outcome import keep_and_tell
    from ogive.cli.terminal import Terminal, command_line

    check_writable_folder(output.parent)  # before minutes of work, not after them
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive._devices import check_device
        from ogive.models import Settings, fit_model, learns_from_targets, read_training
        from ogive.preprocessing import ColumnRoles
    check_device(device)
    settings = Settings(
        model=model,
        kernel=kernel,
        gamma=_number_or_rule(gamma),
        coef0=_number_or_rule(coef0),
        degree=degree,
        alpha=_number_or_rule(alpha),
        mu=mu,
        components=components,
        C=penalty,
        epsilon=epsilon,
        landmarks=landmarks,
        scale=scale,
        memory=memory,
        seed=seed,
        device=device,
    )
    wanted = task if learns_from_targets(settings) else "none"
    roles = ColumnRoles(target, _columns(categorical), _columns(text), _columns(drop))
    with terminal.step(f"reading {data}"):
        training = read_training(
            data, roles, task=wanted, size=picture_size(size), delimiter=delimiter, header=header
        )
    held = None
    if test_fraction is not None:
        training, held = training.split(test_fraction, seed)
    fitted = fit_model(training, settings, command=command_line(), step=terminal.step)
    keep_and_tell(fitted, held, output, terminal, as_json=as_json, quiet=quiet)


def _number_or_rule(text: str | None) -> float | str | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text  # whether it is a rule is the kernel's to say


def _columns(values: list[str] | None) -> tuple[str, ...]:
    return tuple(name for value in values or () for name in value.split(",") if name)


def picture_size(text: str | None) -> tuple[int, int] | None:
    """Return height and width from ``HEIGHTxWIDTH``."""
    if text is None:
        return None
    from ogive._errors import InvalidParameterError

    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.strip().isdecimal() for side in sides):
        raise InvalidParameterError(f"size={text!r} must be HEIGHTxWIDTH: 32x32, say")
    return int(sides[0]), int(sides[1])
