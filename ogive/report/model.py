"""What a fitted model is, in a few lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from ogive.report.evaluation import plain_text

if TYPE_CHECKING:
    from ogive.models import Model

_SHOWN_CLASSES = 12


def print_fit(
    model: Model, path: Path, held_out: Mapping[str, Any] | None, console: Console
) -> None:
    """Print what was fitted, where it is, and how well rows held out are predicted."""
    summary = model.summary
    lines = _lines(
        {
            "target": model.target,
            "classes": list(model.classes),
            "preprocessing": model.preprocessing.describe(),
            "summary": summary,
        }
    )
    if held_out is not None:
        rows = f"{held_out['rows']:,} rows held out"
        if "accuracy" in held_out:
            lines.append(("held out", f"accuracy {held_out['accuracy']:.4f} on {rows}"))
        else:
            r2 = held_out["r2"]
            shown = "undefined" if r2 is None else f"{r2:.4f}"
            error = held_out["root_mean_squared_error"]
            lines.append(("held out", f"R² {shown}, error {error:.4g} (RMS) on {rows}"))
    lines.append(("model", str(path)))
    _print(lines, console)


def print_model(found: Mapping[str, Any], console: Console) -> None:
    """Print what `describe_file` tells."""
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    if found["kind"] == "model":
        lines = _lines(found)
        date, command = (str(found["summary"].get(name, "")) for name in ("date", "command"))
        if date or command:
            lines += [("fitted", f"{date} by" if command else date), ("", command)]
    else:
        parameters = {k: v for k, v in found["parameters"].items() if v is not None}
        lines = [(found["kind"], found["class"])]
        lines += [(name, str(value)) for name, value in parameters.items()]
    size = f"{found['bytes'] / 1e6:,.1f} MB, format {found['format_version']}"
    lines += [("written by", libraries), ("file", f"{found['path']} ({size})")]
    _print(lines, console)


def _lines(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    summary, classes = found["summary"], found["classes"]
    shown = ", ".join(classes[:_SHOWN_CLASSES]) + (", …" if len(classes) > _SHOWN_CLASSES else "")
    kinds = f"{len(classes)} classes ({shown})" if classes else "a number"
    lines = [("predicts", f"{found['target']}: {kinds}")]
    if found["target"] is None:
        count = summary.get("components")
        what = "coordinates" if count is None else f"{_formatted(count, ',')} principal components"
        lines = [("gives", what)]
    lines += [("from" if i == 0 else "", line) for i, line in enumerate(found["preprocessing"])]
    # A model that was put together by hand has no summary, and a file may say anything.
    if "kernel" in summary:
        lines.append(("kernel", str(summary["kernel"])))
    if "alpha" in summary:
        lines.append(("penalty", f"alpha {_formatted(summary['alpha'], '.4g')}"))
    if "mu" in summary:
        lines.append(("penalty", f"mu {_formatted(summary['mu'], '.4g')}"))
    if "C" in summary:
        lines.append(("penalty", f"C {_formatted(summary['C'], '.4g')}"))
    if "solution" in summary:
        lines.append(("solution", str(summary["solution"])))
    if "rows" in summary and "data" in summary:
        seconds = _formatted(summary.get("seconds", 0), ".1f")
        rows = _formatted(summary["rows"], ",")
        lines.append(("fitted on", f"{rows} rows of {summary['data']}, {seconds} s"))
    return lines


def _formatted(value: Any, form: str) -> str:
    return format(value, form) if type(value) in (int, float) else str(value)


def _print(lines: list[tuple[str, str]], console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(plain_text(name), plain_text(text))
    console.print(table)
