"""What surrounds every answer: whom the page belongs to, and what a browser may do with it."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ogive.web.refusal import refusal

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS = ("", "0.0.0.0", "::")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def names_of(host: str) -> tuple[str, ...]:
    """Return the names by which a server that listens on a host may be called; none means any.

    Examples
    --------
    >>> names_of("127.0.0.1")
    ('localhost', '127.0.0.1', '::1')
    >>> names_of("0.0.0.0")
    ()
    """
    if host in ANY_ADDRESS:
        return ()
    return tuple(dict.fromkeys((*LOCAL_NAMES, host.lower())))


class Guard:
    """Refuse foreign hosts, add the headers that keep other sites out, and own up to failures.

    A site that has its own name resolve to this machine (DNS rebinding) would be taken by the
    browser for the page itself; the name in the Host header gives it away. Failures are answered
    here, for Starlette answers them outside of everything that adds headers.

    Parameters
    ----------
    app : ASGI application
    names : collection of str
        Hosts that the page may be asked from; empty for any.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if self._names and _host(Headers(scope=scope).get("host", "")) not in self._names:
            known = ", ".join(self._names)
            refused = refusal(400, f"This page is served as {known} only: see ogive serve --host.")
            await refused(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception:
            if not started:
                failed = refusal(500, "The server failed; what went wrong is told in its terminal.")
                await failed(scope, receive, send_guarded)
            raise  # uvicorn prints it where ogive serve runs


def _host(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname  # in lower case, without port and brackets
    except ValueError:
        return None
