"""``ogive predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ogive.cli.options import AsJson, Debug, Delimiter, Device, Header, ModelFile, Quiet, Split


def predict(
    model: ModelFile,
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="Pictures, folders of pictures, or one data set or table, with a target or "
            "without.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write a .csv, .tsv or .parquet file instead of printing.",
        ),
    ] = None,
    split: Split = None,
    delimiter: Delimiter = None,
    header: Header = None,
    device: Device = "cpu",
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict with a model: a label or value for each picture or row.

    Prints lines of CSV: the file or the number of each row (from 0), the prediction, and the
    probability of each class if the model knows it; or a column for each component of a model that
    was fitted without targets (pca).

    Example: ogive predict mnist.ogive seven.png letters/
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.terminal import Terminal
    from ogive.report.predictions import (
        check_predictions_path,
        component_columns,
        delimited,
        prediction_columns,
        write_predictions,
    )

    if output is not None:
        check_predictions_path(output)
        check_writable_folder(output.parent)
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.models import ReadOptions, load_for_use, read_batch
    loaded = load_for_use(model, device)
    with terminal.step(f"reading {', '.join(data[:3])}{' …' if len(data) > 3 else ''}"):
        batch = read_batch(loaded, data, ReadOptions(split, delimiter, header))
    rows, labels = len(batch.labels), (batch.labels, batch.label_kind)
    if loaded.transforms:
        answer, told = "components", f"components of {rows:,} rows"
        with terminal.step(f"computing the components of {rows:,} rows"):
            columns = component_columns(*labels, loaded.transform(batch.data))
    else:
        answer, told = "predictions", f"{rows:,} predictions"
        with terminal.step(f"predicting {rows:,} rows"):
            answers = loaded.predict(batch.data)
            shares = loaded.predict_proba(batch.data) if loaded.gives_probabilities else None
        columns = prediction_columns(*labels, answers, loaded.classes, shares)
    if output is not None:
        write_predictions(output, columns)
        if not as_json:
            terminal.note(f"{told} in {output}")
    if as_json:
        found: dict[str, Any] = {"model": str(model), "target": loaded.target}
        found |= {"classes": list(loaded.classes), "rows": rows}
        terminal.answer(
            found | ({"path": str(output)} if output is not None else {answer: columns})
        )
    elif output is None:
        print(delimited(columns), end="")
