"""Contact sheets: any number of hits, pictures of any size, files that are gone."""

import numpy as np
import pytest
from PIL import Image

from ogive._errors import InvalidParameterError
from ogive.report.contact_sheet import SheetHit, SheetQuery, contact_sheet, write_contact_sheet

RED = np.array([[[250, 0, 0]]], np.uint8)


def query(hits, picture=RED, label="query.png"):
    return SheetQuery(picture, label, [SheetHit(RED, 0.9, "cat")] * hits)


def red_areas(sheet):
    """Return how many separate runs of red rows and columns there are, and all red pixels."""
    red = (np.asarray(sheet) == RED[0, 0]).all(-1)
    starts = lambda line: int((np.diff(line.astype(int), prepend=0) == 1).sum())  # noqa: E731
    return starts(red.any(1)), starts(red.any(0)), int(red.sum())


@pytest.mark.parametrize("hits", [0, 1, 2, 3, 7, 10, 11, 24, 99, 100])
def test_every_hit_is_drawn_and_the_sheet_stays_sane(hits):
    sheet = contact_sheet([query(hits)])
    _, _, area = red_areas(sheet)
    _, _, large = red_areas(contact_sheet([query(0)]))
    assert (area - large) == hits * 130 * 130 and large > 4 * 130 * 130
    assert sheet.width <= 2200 and sheet.height <= 2200
    assert sheet.width >= sheet.height * 0.9


def test_more_than_a_hundred_are_counted():
    few, many = contact_sheet([query(100)]), contact_sheet([query(1234)])
    assert many.width == few.width and few.height < many.height < few.height + 60


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 3000, 3), (3000, 1, 3), (8, 8, 1), (900, 1600, 3), (131, 129, 1)]
)
def test_pictures_of_any_size_keep_their_proportions(shape):
    picture = np.full(shape, 10, np.uint8)
    sheet = contact_sheet([SheetQuery(picture, "q", [SheetHit(picture, -0.5, "c")])])
    dark = (np.asarray(sheet) == 10).all(-1)
    left, right = dark[:, :350], dark[:, 350:]
    for side, most in ((left, 318), (right, 132)):
        height, width = side.any(1).sum(), side.any(0).sum()
        assert 0 < max(height, width) <= most
        wanted = shape[0] / shape[1]
        assert height / width == pytest.approx(wanted, rel=0.05) or min(height, width) == 1


def test_small_pictures_keep_square_pixels():
    board = ((np.indices((8, 8)).sum(0) % 2) * 255).astype(np.uint8)[..., None]
    sheet = np.asarray(contact_sheet([SheetQuery(board, "q", [])]))[28:340, 28:340, 0]
    assert set(np.unique(sheet)) <= {0, 255, 217}  # and the hairline


def test_what_is_gone_is_said_and_captions_are_shortened():
    hits = [
        SheetHit(None, 1e-9, "/a/" * 300),
        SheetHit(RED, np.pi, "猫\n\udc80\x07"),
        SheetHit(RED, 0, ""),
    ]
    long = SheetQuery(RED, "x" * 3000, hits)
    assert contact_sheet([long]).size == contact_sheet([query(3)]).size


def test_several_queries_and_files(tmp_path):
    both = contact_sheet([query(3), query(12)])
    assert both.height > contact_sheet([query(12)]).height
    path = write_contact_sheet(tmp_path / "new" / "sheet.PNG", [query(3)])
    with Image.open(path) as read:
        assert read.format == "PNG" and read.size == contact_sheet([query(3)]).size
    with pytest.raises(InvalidParameterError, match=r"must end in \.png"):
        write_contact_sheet(tmp_path / "sheet.jpg", [query(3)])
    for count in (0, 51):
        with pytest.raises(InvalidParameterError, match=f"{count} queries"):
            contact_sheet([query(1)] * count)
