"""What can be served, and what is told of it."""

from __future__ import annotations

import numpy as np
import pytest

import ogive
from ogive import __version__
from ogive._errors import DataNotFoundError, DataWarning, InvalidParameterError
from ogive.images.picture_index import PictureIndex
from ogive.models import load_for_use
from ogive.web import Limits, Served, open_served
from ogive.web.server import address_of, listen


def test_what_there_is_is_told(connect, loaded):
    about = connect().get("/api/about").json()
    assert about["version"] == __version__ and about["title"] == "Ogive"
    assert about["model"] == {"target": "class", "classes": 10}
    kernel = "tanh(2 ⟨x, y⟩)"
    assert about["index"] == {"pictures": 300, "complete": True, "kernel": kernel}
    usual = {"count": 16, "steps": 20, "seed": 0}
    assert about["generator"] == {"classes": ["calm", "rough <sea>"], "usual": usual}
    assert about["limits"]["count"] == 64 and about["limits"]["seed"] == 2**32 - 1
    less = connect(model=None, generator=None).get("/api/about").json()
    assert less["model"] is None and less["generator"] is None
    assert loaded.title == "digits.ogive · digits.index"


def test_the_page_needs_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    texts = [page.text, *(client.get(f"/{name}").text for name in ("page.css", "page.js"))]
    texts += [client.get(f"/{name}").text for name in ("looking.js", "generating.js")]
    assert not any("://" in text or "style=" in text or "onclick" in text for text in texts)
    assert client.head("/").status_code == 200 and client.head("/").content == b""
    assert client.get("/icon.svg").headers["content-type"] == "image/svg+xml"


def test_nothing_to_serve():
    for make in (Served, open_served):
        with pytest.raises(InvalidParameterError, match="nothing to serve"):
            make()


def test_a_model_that_takes_no_pictures():
    from ogive.data import load
    from ogive.models import Settings, Training, fit_model

    model = fit_model(Training.of(load("digits")), Settings(landmarks=20))
    with pytest.raises(InvalidParameterError, match=r"8 × 8 grey pictures.*from 0 to 255"):
        Served(model)
    model = fit_model(Training.of(load("digits")), Settings("pca", landmarks=20))
    with pytest.raises(InvalidParameterError, match=r"KernelPCA, fitted without targets"):
        Served(model)


def test_files_of_another_kind(files, tmp_path, untrained):
    model, index = files
    bare = ogive.KernelRidge().fit(np.arange(8.0).reshape(-1, 1), np.arange(8.0))
    ogive.save(bare, tmp_path / "bare.ogive")
    (tmp_path / "text").write_text("hello")
    wrong = [
        ({"model": index}, "model='.*digits.index' is none: .*picture index"),
        ({"index": model}, "index='.*digits.ogive' is no index: "),
        ({"generator": model}, "holds a Model, which makes no pictures"),
        ({"model": untrained}, "makes pictures, and tells no classes: give it as generator"),
        ({"model": tmp_path / "bare.ogive"}, "holds a bare KernelRidge, .* or fit with ogive fit"),
        ({"model": tmp_path / "text"}, "is not a whole model file"),
        ({"index": tmp_path / "text"}, "text"),
        ({"generator": tmp_path / "text"}, "text"),
    ]
    for given, words in wrong:
        with pytest.raises(InvalidParameterError, match=words):
            open_served(**given)
    with pytest.raises(DataNotFoundError, match="nowhere"):
        open_served(model=model, index=tmp_path / "nowhere")


def test_the_model_computes_where_it_is_told_to(files, monkeypatch):
    asked = []

    def loaded(path, device):
        asked.append(device)
        return load_for_use(path)

    monkeypatch.setattr("ogive.web.served.load_for_use", loaded)
    open_served(model=files[0], device="auto")
    open_served(model=files[0])
    assert asked == ["auto", "cpu"]
    with pytest.raises(InvalidParameterError, match="device='gpu' is unknown"):
        open_served(model=files[0], device="gpu")


def test_only_a_model_computes_elsewhere(files, monkeypatch):
    monkeypatch.setattr("ogive.web.served.check_device", lambda device: None)
    with pytest.raises(InvalidParameterError, match="device='cuda': only a model computes"):
        open_served(index=files[1], device="cuda")


def test_an_unfinished_index_is_told(loaded, tmp_path):
    index = PictureIndex(loaded.index.embedder)
    index.complete = False
    index.save(tmp_path / "half.index")
    with pytest.warns(DataWarning, match="was not finished: it holds 0 pictures"):
        open_served(index=tmp_path / "half.index")


def test_limits_are_whole_numbers():
    for value in (0, -1, 2.5, True):
        with pytest.raises(InvalidParameterError, match="pixels="):
            Limits(pixels=value)


def test_listening():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address_of(first, "127.0.0.1") == f"http://127.0.0.1:{port}"
        assert address_of(first, "0.0.0.0") == f"http://localhost:{port}"
        assert address_of(first, "::1") == f"http://[::1]:{port}"
        with pytest.raises(InvalidParameterError, match=f"port={port} is in use on 127.0.0.1"):
            listen("127.0.0.1", port)
    for host in ("203.0.113.9", "no-such-host.invalid", "a" * 300, "."):
        with pytest.raises(InvalidParameterError, match="no address of this machine"):
            listen(host, 0)
