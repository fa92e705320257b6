"""``ogive index``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ogive.cli.options import AsJson, Debug, Quiet, Seed

if TYPE_CHECKING:
    from ogive.images.embedding import EmbeddingRecipe
    from ogive.images.picture_growth import Changes
    from ogive.images.picture_index import PictureIndex

_SHOWN = 20  # skipped files, of which the names are printed


def index(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER|DATA",
            help="Folders of pictures (with the folders in them), pictures, or one data set; none "
            "with --refresh or --remove.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The index file; added to if it is there."
        ),
    ] = None,
    embedding: Annotated[
        Literal["patches", "trained", "pca", "pixels"] | None,
        typer.Option(
            metavar="NAME",
            help="How pictures become vectors: patches (what a convolutional kernel map sees; the "
            "default), trained (patches, so mapped that pictures of one class are near; needs a "
            "folder a class, or data with classes), pca (principal components of pixels) or "
            "pixels.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What a model of ogive train sees instead; the index keeps what it needs of it.",
        ),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="Of patches, trained and a model (128 if left out), or pca (64).",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTH", help="What pictures are resized to first; 32x32 if left out."
        ),
    ] = None,
    approximate: Annotated[
        bool | None,
        typer.Option(
            "--approximate/--exact",
            metavar="",
            help="Search by a graph, or by all inner products; by default a graph from 100,000 "
            "pictures on.",
        ),
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            metavar="",
            help="Look again: changed files, vanished ones, new ones in the indexed folders.",
        ),
    ] = False,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Take a picture or a folder out of the index; several times."
        ),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", metavar="", help="Start afresh if the file is there.")
    ] = False,
    split: Annotated[
        Literal["train", "test"] | None,
        typer.Option(
            metavar="train|test", help="The part of data that have parts; by default train."
        ),
    ] = None,
    save_every: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="Between two times of saving on the way."),
    ] = 30.0,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Index pictures, to be searched by a picture with ogive search.

    The index is saved on the way: after an interruption, the same command goes on where it
    stopped. Given an index that is there, it adds what is new.

    --json prints the keys path, pictures, added, changed, removed, skipped (a list of file and
    reason), embedding, image_shape, width, and search (exact or approximate).

    Example: ogive index photos -o photos.index

    Example, by what a model sees: ogive index photos --model places.ogive -o photos.index
    """
    from ogive._errors import InvalidParameterError
    from ogive._writing import check_writable_folder
    from ogive.cli.counting import counting
    from ogive.cli.terminal import Terminal

    if output is None:
        raise InvalidParameterError("--output is missing: name the index file, -o photos.index say")
    if not sources and not refresh and not remove:
        raise InvalidParameterError(
            "nothing to do: name folders or data to index, or give --refresh or --remove"
        )
    wanted = {"embedding": embedding, "model": model, "components": components, "size": size}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    _check_wanted(wanted, changes=refresh or bool(remove), rebuild=rebuild)
    check_writable_folder(output.parent)
    terminal = Terminal(quiet=quiet)
    with terminal.step("loading torch"):
        from ogive.images.picture_growth import Changes
        from ogive.images.picture_index import PictureIndex
        from ogive.images.picture_sources import picture_sources
    found: PictureIndex | None = None
    done = Changes()
    recipe = _recipe(wanted)
    with counting(quiet=quiet) as progress:
        if remove or refresh:
            found = PictureIndex.load(output)
            found.approximate = found.approximate if approximate is None else approximate
            if remove:
                done += Changes(removed=found.remove(remove, path=output))
            if refresh:
                done += found.refresh(path=output, save_every=save_every, progress=progress)
        for each in picture_sources(sources or [], split):
            if found is None:
                found = PictureIndex.start(
                    each.content,
                    recipe,
                    approximate=approximate,
                    path=output,
                    afresh=rebuild,
                    seed=seed,
                    progress=progress,
                )
            done += found.add(
                each.content,
                path=output,
                source=each.source,
                split=each.split,
                save_every=save_every,
                progress=progress,
            )
    assert found is not None  # there are sources, or something to remove or refresh
    values = _values(found, done, output)
    if as_json:
        terminal.answer(values)
        return
    for skipped in done.skipped[:_SHOWN]:
        terminal.note(f"skipped {shown(skipped.path)}: {shown(skipped.reason)}")
    if len(done.skipped) > _SHOWN:
        terminal.note(f"and {len(done.skipped) - _SHOWN:,} more; --json lists all")
    if not quiet:
        print(f"{output}: {len(found):,} pictures; {_changes(done)}")


def _values(found: PictureIndex, done: Changes, output: Path) -> dict[str, Any]:
    from ogive.images.approximate import ApproximateIndex

    return {
        "path": str(output),
        "pictures": len(found),
        "added": done.added,
        "changed": done.changed,
        "removed": done.removed,
        "skipped": [{"file": shown(s.path), "reason": shown(s.reason)} for s in done.skipped],
        "embedding": found.embedder.name,
        "image_shape": list(found.embedder.image_shape),
        "width": found.embedder.width,
        "search": "approximate" if isinstance(found.vectors, ApproximateIndex) else "exact",
    }


def _changes(done: Changes) -> str:
    counts = {
        "added": done.added,
        "changed": done.changed,
        "removed": done.removed,
        "skipped": len(done.skipped),
    }
    told = [f"{count:,} {what}" for what, count in counts.items() if count]
    return ", ".join(told) or "nothing has changed"


def _check_wanted(wanted: Mapping[str, Any], *, changes: bool, rebuild: bool) -> None:
    """Raise if options contradict each other."""
    from ogive._errors import InvalidParameterError

    if changes and (wanted or rebuild):
        name = next(iter(wanted), "rebuild")
        raise InvalidParameterError(
            f"--{name} with --refresh or --remove: these change an index that is there, and it "
            f"keeps its embedding; leave --{name} out, or name the folders and --rebuild alone"
        )
    for name in ("embedding", "size"):
        if "model" in wanted and name in wanted:
            raise InvalidParameterError(
                f"--model {wanted['model']} with --{name} {wanted[name]}: a model says itself how "
                "pictures become vectors, and of what size; give one of the two"
            )
    if wanted.get("embedding") == "pixels" and "components" in wanted:
        raise InvalidParameterError(
            f"components={wanted['components']}: pixels have no components; leave it out"
        )


def _recipe(wanted: Mapping[str, Any]) -> EmbeddingRecipe | None:
    """Return what to embed by; None if nothing is said about it."""
    from ogive.images.embedding import EmbeddingRecipe

    if not wanted:
        return None
    if "model" in wanted:
        from ogive.images.model_embedding import model_recipe

        path = wanted["model"]
        return model_recipe(_estimator(path), f"model={path}", wanted.get("components"))
    options = {name: wanted[name] for name in ("components",) if name in wanted}
    shape = _shape(wanted.get("size"))
    return EmbeddingRecipe(wanted.get("embedding", "patches"), shape, options)


def _estimator(path: Path) -> Any:
    """Return what a model file holds, without the preprocessing, which pixels do not need."""
    from ogive._errors import InvalidTypeError
    from ogive.images.model_embedding import check_picture_model
    from ogive.models import Model, load
    from ogive.preprocessing import RowPreprocessing

    found = load(path)
    if not isinstance(found, Model):
        return found
    estimator = check_picture_model(found.estimator, f"model={path}")
    preprocessing = found.preprocessing
    if not (isinstance(preprocessing, RowPreprocessing) and preprocessing.pixels):
        raise InvalidTypeError(
            f"model={path} was trained on {preprocessing.describe()[0]}, and not on pixels from 0 "
            "to 255, as files of pictures hold: give a model trained on such"
        )
    return estimator


def _shape(size: str | None) -> tuple[int, int, int] | None:
    from ogive._errors import InvalidParameterError

    if size is None:
        return None
    sides = size.lower().split("x")
    if len(sides) != 2 or not all(side.strip().isdecimal() for side in sides):
        raise InvalidParameterError(f"size={size!r} must be HEIGHTxWIDTH: 32x32, say")
    return int(sides[0]), int(sides[1]), 3


def shown(text: str) -> str:
    """Return a name as any output takes it: what is no UTF-8 in it is written with escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
