"""Orders for new pictures, and the sheets that answer them."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from ogive.web import Limits, PictureSampler, open_served
from ogive.web.pictures import sheet

JSON = {"Content-Type": "application/json"}


def generate(client, **order):
    return client.post("/api/generate", content=json.dumps(order), headers=JSON)


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def test_an_order_reaches_the_generator(client, waves):
    answer = generate(client, **{"class": "rough <sea>"}, count=5, seed=7, steps=3)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert waves.asked == [(5, 1, 7, 3, None)]
    wanted = waves.sample(5, label=1, seed=7)
    shown = opened(answer.content)
    # 5 in rows of 3, 12 × 10 pixels enlarged by 8, with gaps of 4.
    assert shown.shape == (2 * 96 + 4, 3 * 80 + 8, 4)
    for number, picture in enumerate(wanted):
        top, left = number // 3 * 100, number % 3 * 84
        cell = shown[top : top + 96 : 8, left : left + 80 : 8]
        assert np.array_equal(cell[..., 0], picture[..., 0]) and (cell[..., 3] == 255).all()
    assert (shown[96:100] == 0).all() and (shown[100:, 168:] == 0).all()


def test_what_is_left_out_has_a_default(client, waves):
    first, second = generate(client), generate(client)
    assert first.content == second.content
    assert waves.asked == [(16, None, 0, 20, None)] * 2
    assert generate(client, seed=1).content != first.content


def test_what_is_usual_is_always_allowed(connect, waves):
    client = connect(Limits(count=3, steps=4))
    assert client.get("/api/about").json()["generator"]["usual"]["count"] == 3
    assert generate(client).status_code == 200
    assert waves.asked == [(3, None, 0, 4, None)]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pictures_of_any_channels_are_laid_over_white(connect, waves, channels):
    waves.image_shape = (2, 1, channels)
    pixels = np.full((1, 2, 1, channels), 40, np.uint8)
    if channels in (2, 4):  # the lower half is seen through
        pixels[0, :, 0, -1] = (255, 0)
    waves.sample = lambda *given, **options: pixels
    shown = opened(generate(connect(generator=waves), count=1).content)
    lower = 255 if channels in (2, 4) else 40
    assert shown[0, 0].tolist() == [40, 40, 40, 255]
    assert shown[-1, -1].tolist() == [lower, lower, lower, 255]


def test_the_ends_of_what_may_be_asked_for(connect, waves):
    client = connect(Limits(count=3, steps=4))
    for order in ({"count": 1}, {"count": 3}, {"steps": 1}, {"steps": 4}, {"seed": 2**32 - 1}):
        assert generate(client, **{"count": 2, "steps": 2} | order).status_code == 200


def test_a_generator_without_classes(connect, waves):
    waves.classes = ()
    client = connect(generator=waves)
    assert generate(client).status_code == 200
    answer = generate(client, **{"class": "calm"})
    assert answer.status_code == 422 and "unknown" in answer.json()["detail"]


def test_class_names_that_are_no_text(connect, waves):
    waves.classes = ("a\udcff", "b")
    client = connect(generator=waves)
    (name, _) = client.get("/api/about").json()["generator"]["classes"]
    assert generate(client, **{"class": name}).status_code == 200
    assert waves.asked[0][1] == 0


def test_a_generator_is_known_by_what_it_does(waves, loaded):
    assert isinstance(waves, PictureSampler)
    assert not isinstance(loaded.model, PictureSampler)


def test_a_generator_of_ogive(connect, untrained):
    served = open_served(generator=untrained)
    client = connect(model=None, index=None, generator=served.generator)
    answer = generate(client, **{"class": "dog"}, count=2, seed=3, steps=2)
    wanted = served.generator.sample(2, label=1, seed=3, steps=2)
    shown = opened(answer.content)[::12, :, 0]
    assert np.array_equal(shown[:, :96:12], wanted[0, :, :, 0])
    assert np.array_equal(shown[:, 100::12], wanted[1, :, :, 0])


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((1, 96, 96, 3), (96, 96)),
        ((1, 1, 1, 1), (96, 96)),
        ((2, 32, 32, 3), (196, 96)),
        ((4, 200, 100, 1), (204, 404)),
        ((17, 28, 28, 1), (5 * 116 - 4, 4 * 116 - 4)),
    ],
)
def test_sheets_are_as_square_as_can_be(shape, size):
    with Image.open(io.BytesIO(sheet(np.zeros(shape, np.uint8)))) as image:
        assert image.size == size
