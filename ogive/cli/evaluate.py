"""``ogive evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ogive.cli.options import AsJson, Debug, Delimiter, Device, Header, ModelFile, Quiet, Split


def evaluate(
    model: ModelFile,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A named data set, a file or a folder.")
    ],
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the confusion matrix, or predicted over true values: a .png, .svg or .pdf "
            "file.",
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
    """Compare a model's predictions with the truth.

    Classes: accuracy, balanced accuracy, precision, recall and F1 of each class, and the confusion
    matrix. Values: R², mean absolute and root mean squared error.

    Example: ogive evaluate fashion.ogive fashion-mnist --plot confusion.png
    """
    from ogive._writing import check_writable_folder
    from ogive.cli.terminal import Terminal

    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch and scikit-learn"):
        from ogive.models import ReadOptions, load_for_use, read_examples
        from ogive.report.evaluation import Evaluation, print_evaluation
    if plot is not None:
        from ogive.report.style import check_plot_path

        check_plot_path(plot)
        check_writable_folder(plot.parent)
    loaded = load_for_use(model, device)
    target = loaded.require_target()
    with terminal.step(f"reading {data}"):
        batch, truth = read_examples(loaded, data, ReadOptions(split, delimiter, header))
    with terminal.step(f"predicting {len(truth):,} rows"):
        answers = loaded.predict_codes(batch.data)
    evaluation = Evaluation(batch.name, target, loaded.classes, truth, answers)
    if plot is not None:
        evaluation.write_plot(plot)
    if as_json:
        drawn = {} if plot is None else {"plot": str(plot)}
        terminal.answer({"model": str(model), **evaluation.figures(), **drawn})
    else:
        print_evaluation(evaluation, terminal.output)
        if plot is not None:
            terminal.note(f"the plot is in {plot}")
