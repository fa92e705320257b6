"""Files as users have them, and the command run within this process."""

from __future__ import annotations

import json
import sys
import warnings
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import dump_svmlight_file, load_diabetes, load_digits


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def values(self):
        return json.loads(self.out)


@pytest.fixture
def ogive(monkeypatch, capsys):
    """Run the command line as the installed script does, without another interpreter."""
    from ogive.cli.main import run

    def call(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["ogive", *map(str, arguments)])
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # commands set it
        with pytest.raises(SystemExit) as ended, warnings.catch_warnings():
            warnings.simplefilter("default")
            run()
        answer = capsys.readouterr()
        return Answer(ended.value.code or 0, answer.out, answer.err)

    return call


FRUIT = ("weight", "colour", "size", "state")


@pytest.fixture(scope="session")
def fruit():
    """Weight and colour decide together; size does not matter."""
    generator = np.random.default_rng(0)
    weight = generator.normal(20, 5, 300)
    colour = generator.choice(["red", "blue", "green"], 300)
    size = generator.choice(["S", "M", "L"], 300)
    state = np.where((weight > 20) ^ (colour == "red"), "ripe", "raw")
    return [(f"{w:.2f}", *rest) for w, *rest in zip(weight, colour, size, state, strict=True)]


@pytest.fixture(scope="session")
def shelf(tmp_path_factory, fruit):
    """Return a folder with the same kinds of data that users bring."""
    import pandas as pd

    folder = tmp_path_factory.mktemp("shelf")
    frame = pd.DataFrame(fruit, columns=FRUIT).astype({"weight": float})
    frame.to_csv(folder / "fruit.csv", index=False)
    frame.to_parquet(folder / "fruit.parquet")
    frame.to_csv(folder / "semicolons.csv", index=False, sep=";", encoding="utf-8-sig")
    frame.to_csv(folder / "headless.csv", index=False, header=False)
    load_diabetes(as_frame=True).frame.to_csv(folder / "diabetes.csv", index=False)
    X, y = load_digits(return_X_y=True)
    dump_svmlight_file(X[:400], y[:400], str(folder / "train.svmlight"), zero_based=False)
    dump_svmlight_file(X[400:600, :60], y[400:600], str(folder / "test.svmlight"), zero_based=False)
    pixels = (X.reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    for part, rows in (("train", range(300)), ("test", range(300, 400))):
        for row in rows:
            place = folder / "pictures" / part / f"digit {y[row]}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[row]).save(place / f"{row}.png")
    Image.fromarray(pixels[500]).resize((64, 48)).convert("RGB").save(folder / f"a {y[500]}.jpg")
    np.save(folder / "rows.npy", X[:5] / 16)
    words = ["cheap pills now", "meet me at noon", "win cheap prize now", "lunch at noon then"]
    kinds = ["spam", "ham", "spam", "ham"]
    lines = [f"{kinds[i % 4]}\t{words[i % 4]}, {i}\n" for i in range(80)]
    (folder / "messages.tsv").write_text("".join(lines))
    return folder
