"""Evaluations: scikit-learn's figures, printed and drawn whatever the classes are called."""

from __future__ import annotations

import io
import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from sklearn import metrics

from ogive._errors import InvalidParameterError
from ogive.report.evaluation import Evaluation, print_evaluation

NAMES = ("[red]", "x[/bold]", ":cat:", "back\\", "evil\x1b[31m", "a\nb", "größe 漢字", "")

pairs = st.integers(2, 6).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.lists(
            st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), min_size=1, max_size=30
        ),
    )
)


def of_classes(true, predicted, classes=None):
    size = max(*true, *predicted) + 1
    classes = classes or tuple(f"class {i}" for i in range(size))
    return Evaluation("new.csv", "kind", classes, np.array(true), np.array(predicted))


def of_values(true, predicted):
    return Evaluation("new.csv", "price", (), np.array(true, float), np.array(predicted, float))


def printed(evaluation, width=80):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_evaluation(evaluation, console)
    return console.file.getvalue()


def none_for_nan(values):
    return [None if np.isnan(value) else pytest.approx(value) for value in values]


@given(pairs)
def test_figures_of_classes_are_scikit_learns(drawn):
    size, answers = drawn
    true, predicted = map(list, zip(*answers, strict=True))
    found = of_classes(true, predicted, tuple("abcdef"[:size])).figures()
    json.dumps(found, allow_nan=False)
    codes = list(range(size))
    confusion = metrics.confusion_matrix(true, predicted, labels=codes)
    assert found["confusion"] == confusion.tolist()
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(true, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that occur among the answers only
        balanced = metrics.balanced_accuracy_score(true, predicted)
    assert found["balanced_accuracy"] == pytest.approx(balanced)
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        true, predicted, labels=codes, zero_division=np.nan
    )
    classes = found["classes"]
    assert [figures["name"] for figures in classes] == list("abcdef"[:size])
    assert [figures["rows"] for figures in classes] == rows.tolist()
    for name, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [figures[name] for figures in classes] == none_for_nan(expected)
    assert (found["data"], found["target"], found["rows"]) == ("new.csv", "kind", len(true))


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=30))
def test_figures_of_values_are_scikit_learns(answers):
    true, predicted = map(np.array, zip(*answers, strict=True))
    found = of_values(true, predicted).figures()
    mean, square = metrics.mean_absolute_error, metrics.root_mean_squared_error
    assert found["mean_absolute_error"] == pytest.approx(mean(true, predicted))
    assert found["root_mean_squared_error"] == pytest.approx(square(true, predicted))
    if np.ptp(true) > 1e-6:  # below, the squares of the spread are mostly rounding
        assert found["r2"] == pytest.approx(metrics.r2_score(true, predicted))
    assert not {"accuracy", "classes", "confusion"} & found.keys()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3, -1e-300])
@pytest.mark.parametrize("rows", [1, 3, 7, 10])
def test_r2_of_a_constant_target_is_undefined(value, rows):
    # The mean of equal numbers need not be that number: three times 0.1 is not 0.3.
    found = of_values([value] * rows, np.arange(rows))
    assert found.figures()["r2"] is None
    assert "R² undefined (the target is constant) on" in printed(found)
    json.dumps(found.figures(), allow_nan=False)


def test_a_class_that_is_never_named_and_one_that_never_occurs():
    classes = of_classes([0, 0, 1], [0, 2, 2], ("a", "b", "c", "d")).figures()["classes"]
    shares = [[figures[name] for name in ("precision", "recall", "f1")] for figures in classes]
    assert shares[0] == [1, 0.5, pytest.approx(2 / 3)]
    assert shares[1] == [None, 0, 0]  # occurs, and is never named
    assert shares[2] == [0, None, 0]  # is named, and never occurs
    assert shares[3] == [None, None, None]
    text = printed(of_classes([0, 0, 1], [0, 2, 2], ("a", "b", "c", "d")))
    assert "accuracy 0.3333 on 3 rows of new.csv" in text
    assert "balanced accuracy 0.2500" in text
    rows = [line.replace(" ", "") for line in text.splitlines()]
    assert "│b│1│-│0.000│0.000│" in rows and "│d│0│-│-│-│" in rows


def test_names_are_printed_as_they_are():
    size = len(NAMES)
    true = np.repeat(np.arange(size), 3)
    data = "[b]data[/b] :dog:\x1b[2J"
    evaluation = Evaluation(data, "t", NAMES, true, (true + (true == 2)) % size)
    text = printed(evaluation)
    assert "\x1b" not in text and "🐱" not in text and "🐶" not in text
    assert "rows of [b]data[/b] :dog:\ufffd[2J" in text
    assert "\x1b" not in printed(Evaluation(data, "t", (), np.ones(2), np.ones(2)))
    lines = text.splitlines()
    for name in (
        "[red]",
        "x[/bold]",
        ":cat:",
        "back\\",
        "evil\ufffd[31m",
        "a\ufffdb",
        "größe 漢字",
    ):
        assert len([line for line in lines if f" {name} " in line]) == 2, name
    assert len({len(line) for line in lines if line.startswith("│") and "漢" not in line}) == 2


def test_values_are_printed():
    text = printed(of_values([1, 2, 3], [1, 2, 4]))
    assert text.splitlines() == [
        "R² 0.5000 on 3 rows of new.csv",
        "mean absolute error 0.33333",
        "root mean squared error 0.57735",
    ]


def numbers_of(text):
    """Return the rows of numbers of the last table that was printed."""
    table = text[text.index("true class (row)") :]
    rows = [line.strip("│").split("│") for line in table.splitlines() if line.startswith("│")]
    return [[int(cell.replace("·", "0")) for cell in row[1:]] for row in rows]


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("size", [2, 5, 10, 16, 40])
def test_the_matrix_is_printed_whole_or_not_at_all(size, width):
    true = np.repeat(np.arange(size), 900)
    predicted = np.where(np.arange(len(true)) % 10 == 0, (true * 7 + 1) % size, true)
    evaluation = of_classes(true.tolist(), predicted.tolist())
    text = printed(evaluation, width)
    assert f"class {size - 1}" in text and max(map(len, text.splitlines())) <= width
    fits = len(f"│ {size - 1} class {size - 1} │") + size * len(" 810 │") <= width
    assert ("true class (row)" in text) == fits
    if fits:
        assert numbers_of(text) == evaluation.confusion.tolist()
    else:
        assert f"The matrix of {size} classes is wider than {width} characters." in text


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf", ".PNG"])
@pytest.mark.parametrize("kind", ["classes", "many", "values"])
def test_plots(tmp_path, kind, ending):
    generator = np.random.default_rng(0)
    if kind == "values":
        true = generator.normal(size=300)
        evaluation = of_values(true, true + 0.3 * generator.normal(size=300))
    else:
        size = 8 if kind == "classes" else 60
        true = generator.integers(0, size, 2000)
        shifted = np.where(generator.random(2000) < 0.8, true, generator.integers(0, size, 2000))
        names = NAMES if kind == "classes" else None
        evaluation = of_classes(true.tolist(), shifted.tolist(), names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = evaluation.write_plot(tmp_path / f"plot{ending}")
    data = file.read_bytes()
    if ending.lower() == ".png":
        with Image.open(file) as image:
            assert image.size == (1080, 1000)  # 540 × 500 at two dots a pixel
            assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
            assert len(image.convert("RGB").getcolors(1 << 20)) > 20
    elif ending == ".svg":
        text = data.decode()
        assert "<svg" in text
        shown = {"classes": ["[red]", ":cat:", "x[/bold]"], "many": ["class 57"]}
        shown = shown.get(kind, ["true price", "predicted"])
        assert all(name in text for name in shown)
    else:
        assert data.startswith(b"%PDF")


@pytest.mark.parametrize("name", ["plot.jpg", "plot", "plot.png.txt"])
def test_other_endings_are_refused_before_anything_is_drawn(tmp_path, name):
    with pytest.raises(InvalidParameterError, match=r"must end in .png, .svg, .pdf: name the file"):
        of_values([1], [1]).write_plot(tmp_path / name)
    assert not list(tmp_path.iterdir())
