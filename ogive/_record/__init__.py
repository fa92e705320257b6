"""What an object writes of itself into a model file, and reads back with every check."""

from ogive._record.reader import RecordReader as RecordReader
from ogive._record.writer import RecordWriter as RecordWriter
