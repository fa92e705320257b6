"""A preprocessing written and read again, and records that were tampered with."""

from __future__ import annotations

import json

import pytest

from ogive._errors import InvalidModelError
from ogive._record import RecordReader, RecordWriter
from ogive.preprocessing import read_preprocessing, write_preprocessing

DROPPED = object()


def written(preprocessing):
    """Return values, as they come back from a file's JSON, and arrays."""
    writer = RecordWriter()
    write_preprocessing(preprocessing, writer)
    return json.loads(json.dumps(writer.values)), dict(writer.arrays)


def read_again(values, arrays):
    reader = RecordReader(values, arrays)
    found = read_preprocessing(reader)
    reader.finish()
    return found


@pytest.fixture
def dropped():
    """Return what stands for an entry that is taken out of a record."""
    return DROPPED


@pytest.fixture
def again():
    """Return what a preprocessing is after it was written and read."""
    return lambda preprocessing: read_again(*written(preprocessing))


@pytest.fixture
def tampered():
    """Return a function that changes one entry of a record and expects words about it."""

    def check(preprocessing, name, value, words):
        values, arrays = written(preprocessing)
        *path, last = name.split(".")
        place = values
        for part in path:
            place = place[part]
        if name in arrays:
            arrays[name] = value
        elif value is DROPPED:
            del place[last]
        else:
            place[last] = value
        with pytest.raises(InvalidModelError, match=words):
            read_again(values, arrays)

    return check
