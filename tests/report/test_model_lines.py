"""What a terminal is told of a model and of the named sets, whatever they are called."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ogive.data import Dataset, describe
from ogive.models import Model, Settings, Training, describe_file, fit_model, save
from ogive.report.datasets import print_set, print_sets
from ogive.report.model import print_fit, print_model

HOSTILE = ("[red]", "x[/y]\x1b[2J", ":cat:")


def told(function, *arguments):
    console = Console(file=io.StringIO(), width=100, highlight=False)
    function(*arguments, console)
    text = console.file.getvalue()
    assert "\x1b" not in text and "🐱" not in text
    return text


@pytest.fixture(scope="module")
def model():
    X = np.random.default_rng(0).normal(size=(1200, 2))
    data = Dataset(":cat:", X, np.arange(1200) % 3, HOSTILE)
    settings = Settings(landmarks=5, alpha=0.5)
    return fit_model(Training.of(data), settings, command="ogive fit '[b]'")


def test_a_fit(model):
    text = told(print_fit, model, Path("[b]model.ogive"), None)
    assert "predicts   class: 3 classes ([red], x[/y]\ufffd[2J, :cat:)" in text
    assert "from       2 columns of numbers, centred, scaled" in text
    assert "penalty    alpha 0.5" in text
    assert "fitted on  1,200 rows of :cat:" in text
    assert "model      [b]model.ogive" in text and "held out" not in text


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"rows": 1234, "accuracy": 0.5}, "accuracy 0.5000 on 1,234 rows held out"),
        (
            {"rows": 7, "r2": 0.25, "root_mean_squared_error": 1.5},
            "R² 0.2500, error 1.5 (RMS) on 7 rows held out",
        ),
        (
            {"rows": 7, "r2": None, "root_mean_squared_error": 1.5},
            "R² undefined, error 1.5 (RMS) on 7 rows held out",
        ),
    ],
)
def test_rows_held_out(model, figures, words):
    assert words in told(print_fit, model, Path("a.ogive"), figures)


def test_a_file(tmp_path, model):
    file = save(model, tmp_path / "model.ogive")
    text = told(print_model, describe_file(file))
    assert "predicts    class: 3 classes ([red], " in text
    lines = [line.split() for line in text.splitlines()]
    place = lines.index(["fitted", model.summary["date"], "by"])
    assert lines[place + 1] == ["ogive", "fit", "'[b]'"]
    assert "torch" in text and "format 1" in text


def test_a_file_of_a_model_without_a_summary(tmp_path, model):
    bare = Model(model.preprocessing, model.estimator, model.classes, model.target)
    text = told(print_model, describe_file(save(bare, tmp_path / "model.ogive")))
    assert "predicts" in text and "kernel" not in text and "fitted" not in text


@pytest.mark.parametrize(
    "summary",
    [
        {"rows": "many", "data": "x", "seconds": None, "alpha": [1], "kernel": 3, "solution": {}},
        {"rows": True, "data": None, "seconds": "[/x]"},
        {"alpha": "auto", "date": 5, "command": None},
    ],
)
def test_a_summary_may_say_anything(tmp_path, model, summary):
    odd = replace(model, summary=summary)
    text = told(print_model, describe_file(save(odd, tmp_path / "model.ogive")))
    assert "predicts" in text


def test_a_bare_estimator(tmp_path, model):
    found = describe_file(save(model.estimator, tmp_path / "bare.ogive"))
    text = told(print_model, found)
    assert "estimator      KernelRidgeClassifier" in text and "alpha          0.5" in text
    assert "gamma " in text and "degree" not in text  # which is not set
    found["parameters"]["[/bold]"] = "[red]"
    found["class"] = "[/x]"
    assert "[/bold]" in told(print_model, found)


def test_named_sets():
    digits = describe("digits")
    odd = replace(digits, name="odd", place=Path("/data/[/x]/:cat:"), licence="[red] :cat:")
    away = replace(digits, name="away", place=None, download_bytes=29_500_000)
    text = told(print_sets, [digits, odd, away])
    assert "1,437" in text and "8×8 grey" in text
    assert "/data/[/x]/:cat:" in text and "no: ogive datasets fetch away (30 MB)" in text
    text = told(print_set, odd)
    assert "/data/[/x]/:cat:" in text and "[red] :cat:" in text and "0, 1, 2" in text
    assert "not here; ogive datasets fetch away downloads 30 MB" in told(print_set, away)
