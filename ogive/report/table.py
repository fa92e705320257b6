"""The demonstration's tables for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ogive.report.demo_result import DemoResult, DrawnDigits, Score, Search


def print_result(result: DemoResult, console: Console) -> None:
    """Print what was found: kernel and definiteness, both tables, the search, the new digits."""
    if result.data_note:
        console.print(result.data_note + "\n", markup=False)
    console.print(f"{result.kernel}: {result.kernel_note}.", markup=False)
    console.print(f"On {result.definiteness.sample_size:,} rows it is {result.definiteness}.")
    console.print(f"{result.treatment}.\n", markup=False)
    console.print(_kernel_table(result))
    console.print(_machine_table(result))
    if result.search is not None:
        console.print(f"\n{_searched(result.search)}", markup=False)
    console.print(_drawn(result.digits), markup=False)


def _searched(search: Search) -> str:
    return (
        f"Search by a picture: of the training pictures most alike to each of {search.queries:,} "
        f"test pictures, {100 * search.precision:.1f} % are of its class "
        f"({search.pictures:,} indexed, {search.seconds:.1f} s in all)."
    )


def _drawn(digits: DrawnDigits) -> str:
    return (
        f"New digits: of {digits.drawn:,} drawn by a generator in closed form, a classifier reads "
        f"{100 * digits.agreement:.1f} % as what was asked for (of real digits "
        f"{100 * digits.reader_accuracy:.1f} %); fitted in {digits.fit_seconds:.1f} s."
    )


def _kernel_table(result: DemoResult) -> Table:
    table = _table(f"{result.data}, {result.test_rows:,} test rows", "kernel")
    table.add_column("rows", justify="right")
    table.add_column("landmarks", justify="right")
    _add_figures(table)
    for score in result.scores:
        landmarks = "all rows" if score.landmarks is None else f"{score.landmarks:,}"
        table.add_row(score.name, f"{score.rows:,}", landmarks, *_figures(score))
    return table


def _machine_table(result: DemoResult) -> Table:
    rows = result.comparison[0].rows
    table = _table(f"the sigmoid kernel on the same {rows:,} rows", "machine")
    _add_figures(table)
    for score in result.comparison:
        table.add_row(f"{score.name}\n  {score.detail}", *_figures(score))
    return table


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first, no_wrap=True)
    return table


def _add_figures(table: Table) -> None:
    for heading in ("accuracy", "seconds", "peak memory"):
        table.add_column(heading, justify="right", no_wrap=True)


def _figures(score: Score) -> tuple[str, str, str]:
    return f"{score.accuracy:.4f}", f"{score.seconds:.1f}", f"{score.peak_bytes / 1e9:.2f} GB"
