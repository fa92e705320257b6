"""Requests that are refused: a status, and one sentence for people as JSON."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from ogive._errors import OgiveError


class RefusedError(OgiveError):
    """A request cannot be granted.

    Parameters
    ----------
    status : int
        Of HTTP.
    sentence : str
        What is wrong, and the cure.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def refusal(status: int, sentence: str) -> JSONResponse:
    """Return the answer to a request that is refused: ``{"detail": sentence}``."""
    busy = {"Retry-After": "2"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse({"detail": sentence}, status, busy)


def in_words(error: ValidationError | RequestValidationError) -> str:
    """Return the first thing that is wrong with values that were sent, as a sentence."""
    first = error.errors()[0]
    names = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    name = ".".join(names) or "the request"
    rule = first["msg"]
    return f"{name:.60}: {rule[0].lower()}{rule[1:]}."


def tell_refusals(app: FastAPI) -> None:
    """Make every refusal of an application a status and one sentence."""

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> JSONResponse:
        return refusal(error.status, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return refusal(HTTPStatus.UNPROCESSABLE_ENTITY, in_words(error))

    @app.exception_handler(HTTPException)
    async def not_served(request: Request, error: HTTPException) -> JSONResponse:
        here = f"There is no {request.method} {request.url.path:.100}"
        answer = refusal(error.status_code, f"{here}: the page is at /.")
        answer.headers.update(error.headers or {})  # which methods there are, say
        return answer
