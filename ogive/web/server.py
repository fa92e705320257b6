"""Listening, and answering until Ctrl-C."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from ogive._errors import InvalidParameterError
from ogive.web.guard import ANY_ADDRESS
from ogive.web.lane import Lane

_GOODBYE = 2  # seconds for answers that are under way when the server stops


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Parameters
    ----------
    host : str
        A name or address of this machine; "0.0.0.0" or "::" for all of them.
    port : int
        0 for any that is free.

    Raises
    ------
    InvalidParameterError
        If the host is none of this machine, or the port is taken or forbidden.

    Examples
    --------
    >>> with listen("127.0.0.1", 0) as listening:
    ...     address_of(listening, "127.0.0.1")
    'http://127.0.0.1:...'
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
        family, _, _, _, place = found[0]
        return socket.create_server((str(place[0]), port), family=family)
    except (socket.gaierror, UnicodeError):
        raise _no_address(host) from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise _no_address(host) from None
        reasons = {
            errno.EADDRINUSE: "is in use",
            errno.EACCES: "may not be opened by this user",
        }
        reason = reasons.get(error.errno or 0, f"cannot be opened ({error.strerror})")
        raise InvalidParameterError(
            f"port={port} {reason} on {host}: choose another, or 0 for any that is free"
        ) from None


def address_of(listening: socket.socket, host: str) -> str:
    """Return the address to type into a browser on this machine."""
    name = "localhost" if host in ANY_ADDRESS else host
    port = listening.getsockname()[1]
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def serve(app: FastAPI, listening: socket.socket, started: Callable[[], None]) -> None:
    """Answer requests until the process is told to end.

    Parameters
    ----------
    app : FastAPI
        Made by `create_app`.
    listening : socket
    started : callable
        Called once, when requests are answered.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once answers under way have been sent or refused. What the lane of the
        application computes then (``app.state.lane.busy``) cannot be stopped.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GOODBYE,
    )
    _Server(config, app.state.lane, started).run([listening])


def _no_address(host: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"host={host!r} is no address of this machine: leave it out, or give one that is"
    )


class _Server(uvicorn.Server):
    """A server that tells when it has started, and keeps nobody waiting when it stops."""

    def __init__(self, config: uvicorn.Config, lane: Lane, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._lane = lane
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._lane.close()
        await super().shutdown(sockets)
