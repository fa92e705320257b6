"""Data: readers of files and folders, named sets, and splits.

Light to import: Pillow, pyarrow and scikit-learn are imported by the readers that use them.
"""

from ogive.data.arrays import read_npy as read_npy
from ogive.data.arrays import read_npz as read_npz
from ogive.data.dataset import Dataset as Dataset
from ogive.data.folder import read_image_folder as read_image_folder
from ogive.data.idx import read_idx as read_idx
from ogive.data.idx_folder import read_idx_folder as read_idx_folder
from ogive.data.load import load as load
from ogive.data.load import load_pair as load_pair
from ogive.data.named import available as available
from ogive.data.named import names as names
from ogive.data.parquet import read_image_parquet as read_image_parquet
from ogive.data.split import stratified_split as stratified_split
from ogive.data.split import stratified_subset as stratified_subset
from ogive.data.table import read_csv as read_csv
