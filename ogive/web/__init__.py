"""The page of ``ogive serve``: classify, search and generate pictures in a browser."""

from ogive.web import _packages as _packages  # isort: skip - says which extra is missing, first
from ogive.web.app import create_app as create_app
from ogive.web.generator import PictureGenerator as PictureGenerator
from ogive.web.limits import Limits as Limits
from ogive.web.served import Served as Served
from ogive.web.served import open_served as open_served
