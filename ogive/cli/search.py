"""``ogive search``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ogive.cli.index import shown
from ogive.cli.options import AsJson, Debug, Quiet

if TYPE_CHECKING:
    import numpy as np

    from ogive.images.picture_entries import Entry
    from ogive.images.picture_hits import Hit
    from ogive.images.picture_index import PictureIndex
    from ogive.images.picture_viewer import PictureViewer
    from ogive.report.contact_sheet import SheetQuery

_COLUMNS = ("query", "rank", "path", "product", "kernel")


def search(
    index: Annotated[
        Path, typer.Argument(metavar="INDEX", help="An index file, made by ogive index.")
    ],
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE",
            help="Pictures, folders of pictures, or rows of an indexed data set: 'mnist #7'.",
        ),
    ],
    k: Annotated[
        int, typer.Option("-k", min=1, metavar="NUMBER", help="How many hits for each picture.")
    ] = 10,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw a contact sheet of the hits into a .png file."),
    ] = None,
    kernel_gamma: Annotated[
        float,
        typer.Option(metavar="NUMBER", help="Of the kernel tanh(gamma <x,y> + coef0); above 0."),
    ] = 2.0,
    kernel_coef0: Annotated[float, typer.Option(metavar="NUMBER", help="Of the kernel.")] = 0.0,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find the pictures of an index that are most alike to a picture.

    Prints a line of CSV for each hit: the query, the rank (from 1), the path, the inner product of
    both unit vectors, and the kernel's value.

    --json prints the keys index, pictures (how many are indexed), kernel (name, gamma, coef0),
    queries (a list of query and hits; each hit has rank, path, class, product and kernel), and
    sheet, if one was drawn.

    Example: ogive search photos.index cat.jpg -k 20 --sheet cats.png
    """
    from ogive.cli.terminal import Terminal
    from ogive.report.predictions import delimited

    terminal = Terminal(quiet=quiet)
    if sheet is not None:
        _check_sheet(sheet)
    with terminal.step(f"loading {index}"):
        from ogive.images.picture_index import PictureIndex
        from ogive.images.picture_viewer import expand_queries
        from ogive.images.ranking import check_ranking
        from ogive.kernels import Sigmoid

        kernel = Sigmoid(kernel_gamma, kernel_coef0)
        check_ranking(kernel)
        found = PictureIndex.load(index)
    _warn_if_unfinished(found, index)
    names = expand_queries(found, pictures)
    with terminal.step(f"searching {len(found):,} pictures"):
        answers = found.search(names, k, kernel=kernel)
    if sheet is not None:
        _draw(sheet, found, names, answers)
        terminal.note(f"contact sheet in {sheet}")
    if as_json:
        values: dict[str, Any] = {"index": str(index), "pictures": len(found)}
        values["kernel"] = {"name": "sigmoid", "gamma": kernel_gamma, "coef0": kernel_coef0}
        values["queries"] = [
            {"query": shown(name), "hits": [_hit(hit) for hit in hits]}
            for name, hits in zip(names, answers, strict=True)
        ]
        terminal.answer(values | ({} if sheet is None else {"sheet": str(sheet)}))
        return
    rows = [
        (shown(name), hit.rank, shown(hit.entry.name), f"{hit.product:.7f}", f"{hit.value:.7f}")
        for name, hits in zip(names, answers, strict=True)
        for hit in hits
    ]
    columns = [[row[place] for row in rows] for place in range(len(_COLUMNS))]
    print(delimited(dict(zip(_COLUMNS, columns, strict=True))), end="")


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "path": shown(hit.entry.name),
        "class": None if hit.entry.label is None else shown(hit.entry.label),
        "product": hit.product,
        "kernel": hit.value,
    }


def _check_sheet(sheet: Path) -> None:
    from ogive._writing import check_writable_folder
    from ogive.report.contact_sheet import check_sheet_path

    check_sheet_path(sheet)
    check_writable_folder(sheet.parent)


def _warn_if_unfinished(found: PictureIndex, index: Path) -> None:
    import warnings

    from ogive._errors import DataWarning

    if not found.complete:
        warnings.warn(
            f"{index} was not finished: it holds {len(found):,} pictures so far; give the same "
            "ogive index command again, and it goes on where it stopped",
            DataWarning,
            stacklevel=2,
        )


def _draw(
    sheet: Path, found: PictureIndex, names: list[str], answers: list[tuple[Hit, ...]]
) -> None:
    from ogive.images.picture_viewer import PictureViewer
    from ogive.report.contact_sheet import SheetHit, SheetQuery, write_contact_sheet

    viewer = PictureViewer(found)
    queries: list[SheetQuery] = []
    for name, hits in zip(names, answers, strict=True):
        drawn = [
            SheetHit(_pixels(viewer, hit.entry), hit.value, hit.entry.label or hit.entry.name)
            for hit in hits
        ]
        queries.append(SheetQuery(viewer.query(name), name, drawn))
    write_contact_sheet(sheet, queries)


def _pixels(viewer: PictureViewer, entry: Entry) -> np.ndarray | None:
    from ogive._errors import OgiveError

    try:
        return viewer.entry(entry)
    except (OgiveError, OSError):
        return None  # gone or damaged since it was indexed: the sheet says so
