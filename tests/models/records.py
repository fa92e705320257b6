"""Records that were written and are read again."""

from ogive._record import RecordReader, RecordWriter


def reader_of(fill):
    """Return a reader of what ``fill(writer)`` wrote."""
    writer = RecordWriter()
    fill(writer)
    return RecordReader(writer.values, writer.arrays)
