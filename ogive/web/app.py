"""The application: a page, and what the page asks for."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from ogive import __version__
from ogive.web.generating import (
    LARGEST_SEED,
    class_names,
    generate,
    read_order,
    usual_order,
)
from ogive.web.guard import LOCAL_NAMES, Guard
from ogive.web.indexed import IndexedPictures
from ogive.web.lane import Lane
from ogive.web.limits import Limits
from ogive.web.looking import KERNEL_FORMULA, look
from ogive.web.pictures import decode_upload
from ogive.web.refusal import RefusedError, tell_refusals
from ogive.web.served import Served
from ogive.web.text import printable

_PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/looking.js": ("looking.js", "text/javascript; charset=utf-8"),
    "/generating.js": ("generating.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_ORDER_BYTES = 10_000
_DRAINED = 4  # times what is taken, so that a browser reads the refusal and not a broken pipe


def create_app(
    served: Served, limits: Limits | None = None, *, names: Collection[str] = LOCAL_NAMES
) -> FastAPI:
    """Return the application that serves the page.

    ``GET /`` is the page and ``GET /api/about`` tells what there is. ``POST /api/look?hits=12``
    takes the bytes of a picture and answers what `look` returns; ``/api/pictures/7/look`` does the
    same for picture number 7 of the index, and ``GET /api/pictures/7`` shows it. ``POST
    /api/generate`` takes an `Order` and answers a PNG file. What is refused is answered by
    ``{"detail": sentence}``. Uploads stay in memory.

    Parameters
    ----------
    served : Served
    limits : Limits, optional
        By default ``Limits()``.
    names : collection of str
        Hosts that it may be asked as; empty for any. Browsers are kept from other sites' pages so.

    Returns
    -------
    FastAPI
        With the `Lane` of its computations as ``state.lane``.

    Examples
    --------
    >>> import numpy as np
    >>> from ogive.images.embedding import EmbeddingRecipe
    >>> from ogive.images.picture_index import PictureIndex
    >>> pictures = np.zeros((1, 4, 4, 1), np.uint8)
    >>> app = create_app(Served(index=PictureIndex(EmbeddingRecipe("pixels").fit(pictures))))
    >>> sorted(route.path for route in app.routes if "look" in route.path)
    ['/api/look', '/api/pictures/{number}/look', '/looking.js']
    """
    limits = Limits() if limits is None else limits
    app = FastAPI(title="Ogive", openapi_url=None)
    app.state.lane = Lane(limits.waiting)
    tell_refusals(app)
    app.add_middleware(Guard, names=names)
    _serve_page(app)
    about = _about(served, limits)

    @app.get("/api/about")
    async def tell() -> dict[str, Any]:
        return about

    if served.looks_at_pictures:
        _serve_looking(app, served, limits)
    if served.index is not None:
        _serve_index(app, served, IndexedPictures(served.index), limits)
    if served.generator is not None:
        _serve_generating(app, served, limits)
    return app


def _serve_page(app: FastAPI) -> None:
    folder = resources.files("ogive.web") / "static"

    def serve(path: str, name: str, kind: str) -> None:
        content = (folder / name).read_bytes()

        @app.api_route(path, methods=["GET", "HEAD"])
        async def page() -> Response:
            return Response(content, media_type=kind)

    for path, (name, kind) in _PAGE.items():
        serve(path, name, kind)


def _serve_looking(app: FastAPI, served: Served, limits: Limits) -> None:
    @app.post("/api/look")
    async def look_at(request: Request, hits: int = 12) -> dict[str, Any]:
        _check_hits(hits, limits)
        # No form: a browser asks first whether another site may send such a type, and learns that
        # it may not; and nothing is spooled to disk.
        _check_type(request, ("image/", "application/octet-stream"), "a picture")
        data = await _body(request, limits.upload_bytes)

        def compute() -> dict[str, Any]:
            return look(served, decode_upload(data, limits), hits)

        return await _lane(app).run(compute)


def _serve_index(app: FastAPI, served: Served, pictures: IndexedPictures, limits: Limits) -> None:
    @app.get("/api/pictures/{number}")
    async def show(number: int) -> Response:
        data = await run_in_threadpool(pictures.thumbnail, number, limits.thumbnail)
        return Response(data, media_type="image/png")

    @app.get("/api/pictures/{number}/look")
    async def look_again(number: int, hits: int = 12) -> dict[str, Any]:
        _check_hits(hits, limits)
        pictures.check(number)
        return await _lane(app).run(lambda: look(served, pictures.pixels(number), hits))


def _serve_generating(app: FastAPI, served: Served, limits: Limits) -> None:
    generator = served.generator
    assert generator is not None

    @app.post("/api/generate")
    async def make(request: Request) -> Response:
        _check_type(request, ("application/json",), "JSON")
        order = read_order(await _body(request, _ORDER_BYTES), generator, limits)
        data = await _lane(app).run(lambda: generate(generator, order))
        return Response(data, media_type="image/png")


def _about(served: Served, limits: Limits) -> dict[str, Any]:
    model, index, generator = served.model, served.index, served.generator
    return {
        "version": __version__,
        "title": printable(served.title),
        "limits": {
            "upload_bytes": limits.upload_bytes,
            "hits": limits.hits,
            "count": limits.count,
            "steps": limits.steps,
            "seed": LARGEST_SEED,
        },
        "model": None
        if model is None
        else {"target": printable(model.require_target()), "classes": len(model.classes)},
        "index": None
        if index is None
        else {"pictures": len(index), "complete": index.complete, "kernel": KERNEL_FORMULA},
        "generator": None
        if generator is None
        else {
            "classes": class_names(generator),
            "usual": usual_order(limits).model_dump(include={"count", "steps", "seed"}),
        },
    }


def _lane(app: FastAPI) -> Lane:
    lane: Lane = app.state.lane
    return lane


def _check_hits(hits: int, limits: Limits) -> None:
    if not 1 <= hits <= limits.hits:
        raise RefusedError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"hits={hits!s:.20}: it must be from 1 to {limits.hits}.",
        )


def _check_type(request: Request, starts: tuple[str, ...], what: str) -> None:
    given = request.headers.get("content-type", "")
    if not given.lower().startswith(starts):
        raise RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type {given!r:.60} is not that of {what}: send one that starts with "
            f"{' or '.join(starts)}.",
        )


async def _body(request: Request, most: int) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size <= most:
                parts.append(part)
            elif size > _DRAINED * most:
                break
    except ClientDisconnect:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The request came to no end.") from None
    if size > most:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"That is over {most:,} bytes, which is all that is taken: make it smaller.",
        )
    return b"".join(parts)
