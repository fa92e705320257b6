"""``ogive sample``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ogive.cli.options import AsJson, Debug, Quiet, Seed

if TYPE_CHECKING:
    import numpy as np

    from ogive.images.generation import PictureGenerator

_COLUMNS = 8  # of pictures of one class


def sample(
    generator: Annotated[
        Path, typer.Argument(metavar="GENERATOR", help="A file made by ogive generate.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The .png file to draw the pictures into."
        ),
    ],
    count: Annotated[
        int,
        typer.Option("--count", "-n", min=1, metavar="NUMBER", help="How many pictures."),
    ] = 64,
    label: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="Pictures of this class, by its name or its number from 0; by default one class "
            "after the other.",
        ),
    ] = None,
    seed: Seed = 0,
    steps: Annotated[
        int,
        typer.Option(
            min=1, metavar="NUMBER", help="From noise to picture: more take longer and are finer."
        ),
    ] = 20,
    guidance: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="How far to push pictures towards their class; 1 is not at all. By default what "
            "the generator says.",
        ),
    ] = None,
    interpolate: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="SEED",
            help="Draw the way from each picture to that of another seed: a row a picture.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw new pictures, made by a generator, into one .png file.

    The same options give the same pictures.

    Example: ogive sample clothes.ogive -n 64 --class Coat --seed 7 -o coats.png
    """
    from ogive._errors import InvalidTypeError
    from ogive._writing import check_writable_folder
    from ogive.cli.counting import counting
    from ogive.cli.terminal import Terminal
    from ogive.report.picture_grid import check_grid_path, write_picture_grid

    check_grid_path(output)
    check_writable_folder(output.parent)
    terminal = Terminal(quiet=quiet)
    with terminal.step(f"loading {generator}"):
        from ogive.images.generation import PictureGenerator
        from ogive.models import load

        made = load(generator)
    if not isinstance(made, PictureGenerator):
        raise InvalidTypeError(
            f"{generator} holds a {type(made).__name__}, which makes no pictures; give a file that "
            "was made by ogive generate"
        )
    code = None if label is None else made.class_code(label)
    with counting(quiet=quiet) as progress:
        options: dict[str, Any] = {
            "label": code,
            "seed": seed,
            "steps": steps,
            "guidance": guidance,
            "progress": progress,
        }
        if interpolate is None:
            rows, names = _by_class(made, made.sample(count, **options), code)
        else:
            rows = list(made.interpolate(count, interpolate, **options))
            names = [made.classes[_code(made, place, code)] for place in range(count)]
    write_picture_grid(output, rows, names)
    if as_json:
        pictures = sum(map(len, rows))
        terminal.answer({"path": str(output), "pictures": pictures, "rows": names, "seed": seed})
    else:
        terminal.note(f"pictures in {output}")


def _by_class(
    made: PictureGenerator, pictures: np.ndarray, code: int | None
) -> tuple[list[np.ndarray], list[str]]:
    """Return rows of pictures and their names: a row a class, or several rows of one."""
    if code is None:
        names = list(made.classes[: len(pictures)])
        return [pictures[place :: len(made.classes)] for place in range(len(names))], names
    rows = [pictures[p : p + _COLUMNS] for p in range(0, len(pictures), _COLUMNS)]
    return rows, [made.classes[code], *[""] * (len(rows) - 1)]


def _code(made: PictureGenerator, place: int, code: int | None) -> int:
    return place % len(made.classes) if code is None else code
