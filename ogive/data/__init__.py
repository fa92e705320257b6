"""Data: readers of files and folders, named sets, and splits.

Light to import: Pillow, pyarrow and scikit-learn are imported by the readers that use them.
"""

from ogive.data._picture_files import Skipped as Skipped
from ogive.data.arrays import read_array as read_array
from ogive.data.arrays import read_npy as read_npy
from ogive.data.arrays import read_npz as read_npz
from ogive.data.cifar import read_cifar as read_cifar
from ogive.data.csv_file import read_csv as read_csv
from ogive.data.dataset import Dataset as Dataset
from ogive.data.download import fetch as fetch
from ogive.data.folder import find_pictures as find_pictures
from ogive.data.folder import read_image_folder as read_image_folder
from ogive.data.folder import read_pictures as read_pictures
from ogive.data.idx import read_idx as read_idx
from ogive.data.idx_folder import read_idx_folder as read_idx_folder
from ogive.data.load import is_table as is_table
from ogive.data.load import load as load
from ogive.data.load import load_pair as load_pair
from ogive.data.load import options as options
from ogive.data.load import read_table as read_table
from ogive.data.load import splits as splits
from ogive.data.named import NamedSet as NamedSet
from ogive.data.named import available as available
from ogive.data.named import describe as describe
from ogive.data.named import names as names
from ogive.data.parquet import read_image_parquet as read_image_parquet
from ogive.data.parquet_table import read_parquet as read_parquet
from ogive.data.split import stratified_split as stratified_split
from ogive.data.split import stratified_subset as stratified_subset
from ogive.data.svmlight import read_svmlight as read_svmlight
from ogive.data.table import Table as Table
