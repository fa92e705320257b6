"""Grids of small pictures."""

import numpy as np
import pytest
from PIL import Image

from ogive._errors import InvalidParameterError
from ogive.report.picture_grid import picture_grid, write_picture_grid

RED = np.zeros((3, 4, 6, 3), np.uint8)
RED[..., 0] = 250


def red(grid):
    return (np.asarray(grid) == (250, 0, 0)).all(-1)


def test_every_picture_is_there_in_whole_enlargement():
    grid = picture_grid([RED, RED[:1]], ["", ""])
    assert red(grid).sum() == 4 * (4 * 9) * (6 * 9)
    assert red(grid)[:, 12:66].any(1).sum() == 2 * 36  # the first column has both rows


def test_names_take_room_to_the_left_and_are_shortened():
    bare, named = picture_grid([RED], [""]), picture_grid([RED], ["Ankle boot"])
    assert named.width > bare.width + 50 and named.height == bare.height
    assert picture_grid([RED], ["x" * 999]).width < 700
    assert red(named).sum() == red(bare).sum()


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (1, 64, 64, 3), (2, 100, 3, 1)])
def test_any_size(shape):
    assert picture_grid([np.zeros(shape, np.uint8)], ["a"]).mode == "RGB"


@pytest.mark.parametrize("channels", [2, 4])
def test_what_is_transparent_is_white(channels):
    clear, dark = np.zeros((2, 1, 2, 2, channels), np.uint8)
    dark[..., -1] = 255
    grid = np.asarray(picture_grid([clear, dark], ["", ""]))
    height = len(grid) // 2
    assert (grid[:height] == 255).all() and (grid[height:] == 0).sum() == 56 * 56 * 3


def test_files(tmp_path):
    path = write_picture_grid(tmp_path / "grid.png", [RED], ["red"])
    assert red(Image.open(path)).any()
    with pytest.raises(InvalidParameterError, match=r"must end in \.png"):
        write_picture_grid(tmp_path / "grid.jpg", [RED], ["red"])


@pytest.mark.parametrize(("rows", "names"), [([], []), ([RED], []), ([RED[:0]], [""])])
def test_nothing_to_draw(rows, names):
    with pytest.raises(InvalidParameterError, match="one picture"):
        picture_grid(rows, names)
