"""The named data sets, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ogive.data import NamedSet
from ogive.report.evaluation import plain_text


def print_sets(sets: Sequence[NamedSet], console: Console) -> None:
    """Print a line for each set: its size, and where it is."""
    table = Table(box=None, pad_edge=False)
    table.add_column("name", style="bold", no_wrap=True)
    for name in ("train", "test", "classes"):
        table.add_column(name, justify="right")
    table.add_column("pictures", no_wrap=True)
    table.add_column("on this machine", overflow="fold")
    for entry in sets:
        height, width, channels = entry.image_shape
        size = f"{height}×{width} {'grey' if channels == 1 else 'colour'}"
        missing = f"no: ogive datasets fetch {entry.name} ({_megabytes(entry)})"
        table.add_row(
            entry.name,
            f"{entry.train_rows:,}",
            f"{entry.test_rows:,}",
            str(len(entry.classes)),
            size,
            missing if entry.place is None else plain_text(str(entry.place)),
        )
    console.print(table)


def print_set(entry: NamedSet, console: Console) -> None:
    """Print all that is known of a set."""
    height, width, channels = entry.image_shape
    rows = f"{entry.train_rows:,} to train, {entry.test_rows:,} to test"
    place = f"not here; ogive datasets fetch {entry.name} downloads {_megabytes(entry)}"
    lines = {
        entry.name: entry.summary,
        "rows": f"{rows}; {height} × {width} × {channels} pixels",
        "classes": ", ".join(entry.classes),
        "source": entry.source or "comes with scikit-learn",
        "licence": entry.licence,
        "place": place if entry.place is None else str(entry.place),
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines.items():
        table.add_row(name, plain_text(text))
    console.print(table)


def _megabytes(entry: NamedSet) -> str:
    return f"{entry.download_bytes / 1e6:,.0f} MB"
