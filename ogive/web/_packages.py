"""What the page is served with, or an error that names the extra."""

from __future__ import annotations

from importlib.util import find_spec

from ogive._errors import MissingDependencyError

for _package in ("fastapi", "uvicorn"):
    if find_spec(_package) is None:
        raise MissingDependencyError.for_extra(_package, "web", "ogive serve")
