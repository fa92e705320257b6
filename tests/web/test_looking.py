"""What the page says of a picture is what the commands say of the file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ogive.images.picture_index import PictureIndex
from ogive.models import ReadOptions, read_batch

PNG = {"Content-Type": "image/png"}


def look(client, data, **options):
    return client.post("/api/look", content=data, headers=PNG, **options)


@pytest.fixture
def query(pictures):
    return pictures / "query 8.png"


def test_the_class_is_that_of_predict(client, loaded, query):
    found = look(client, query.read_bytes()).json()["model"]
    batch = read_batch(loaded.model, [query], ReadOptions())
    assert found["answer"] == loaded.model.predict(batch.data)[0] == "digit 8"
    (wanted,) = loaded.model.predict_proba(batch.data)
    shares = {one["class"]: one["share"] for one in found["shares"]}
    assert shares == pytest.approx(dict(zip(loaded.model.classes, wanted, strict=True)))
    ordered = [one["share"] for one in found["shares"]]
    assert ordered == sorted(ordered, reverse=True) and sum(ordered) == pytest.approx(1)


def test_the_hits_are_those_of_search(client, loaded, query):
    answer = look(client, query.read_bytes()).json()
    wanted = loaded.index.search(query, 12)[0]
    assert [hit["number"] for hit in answer["hits"]] == [hit.entry.id for hit in wanted]
    assert [hit["product"] for hit in answer["hits"]] == [hit.product for hit in wanted]
    for rank, hit in enumerate(answer["hits"], 1):
        assert hit["rank"] == rank and hit["class"].startswith("digit ")
        assert hit["kernel"] == pytest.approx(np.tanh(2 * hit["product"]))
    assert (answer["height"], answer["width"]) == (48, 40)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_format_is_read(client, query, form, mode):
    with Image.open(query) as image:
        stream = io.BytesIO()
        image.convert(mode).save(stream, format=form)
    assert look(client, stream.getvalue()).json()["model"]["answer"] == "digit 8"


def test_a_picture_is_turned_as_its_camera_says(client, query):
    with Image.open(query) as image:
        lying = image.convert("L").transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[274] = 6  # to be turned clockwise
    stream = io.BytesIO()
    lying.save(stream, format="PNG", exif=exif)
    answer = look(client, stream.getvalue()).json()
    assert (answer["height"], answer["width"]) == (48, 40)
    assert answer["model"]["answer"] == "digit 8"


def test_as_many_hits_as_are_asked_for(client, query):
    for asked, found in ((1, 1), (100, 100)):
        answer = look(client, query.read_bytes(), params={"hits": asked})
        assert len(answer.json()["hits"]) == found
    for asked in ("0", "101", "-1", "many", "9" * 500, "9" * 5000):
        answer = look(client, query.read_bytes(), params={"hits": asked})
        assert answer.status_code == 422 and "hits" in answer.json()["detail"]


def test_what_is_not_there_is_not_told(connect, loaded, query):
    alone = look(connect(index=None), query.read_bytes()).json()
    assert alone["hits"] is None and alone["model"]["answer"] == "digit 8"
    alone = look(connect(model=None), query.read_bytes()).json()
    assert alone["model"] is None and len(alone["hits"]) == 12
    empty = PictureIndex(loaded.index.embedder)
    assert look(connect(index=empty), query.read_bytes()).json()["hits"] == []
    assert look(connect(model=None, index=None), b"").status_code == 404
    assert connect(index=None).get("/api/pictures/0").status_code == 404


def test_a_model_without_probabilities(connect, pictures, query):
    from ogive.data import load
    from ogive.models import Settings, Training, fit_model

    model = fit_model(Training.of(load(pictures / "numerals")), Settings(landmarks=50))
    assert not model.gives_probabilities
    found = look(connect(model=model), query.read_bytes()).json()["model"]
    assert found["shares"] is None and found["answer"] in model.classes


def test_colours_are_kept(connect):
    from ogive.data import Dataset
    from ogive.models import Settings, Training, fit_model

    generator = np.random.default_rng(0)
    y = np.arange(60) % 2
    pixels = np.full((60, 6, 8, 3), 60, np.uint8) + generator.integers(
        0, 9, (60, 1, 1, 1), np.uint8
    )
    # Of one brightness (ITU-R 601), so that grey would not do.
    pixels[np.arange(60), ..., 2 * y] += np.where(y, 195, 75)[:, None, None].astype(np.uint8)
    rows = Dataset("flags", pixels.reshape(60, -1), y, ("red", "blue"), image_shape=(6, 8, 3))
    client = connect(model=fit_model(Training.of(rows), Settings()), index=None)
    for picture, code in zip(pixels[:6], y[:6], strict=True):
        stream = io.BytesIO()
        Image.fromarray(picture).resize((80, 60)).save(stream, format="PNG")
        answer = look(client, stream.getvalue()).json()
        assert answer["model"]["answer"] == ("red", "blue")[code]


def test_a_model_of_numbers(connect, query):
    from ogive.data import Dataset
    from ogive.models import Settings, Training, fit_model

    pixels = np.random.default_rng(0).integers(0, 256, (40, 48), np.uint8)
    brightness = pixels.mean(axis=1)
    rows = Dataset("shades", pixels, brightness, classes=(), image_shape=(6, 8, 1))
    model = fit_model(Training.of(rows), Settings())
    found = look(connect(model=model), query.read_bytes()).json()["model"]
    assert isinstance(found["answer"], float) and found["shares"] is None


def test_indexed_pictures_are_shown_by_number(client, loaded):
    entry = next(iter(loaded.index.entries))
    answer = client.get(f"/api/pictures/{entry.id}")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as shown, Image.open(entry.name) as stored:
        assert np.array_equal(np.asarray(shown), np.asarray(stored))


def test_an_indexed_picture_is_looked_at(client, loaded):
    entry = next(iter(loaded.index.entries))
    answer = client.get(f"/api/pictures/{entry.id}/look", params={"hits": 3}).json()
    first = answer["hits"][0]
    assert len(answer["hits"]) == 3 and answer["model"]["answer"] == entry.label
    assert first["number"] == entry.id and first["product"] == pytest.approx(1)


def test_large_indexed_pictures_are_reduced(connect, loaded, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (300, 600, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    index = PictureIndex(loaded.index.embedder)
    index.add(tmp_path)
    answer = connect(index=index).get("/api/pictures/0")
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert shown.size == (256, 128)


@pytest.mark.parametrize("number", ["300", "-1", "9" * 30, "9" * 5000])
@pytest.mark.parametrize("rest", ["", "/look"])
def test_no_such_picture(client, number, rest):
    answer = client.get(f"/api/pictures/{number}{rest}")
    assert answer.status_code == (422 if len(number) > 4000 else 404)
    assert len(answer.json()["detail"]) < 200


def test_a_picture_that_is_gone(connect, loaded, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "one.png")
    index = PictureIndex(loaded.index.embedder)
    index.add(tmp_path)
    (tmp_path / "one.png").unlink()
    client = connect(index=index)
    for address in ("/api/pictures/0", "/api/pictures/0/look"):
        answer = client.get(address)
        assert answer.status_code == 404 and "gone or damaged" in answer.json()["detail"]
        assert str(tmp_path) not in answer.text


def test_rows_of_a_data_set(connect):
    from ogive import data
    from ogive.images.embedding import EmbeddingRecipe

    if not data.available("fashion-mnist"):
        pytest.skip("no Fashion-MNIST here")
    rows = data.load("fashion-mnist", "test")
    index = PictureIndex.build(
        rows, EmbeddingRecipe("pixels"), source="fashion-mnist", split="test"
    )
    client = connect(model=None, index=index)
    answer = client.get("/api/pictures/3/look").json()
    assert answer["hits"][0]["name"] == "fashion-mnist test #3"
    with Image.open(io.BytesIO(client.get("/api/pictures/3").content)) as shown:
        assert np.array_equal(np.asarray(shown)[..., None], rows.images()[3])


def test_names_that_are_no_text(connect, loaded, tmp_path):
    place = tmp_path / "caf\udce9"  # bytes that are no UTF-8
    place.mkdir()
    Image.new("L", (8, 8), 9).save(place / "\udcff.png")
    index = PictureIndex(loaded.index.embedder)
    index.add(tmp_path)
    (hit,) = connect(model=None, index=index).get("/api/pictures/0/look").json()["hits"]
    assert (hit["name"], hit["class"]) == ("\\udcff.png", "caf\\udce9")
