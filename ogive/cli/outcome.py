"""What ends every command that makes a model: judge it on what was held out, keep it, tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ogive.cli.terminal import Terminal
    from ogive.models import Model, Training


def keep_and_tell(
    model: Model,
    held: Training | None,
    output: Path,
    terminal: Terminal,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Evaluate a model on the rows held out, if any, save it, and print what it is."""
    from ogive.models import save
    from ogive.report.evaluation import Evaluation
    from ogive.report.model import print_fit

    figures: dict[str, Any] = {}
    if held is not None:
        with terminal.step(f"predicting {len(held.y):,} rows held out"):
            answers = model.predict_codes(held.data)
        target = model.require_target()
        evaluation = Evaluation(held.data.name, target, model.classes, held.y, answers)
        figures = {"held_out": evaluation.figures()}
    save(model, output)
    if as_json:
        terminal.answer({"path": str(output), **model.summary, **figures})
    elif not quiet:
        print_fit(model, output, figures.get("held_out"), terminal.output)
