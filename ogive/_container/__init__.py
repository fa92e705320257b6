"""One file that holds JSON and arrays, whole or refused."""

from ogive._container.file import path_text as path_text
from ogive._container.file import read_container as read_container
from ogive._container.file import write_container as write_container
