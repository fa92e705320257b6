"""The exceptions of Ogive: each names the parameter, the value given, the rule and the cure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OgiveError(Exception):
    """Base class of every error that Ogive raises on purpose."""


class InvalidParameterError(OgiveError, ValueError):
    """A parameter has a value that the rule does not allow."""


class InvalidTypeError(OgiveError, TypeError):
    """An argument has a type that cannot be used here."""


class InvalidDataError(OgiveError, ValueError):
    """Data (an array, a file) are empty, damaged, not finite or of the wrong shape."""


class InvalidModelError(OgiveError, ValueError):
    """A model file is damaged, is none at all, or comes from a newer Ogive."""


class DataNotFoundError(OgiveError, FileNotFoundError):
    """A named data set or a path is not on this machine."""

    # FileNotFoundError would print "[Errno ...]" for two arguments; the message is all there is.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnknownDataError(DataNotFoundError, ValueError):
    """A data source is neither a known name nor a path that exists: most likely misspelt."""


class OutputError(OgiveError, OSError):
    """A result could not be written; what was on disk before is untouched."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class DataWarning(UserWarning):
    """Data can be used, but not quite as they come: what was done about it, and why."""


class SaturationWarning(UserWarning):
    """Nearly all values of a kernel or a layer are where it is flat: it will hardly learn."""


class DownloadError(OgiveError, OSError):
    """A file could not be fetched from the web; what had arrived is kept, to be continued."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class MissingDependencyError(OgiveError, ImportError):
    """An optional package is needed for this and is not installed."""

    @classmethod
    def for_extra(cls, package: str, extra: str, purpose: str) -> MissingDependencyError:
        """Name the package, what it is needed for, and the extra that installs it."""
        return cls(
            f"{purpose} needs the package {package!r}, which is not installed: "
            f"pip install 'ogive[{extra}]'"
        )


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Return a clause for an error message: the nearest known name, then all of them.

    Examples
    --------
    >>> nearest_name("sigmiod", ["linear", "sigmoid"])
    "did you mean 'sigmoid'? Known: 'linear', 'sigmoid'"
    """
    names = sorted(known)
    listing = "Known: " + ", ".join(repr(n) for n in names)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}? {listing}" if close else listing
