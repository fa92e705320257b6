"""From data as they come to the rows that a kernel compares: fitted once, kept with the model."""

from ogive.preprocessing.base import Preprocessing as Preprocessing
from ogive.preprocessing.base import read_preprocessing as read_preprocessing
from ogive.preprocessing.base import write_preprocessing as write_preprocessing
from ogive.preprocessing.columns import ColumnPreprocessing as ColumnPreprocessing
from ogive.preprocessing.roles import ColumnRoles as ColumnRoles
from ogive.preprocessing.rows import RowPreprocessing as RowPreprocessing
from ogive.preprocessing.scaling import SCALINGS as SCALINGS
