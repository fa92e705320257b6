"""Pictures that are searched by pictures: growth, refreshing, one file, and killed processes."""

import os

import numpy as np
import pytest
from PIL import Image

from ogive._container import read_container, write_container
from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
)
from ogive.data import Dataset
from ogive.images.embedding import EmbeddingRecipe, PixelEmbedder
from ogive.images.picture_index import PictureIndex
from ogive.images.picture_sources import picture_sources
from ogive.images.picture_viewer import PictureViewer, expand_queries
from ogive.kernels import Logistic, Sigmoid

PIXELS = EmbeddingRecipe("pixels", (8, 8, 1))


def draw(path, seed, size=(12, 10), mode="RGB"):
    """Write a picture of blots, different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)
    picture.save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    for seed in range(6):
        draw(root / ("cat" if seed % 2 else "dog") / f"{seed}.png", seed)
    draw(root / "deep" / "er" / "6.jpg", 6, (40, 31))
    draw(root / "7.gif", 7, mode="P")
    draw(root / ".hidden" / "8.png", 8)
    draw(root / ".9.png", 9)
    (root / "notes.txt").write_text("no picture")
    return root.resolve()


def rows(count=30, name="blots", seed=0):
    X = np.random.default_rng(seed).integers(0, 256, (count, 48), np.uint8)
    return Dataset(name, X, np.arange(count) % 3, ("a", "b", "c"), (4, 4, 3))


def names(index, folder):
    return {entry.name.removeprefix(f"{folder}/") for entry in index.entries}


ALL = {*(f"{('dog', 'cat')[n % 2]}/{n}.png" for n in range(6)), "deep/er/6.jpg", "7.gif"}


def same(left, right):
    """Return whether two indices hold the same, and answer alike."""
    queries = np.random.default_rng(0).integers(0, 256, (5, 9, 9, 3), np.uint8)
    answers = [
        [[(h.entry.name, h.entry.label, h.product) for h in hits] for hits in one.search(queries)]
        for one in (left, right)
    ]
    return answers[0] == answers[1] and left.skipped == right.skipped


def test_a_folder_is_indexed_with_the_folders_in_it(folder):
    index = PictureIndex.build(folder, PIXELS)
    assert names(index, folder) == ALL and len(index) == 8 and index.complete
    labels = {entry.name.rsplit("/", 1)[1]: entry.label for entry in index.entries}
    assert labels["1.png"] == "cat" and labels["6.jpg"] == "er" and labels["7.gif"] is None
    for name in ALL:
        (hits,) = index.search(folder / name, k=3)
        assert hits[0].entry.name == str(folder / name) and [h.rank for h in hits] == [1, 2, 3]
        assert hits[0].product == pytest.approx(1) and hits[0].product > hits[1].product
        assert hits[0].value == pytest.approx(np.tanh(2 * hits[0].product))


def test_pictures_are_found_by_pixels_paths_and_names(folder):
    index = PictureIndex.build(rows(), EmbeddingRecipe("pca", options={"components": 8}))
    index.add(folder)
    pixels = rows().images()
    by_pixels = index.search(pixels[:3], 2)
    assert [hits[0].entry.name for hits in by_pixels] == [f"blots #{row}" for row in range(3)]
    assert [hits[0].entry.label for hits in by_pixels] == ["a", "b", "c"]
    assert index.search(pixels[0], 2) == by_pixels[:1]
    assert index.search("blots #1", 2)[0] == by_pixels[1]
    assert [len(hits) for hits in index.search([folder / "7.gif", "blots #0"], 99)] == [38, 38]
    steep = index.search("blots #1", 2, kernel=Logistic(9.0, -1.0))[0]
    assert [hit.product for hit in steep] == [hit.product for hit in by_pixels[1]]
    assert steep[1].value == pytest.approx(1 / (1 + np.exp(1 - 9 * steep[1].product)))
    with pytest.raises(InvalidParameterError, match=r"gamma=-1\.0; it must be above 0"):
        index.search("blots #1", kernel=Sigmoid(-1.0))
    with pytest.raises(DataNotFoundError, match="neither a picture file nor the name of an entry"):
        index.search("blots #30")
    with pytest.raises(InvalidDataError, match="no readable picture"):
        index.search(folder / "notes.txt")


def test_equal_pictures_come_in_the_order_they_were_added(folder):
    for copy in "zab":
        (folder / f"{copy}.png").write_bytes((folder / "cat/1.png").read_bytes())
    index = PictureIndex.build([folder / "z.png", folder / "cat" / "1.png", folder], PIXELS)
    (hits,) = index.search(folder / "a.png", 4)
    found = [hit.entry.name.rsplit("/", 1)[1] for hit in hits]
    assert found == ["z.png", "1.png", "a.png", "b.png"]


def test_two_paths_to_a_file_are_one_entry(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    (folder / "link.png").symlink_to(folder / "cat" / "1.png")
    os.link(folder / "cat" / "1.png", folder / "hard.png")
    (folder / "dangling.png").symlink_to(folder / "gone.png")
    os.mkfifo(folder / "pipe.png")
    index = PictureIndex.build(["cat/1.png", "./cat/../cat/1.png", folder], PIXELS)
    assert names(index, folder) == ALL
    assert index.add(["link.png", "hard.png"]).added == 0 and len(index) == 8
    assert index.refresh().added == 0


def test_unreadable_pictures_are_listed_and_not_fatal(folder):
    (folder / "empty.png").touch()
    (folder / "cut.jpg").write_bytes((folder / "deep/er/6.jpg").read_bytes()[:300])
    seen = []
    index = PictureIndex.build(folder, PIXELS, progress=lambda *step: seen.append(step))
    assert names(index, folder) == ALL and seen[-1] == ("indexing", 10, 10)
    skipped = {path.rsplit("/", 1)[1]: file.reason for path, file in index.skipped.items()}
    assert "it is empty" in skipped["empty.png"] and "no readable picture" in skipped["cut.jpg"]
    assert index.add(folder).skipped == ()  # known and unchanged: not read again
    draw(folder / "empty.png", 20)
    assert index.refresh().added == 1 and len(index.skipped) == 1
    (folder / "cut.jpg").unlink()
    (folder / "7.gif").write_bytes(b"now broken")
    changes = index.refresh()
    assert list(index.skipped) == [str(folder / "7.gif")] == [f.path for f in changes.skipped]
    assert len(index) == 8


def test_refreshing_follows_the_folder(folder, tmp_path):
    single = draw(tmp_path / "single.png", 30)
    index = PictureIndex.build([folder, single], PIXELS, path=tmp_path / "x.index")
    draw(folder / "cat" / "1.png", 31, (50, 50))
    (folder / "dog" / "0.png").unlink()
    draw(folder / "new" / "32.png", 32)
    changes = index.refresh(path=tmp_path / "x.index")
    assert (changes.added, changes.changed, changes.removed) == (1, 1, 1)
    assert names(index, folder) == ALL - {"dog/0.png"} | {"new/32.png", str(single.resolve())}
    hit = index.search(draw(tmp_path / "query.png", 31), 1)[0][0]
    assert hit.entry.name.endswith("cat/1.png") and hit.entry.label == "cat"
    afresh = PictureIndex.build([folder, single], PIXELS)
    assert {e.name: e.label for e in afresh.entries} == {e.name: e.label for e in index.entries}
    again = PictureIndex.load(tmp_path / "x.index")
    assert same(index, again) and again.refresh() == type(changes)()
    single.unlink()
    assert again.refresh().removed == 1


def test_a_disk_that_is_not_there_does_not_empty_the_index(folder, tmp_path):
    index = PictureIndex.build(folder, PIXELS)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(DataNotFoundError, match="mount its disk, or remove the folder"):
        index.refresh()
    assert len(index) == 8
    assert index.remove(folder) == 8 and index.refresh().removed == 0


def test_what_was_removed_does_not_come_back_by_itself(folder, tmp_path):
    index = PictureIndex.build(folder, PIXELS)
    assert index.remove([folder / "cat", folder / "7.gif"], path=tmp_path / "x.index") == 4
    index = PictureIndex.load(tmp_path / "x.index")
    draw(folder / "cat" / "40.png", 40)
    assert index.refresh().added == 0 and len(index) == 4
    assert all("cat" not in hit.entry.name for hit in index.search(folder / "cat/1.png")[0])
    assert index.add(folder / "cat" / "1.png").added == 1
    assert index.refresh().removed == 0 and len(index) == 5
    assert index.add(folder / "cat").added == 3 and index.refresh().added == 0
    assert index.add(folder).added == 1 and len(index) == 9
    with pytest.raises(InvalidParameterError, match="is not in the index"):
        index.remove([folder / "dog", "nonsense"])
    assert len(index) == 9
    index.add(rows())
    assert index.remove("blots #7") == 1 and "blots #7" not in index.entries


def test_data_sets_are_named_by_row_and_shown_again(tmp_path):
    index = PictureIndex.build(rows(), source="nowhere", path=tmp_path / "x.index")
    assert (
        index.embedder.image_shape == (4, 4, 3) and index.add(rows(), source="nowhere").added == 0
    )
    index.add(rows(5, seed=9), source="nowhere", split="test")
    assert index.entries.named("blots test #4") is not None and len(index) == 35
    with pytest.raises(InvalidDataError, match="another data set called 'blots'"):
        index.add(rows(), source="elsewhere")
    viewer = PictureViewer(index)
    with pytest.raises(DataNotFoundError):
        viewer.entry(index.entries.named("blots #0"))
    viewer._loaded["blots"] = rows()
    np.testing.assert_array_equal(viewer.entry(index.entries.named("blots #3")), rows().images()[3])
    np.testing.assert_array_equal(viewer.query("blots #3"), rows().images()[3])
    plain = PictureIndex.build(rows(name="other"))
    with pytest.raises(InvalidDataError, match="does not know where 'other' comes from"):
        PictureViewer(plain).query("other #0")
    with pytest.raises(InvalidTypeError, match="uint8"):
        PictureIndex.build(Dataset("f", np.eye(4), np.zeros(4), (), (2, 2, 1)))


def test_large_pictures_of_data_sets_are_made_small():
    large = Dataset("l", np.zeros((2, 100 * 90 * 3), np.uint8), np.zeros(2), (), (100, 90, 3))
    assert PictureIndex.build(large, EmbeddingRecipe("pixels")).embedder.image_shape == (32, 32, 3)


def test_one_file_holds_everything(folder, tmp_path):
    weird = os.fsdecode(b"\xff caf\xc3\xa9\n.png")
    (folder / "broken.png").touch()
    draw(folder / "cat" / "41.png", 41).rename(folder / weird)
    index = PictureIndex.build([folder], path=tmp_path / "x.index")
    index.add(rows(), path=tmp_path / "x.index")
    again = PictureIndex.load(tmp_path / "x.index")
    assert same(index, again) and str(folder / weird) in again.entries
    assert again.save(tmp_path / "y.index").read_bytes() == (tmp_path / "x.index").read_bytes()
    assert [again.folders.roots, again.sources] == [index.folders.roots, {"blots": None}]


def test_building_again_goes_on_or_is_refused(folder, tmp_path):
    path = tmp_path / "x.index"
    recipe = EmbeddingRecipe("pca", options={"components": 3})
    PictureIndex.build(folder / "cat", recipe, path=path)
    index = PictureIndex.build(folder, recipe, path=path)
    assert names(index, folder) == ALL and len(PictureIndex.build(folder, path=path)) == 8
    fitted = index.embedder
    assert len(PictureIndex.build(folder, fitted, path=path)) == 8
    for other in (PIXELS, PixelEmbedder((8, 8, 1)), EmbeddingRecipe("pca", (8, 8, 1))):
        with pytest.raises(InvalidParameterError, match=r"another embedding \(pca, image_shape"):
            PictureIndex.build(folder, other, path=path)
    assert len(PictureIndex.start(folder, PIXELS, path=path, afresh=True)) == 0
    with pytest.raises(DataNotFoundError, match="does not exist"):
        index.add([folder / "nothing"])
    with pytest.raises(InvalidDataError, match="no picture by its name"):
        index.add(folder / "notes.txt")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InvalidDataError, match="no readable picture among 0 files"):
        PictureIndex.build(tmp_path / "bare")


def test_an_interruption_between_two_steps_leaves_no_half_entries(folder, tmp_path, monkeypatch):
    index = PictureIndex.build(folder / "cat", PIXELS)

    def interrupted(entry):
        raise KeyboardInterrupt

    monkeypatch.setattr(index.entries, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        index.add(folder, path=tmp_path / "x.index")
    again = PictureIndex.load(tmp_path / "x.index")
    assert len(again) == 3 == len(again.vectors) and not again.complete
    assert again.add(folder).added == 5


def test_saving_takes_a_small_share_of_the_time(folder, tmp_path, monkeypatch):
    from ogive.images import picture_growth

    clock = [0.0]
    monkeypatch.setattr(picture_growth.time, "monotonic", lambda: clock[0])

    class Slow:
        saved = 0

        def save(self, path):
            self.saved, clock[0] = self.saved + 1, clock[0] + 10

    slow = Slow()
    saving = picture_growth.SavedNowAndThen(slow, tmp_path / "x", 30)
    for second, wanted in ((29, 0), (31, 1), (100, 1), (240, 1), (242, 2)):
        clock[0] = second if wanted < 2 else 242
        saving.if_due()
        assert slow.saved == wanted


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, a: v.update(format="ogive model"), "of format 'ogive model'"),
        (lambda v, a: v.update(version=99), "version 99 of the format"),
        (lambda v, a: v.update(extra=1), "means nothing"),
        (lambda v, a: v.update(sources={"x": [1, 2]}), "pairs of a source and a split"),
        (lambda v, a: v["embedding"].update(name="os.system"), "unknown"),
        (
            lambda v, a: v["embedding"]["embedder"].update(image_shape=[9, 8, 1]),
            "embedder makes 72",
        ),
        (lambda v, a: v["vectors"].update(kind="pickle"), "unknown"),
        (lambda v, a: a.update({"entries.names.ends": a["entries.names.ends"][::-1]}), "divide"),
        (lambda v, a: a["entries.names.ends"].__setitem__(-1, 10**9), "divide"),
        (lambda v, a: a["entries.label"].__setitem__(0, 77), "codes outside"),
        (lambda v, a: a.update({"entries.size": a["entries.size"][1:]}), "shape"),
        (lambda v, a: a.update({"skipped.size": np.zeros(3, np.int64)}), "shape"),
        (lambda v, a: a["vectors.index.vectors"].fill(2), "length is not one"),
        (lambda v, a: a["vectors.index.ids"].__setitem__(0, 5), "ascend"),
    ],
)
def test_files_are_not_believed(folder, tmp_path, change, words):
    path = PictureIndex.build(folder, PIXELS).save(tmp_path / "x.index")
    values, arrays = read_container(path)
    change(values, arrays)
    write_container(path, values, arrays)
    with pytest.raises(InvalidModelError, match=words):
        PictureIndex.load(path)


def test_two_entries_of_one_name_are_refused(folder, tmp_path):
    path = PictureIndex.build(rows(2), PIXELS).save(tmp_path / "x.index")
    values, arrays = read_container(path)
    arrays["entries.names.bytes"][-1] = ord("0")
    write_container(path, values, arrays)
    with pytest.raises(InvalidModelError, match="different ones"):
        PictureIndex.load(path)


def test_the_search_is_chosen_by_size_or_by_hand(monkeypatch, tmp_path):
    pytest.importorskip("usearch")
    from ogive.images import picture_growth
    from ogive.images.approximate import ApproximateIndex
    from ogive.images.vectors import ExactIndex

    many = rows(400)
    assert isinstance(PictureIndex.build(many, PIXELS).vectors, ExactIndex)
    path = tmp_path / "x.index"
    index = PictureIndex.build(many, PIXELS, approximate=True, path=path)
    assert isinstance(PictureIndex.load(path).vectors, ApproximateIndex)
    assert same(PictureIndex.load(path), index)
    assert isinstance(PictureIndex.build(many, approximate=False, path=path).vectors, ExactIndex)
    monkeypatch.setattr(picture_growth, "_LARGE", 300)
    assert isinstance(PictureIndex.build(many, PIXELS).vectors, ApproximateIndex)
    monkeypatch.setattr(picture_growth, "have_usearch", lambda: False)
    assert isinstance(PictureIndex.build(many, PIXELS).vectors, ExactIndex)


def test_queries_and_sources_as_people_name_them(folder, monkeypatch):
    index = PictureIndex.build([folder], PIXELS)
    index.add(rows())
    expanded = expand_queries(index, [folder / "cat", "blots #1", "nothing"])
    assert expanded == [
        *(str(folder / "cat" / f"{n}.png") for n in (1, 3, 5)),
        "blots #1",
        "nothing",
    ]
    (folder / "bare").mkdir()
    with pytest.raises(InvalidDataError, match="holds no pictures"):
        expand_queries(index, [folder / "bare"])
    found = picture_sources([str(folder), "digits", str(folder / "7.gif")])
    assert found[0].content == [str(folder), str(folder / "7.gif")]
    assert found[1].content.name == "digits" and found[1].source == "digits"
    with pytest.raises(InvalidParameterError, match="split='test'"):
        picture_sources([str(folder)], "test")
