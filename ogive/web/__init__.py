"""The page of ``ogive serve``: classify, search and generate pictures in a browser."""

from ogive.web import _packages as _packages  # first: it says which extra is missing
from ogive.web.app import create_app as create_app
from ogive.web.limits import Limits as Limits
from ogive.web.sampler import PictureSampler as PictureSampler
from ogive.web.served import Served as Served
from ogive.web.served import open_served as open_served
