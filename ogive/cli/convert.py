"""``ogive convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ogive.cli.options import AsJson, Debug, Quiet


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A classification model that LIBSVM's svm-train wrote."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The model file to write.")
    ],
    columns: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="How many columns the data have, if more than the largest index in the file.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Convert a model of LIBSVM: the same decision values, in a file that ogive.load reads.

    Example: ogive convert letters.model -o letters.ogive
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.terminal import Terminal

    check_writable_folder(output.parent)
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.estimators.libsvm import read_libsvm_model
        from ogive.models import save
    with terminal.step(f"reading {source}"):
        model = read_libsvm_model(source, n_features=columns)
    save(model, output)
    found = {
        "path": str(output),
        "kernel": str(model.kernel_),
        "classes": [int(label) for label in model.classes_],
        "support_vectors": len(model.support_),
        "columns": model.n_features_in_,
    }
    if as_json:
        terminal.answer(found)
    elif not quiet:
        terminal.output.print(
            f"{found['support_vectors']:,} support vectors of {len(model.classes_)} classes, "
            f"{found['kernel']}: {output}",
            highlight=False,
        )
