"""The log of a training: JSON lines, one a record, that go on where a resumed training goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ogive._errors import DataNotFoundError, InvalidDataError
from ogive._writing import PathLike, write_text


class TrainingLog:
    r"""A file of records, each of which is there as soon as it is written.

    Parameters
    ----------
    path : path
        Replaced, but for the records up to ``done``.
    done : int, default 0
        The step that training goes on from; records beyond it, left by a training that was killed
        after its last checkpoint, are dropped: their steps are done again.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> with TrainingLog(path) as log:
    ...     for step in (1, 2, 3):
    ...         log.write({"step": step, "loss": 1 / step})
    >>> with TrainingLog(path, done=1) as log:
    ...     log.write({"step": 2, "loss": 0.4})
    >>> read_log(path)
    [{'step': 1, 'loss': 1.0}, {'step': 2, 'loss': 0.4}]
    """

    def __init__(self, path: PathLike, done: int = 0) -> None:
        self.path = Path(path).expanduser()
        kept = read_log(self.path) if done and self.path.exists() else []
        lines = [_line(record) for record in kept if record["step"] <= done]
        write_text(self.path, "".join(lines))
        self._stream = self.path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a record: "step", and finite numbers or text by name."""
        self._stream.write(_line(record))
        self._stream.flush()

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *ended: object) -> None:
        self._stream.close()


def read_log(path: PathLike) -> list[dict[str, Any]]:
    """Return the records of a log; a last line that was not written to its end is left out.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    InvalidDataError
        If it is something else.
    """
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError as error:
        raise DataNotFoundError(f"log={str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidDataError(f"log={str(path)!r} is no text: name another file") from None
    records = []
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or type(record.get("step")) is not int:
            raise InvalidDataError(
                f"log={str(path)!r} is no log of a training: line {number} is {line[:40]!r}; name "
                "another file"
            )
        records.append(record)
    return records


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(dict(record), allow_nan=False) + "\n"
