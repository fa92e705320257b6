"""fit, predict, evaluate and info on every kind of data."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ogive.models import load

CATEGORIES = ("--categorical", "colour,size", "--target", "state")


@pytest.fixture
def place(shelf, monkeypatch):
    monkeypatch.chdir(shelf)
    return shelf


@pytest.fixture
def fruit_model(ogive, place, tmp_path):
    path = tmp_path / "fruit.ogive"
    assert ogive("fit", "fruit.csv", *CATEGORIES, "-o", path, "-q").code == 0
    return path


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize(
    ("data", "options", "others", "least"),
    [
        ("fruit.csv", CATEGORIES, ["fruit.parquet", "semicolons.csv"], 0.95),
        ("fruit.parquet", CATEGORIES, ["fruit.csv"], 0.95),
        ("fruit.csv", ("--categorical", "all"), ["fruit.csv"], 0.95),
        ("headless.csv", ("--categorical", "1", "--categorical", "2"), ["headless.csv"], 0.95),
        ("messages.tsv", ("--target", "0", "--text", "1"), ["messages.tsv"], 0.95),
        ("train.svmlight", (), ["test.svmlight"], 0.85),
        ("pictures", (), ["pictures"], 0.9),
        ("digits", ("--landmarks", "200"), ["digits"], 0.93),
        ("digits", ("--kernel", "gaussian"), ["digits"], 0.97),
        ("digits", ("--kernel", "polynomial", "--degree", "2"), ["digits"], 0.97),
        ("digits", ("--kernel", "logistic", "--alpha", "0.001"), ["digits"], 0.97),
        ("digits", ("--kernel", "linear", "--scale", "centre"), ["digits"], 0.9),
        ("digits", ("--kernel", "additive", "--size", "8x8"), None, None),
        ("digits", ("--model", "svc"), ["digits"], 0.97),
        ("digits", ("--model", "svc", "--kernel", "gaussian", "--C", "3"), ["digits"], 0.97),
        ("digits", ("--model", "svc", "--landmarks", "300", "--memory", "50 MB"), ["digits"], 0.95),
        ("fruit.csv", (*CATEGORIES, "--model", "svc"), ["fruit.parquet"], 0.95),
        ("digits", ("--model", "logistic"), ["digits"], 0.94),
        ("digits", ("--model", "logistic", "--landmarks", "300", "--alpha", "1"), ["digits"], 0.9),
        ("digits", ("--model", "discriminant", "--mu", "0.01"), ["digits"], 0.9),
        ("train.svmlight", ("--model", "discriminant"), ["test.svmlight"], 0.75),
        ("fruit.csv", (*CATEGORIES, "--model", "logistic"), ["fruit.parquet"], 0.95),
    ],
)
def test_fit_and_evaluate(ogive, place, tmp_path, data, options, others, least):
    path = tmp_path / "model"
    fitted = ogive("fit", data, *options, "-o", path, "--json", "-q")
    if others is None:
        assert fitted.code == 2 and "size" in fitted.err
        return
    assert fitted.code == 0, fitted.err
    assert fitted.err == "" and fitted.values["path"] == str(path) and fitted.values["rows"] > 0
    for other in others:
        answer = ogive("evaluate", path, other, "--json", "-q")
        assert answer.code == 0, answer.err
        assert answer.values["accuracy"] > least
        assert sum(map(sum, answer.values["confusion"])) == answer.values["rows"]


def test_regression_and_rows_held_out(ogive, place, tmp_path):
    path, plot = tmp_path / "d.ogive", tmp_path / "d.png"
    fit = ("fit", "diabetes.csv", "--test-fraction", "0.25", "-o", path)
    held = ogive(*fit, "--json", "-q").values["held_out"]
    assert held["r2"] > 0.4 and held["rows"] == 110
    assert "R² 0." in ogive(*fit).out
    answer = ogive("evaluate", path, "diabetes.csv", "--plot", plot)
    assert "root mean squared error" in answer.out and "rows of diabetes" in answer.out
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_file_but_for_time(ogive, place, tmp_path):
    answers = []
    for name in ("one", "two"):
        ogive("fit", "digits", "--landmarks", "50", "--seed", "3", "-o", tmp_path / name, "-q")
        answers.append(ogive("predict", tmp_path / name, "digits", "-q").out)
    assert answers[0] == answers[1] and len(answers[0].splitlines()) == 361


def test_evaluate_prints_tables(ogive, fruit_model):
    out = ogive("evaluate", fruit_model, "fruit.csv").out
    for word in ("accuracy", "balanced", "precision", "recall", "f1", "ripe", "true class"):
        assert word in out


def test_info_tells_what_is_in_the_file(ogive, fruit_model):
    out = ogive("info", fruit_model).out
    for word in ("state: 2 classes (raw, ripe)", "'weight'", "one-hot", "Sigmoid(", "alpha"):
        assert word in out
    assert "fit fruit.csv --categorical colour,size" in out
    found = ogive("info", fruit_model, "--json").values
    assert found["classes"] == ["raw", "ripe"] and found["summary"]["rows"] == 300
    assert found["format_version"] == 1 and "torch" in found["libraries"]


def test_info_needs_no_torch(fruit_model):
    code = (
        "import sys; sys.argv = ['ogive', 'info', sys.argv[1]]\n"
        "from ogive.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: print('torch' in sys.modules, 'sklearn' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(fruit_model)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("False False")


def test_info_of_a_bare_estimator(ogive, tmp_path):
    import ogive as package

    model = package.KernelRidge(kernel="rbf").fit(np.eye(3), np.arange(3.0))
    path = package.save(model, tmp_path / "bare.ogive")
    assert "KernelRidge" in ogive("info", path).out
    answer = ogive("predict", path, "digits")
    assert answer.code == 1 and "bare KernelRidge" in answer.err and "ogive.load" in answer.err


# Predictions -----------------------------------------------------------------------------------


def test_predictions_of_pictures_and_folders(ogive, place, tmp_path):
    path = tmp_path / "p.ogive"
    ogive("fit", "pictures", "-o", path, "-q")
    (jpeg,) = place.glob("a *.jpg")
    rows = rows_of(ogive("predict", path, jpeg, "pictures/test/digit 3", "-q").out)
    assert rows[0] == {"file": str(jpeg), "prediction": f"digit {jpeg.stem[-1]}"}
    threes = [row["prediction"] for row in rows[1:]]
    assert threes.count("digit 3") > 0.8 * len(threes) > 0
    everything = rows_of(ogive("predict", path, "pictures/test").out)
    assert len(everything) == 100 and all("file" in row for row in everything)


def test_predictions_of_rows_in_every_form(ogive, place, fruit_model, tmp_path):
    import pyarrow.parquet as pq

    printed = rows_of(ogive("predict", fruit_model, "fruit.csv").out)
    assert [row["row"] for row in printed[:2]] == ["0", "1"] and len(printed) == 300
    wanted = [row["prediction"] for row in printed]
    for ending in ("csv", "tsv", "parquet"):
        output = tmp_path / f"deeper/answers.{ending}"
        answer = ogive("predict", fruit_model, "fruit.parquet", "-o", output)
        assert answer.out == "" and "300 predictions" in answer.err
        if ending == "parquet":
            found = pq.read_table(output)["prediction"].to_pylist()
        else:
            lines = output.read_text().splitlines()
            found = [line.split("\t" if ending == "tsv" else ",")[1] for line in lines[1:]]
        assert found == wanted
    values = ogive("predict", fruit_model, "fruit.csv", "--json", "-q").values
    assert values["predictions"]["prediction"] == wanted and values["target"] == "state"
    output = tmp_path / "x.csv"
    assert ogive("predict", fruit_model, "fruit.csv", "--json", "-o", output).values["path"]


@pytest.mark.parametrize("model", ["logistic", "discriminant"])
def test_probabilities(ogive, place, tmp_path, model):
    path = tmp_path / "m.ogive"
    told = ogive("fit", "fruit.csv", *CATEGORIES, "--model", model, "-o", path, "--json").values
    wanted = {"logistic": ("alpha", 0.01), "discriminant": ("mu", 0.001)}
    name, value = wanted[model]
    assert told[name] == value and not {"alpha", "mu", "C", "components"} - {name} & set(told)
    assert "penalty" in ogive("info", path).out and f"{name} {value}" in ogive("info", path).out
    rows = rows_of(ogive("predict", path, "fruit.csv", "-q").out)
    assert list(rows[0]) == ["row", "prediction", "probability_raw", "probability_ripe"]
    for row in rows:
        raw, ripe = float(row["probability_raw"]), float(row["probability_ripe"])
        assert abs(raw + ripe - 1) < 1e-12
        assert row["prediction"] == ("ripe" if ripe > raw else "raw")


def test_predictions_of_an_array_without_targets(ogive, place, tmp_path):
    ogive("fit", "digits", "-o", tmp_path / "m", "-q")
    assert len(rows_of(ogive("predict", tmp_path / "m", "rows.npy").out)) == 5


def test_tables_are_read_by_column_name(ogive, place, fruit_model, fruit, tmp_path):
    plain = ogive("predict", fruit_model, "fruit.csv", "-q").out
    lines = ["size,note,colour,weight"]
    lines += [f"{size},{i},{colour},{weight}" for i, (weight, colour, size, _) in enumerate(fruit)]
    (tmp_path / "other.csv").write_text("\n".join(lines))
    assert ogive("predict", fruit_model, tmp_path / "other.csv", "-q").out == plain


def test_a_table_without_header_may_lack_its_target(ogive, place, fruit, tmp_path):
    path, rest = tmp_path / "h.ogive", tmp_path / "rest.csv"
    ogive("fit", "headless.csv", "--target", "1", "--categorical", "2,3", "-o", path, "-q")
    whole = ogive("predict", path, "headless.csv", "-q").out
    rest.write_text("".join(f"{w},{size},{state}\n" for w, _, size, state in fruit))
    assert ogive("predict", path, rest, "-q").out == whole
    answer = ogive("evaluate", path, rest)
    assert answer.code == 1 and "lacks the column 'column 1'" in answer.err


# What can be wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("size,color,weight\nS,red,10\n", "lacks the column 'colour'.*did you mean 'color'"),
        ("size,colour\nS,red\n", "lacks the column 'weight'"),
        ("size,colour,weight\nS,red,heavy\n", "line 2, column 'weight': 'heavy' is not a finite"),
        ("size,colour,weight\nS,red,\n", "line 2, column 'weight': the value is missing"),
        ("size,colour,weight\nS,red,1\nS,red\n", "line 3: 2 cells where the first line has 3"),
        ("S,red,10\nM,blue,11\n", "has no header.*knows its columns by name"),
        ("size,colour,weight\n", "a header and no rows"),
        ("size,colour,weight,weight\nS,red,1,2\n", "several columns called 'weight'"),
    ],
)
def test_new_tables_that_do_not_fit(ogive, fruit_model, tmp_path, lines, words):
    import re

    new = tmp_path / "new.csv"
    new.write_text(lines)
    answer = ogive("predict", fruit_model, new, "-q")
    assert answer.code == 1 and answer.out == ""
    assert answer.err.startswith("ogive: ") and answer.err.count("\n") == 1
    assert re.search(words, answer.err), answer.err


def test_an_unseen_category_is_told_and_predicted(ogive, fruit_model, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("size,colour,weight\nS,purple,10\nM,red,11\n")
    answer = ogive("predict", fruit_model, new, "-q")
    assert answer.code == 0 and len(rows_of(answer.out)) == 2
    assert answer.err.startswith("ogive: warning: column 'colour'") and "'purple'" in answer.err


def test_an_unknown_class_is_told(ogive, fruit_model, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("size,colour,weight,state\nS,red,10,rotten\n")
    answer = ogive("evaluate", fruit_model, new, "-q")
    assert answer.code == 1 and "'rotten'" in answer.err and "'raw', 'ripe'" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("fit", "fruit.csv", "-o", "m"), 1, "columns 'colour', 'size'"),
        (("fit", "fruit.csv", "--target", "stat", "-o", "m"), 2, "did you mean 'state'"),
        (("fit", "fruit.csv", "--categorical", "state", "-o", "m"), 2, "two roles"),
        (("fit", "fruit.csv", "--drop", "weight,colour,size", "-o", "m"), 2, "no column to learn"),
        (("fit", "fruit.csv", "--size", "8x8", "-o", "m"), 2, "no pictures"),
        (("fit", "pictures", "--size", "8", "-o", "m"), 2, "HEIGHTxWIDTH"),
        (("fit", "digits", "--target", "x", "-o", "m"), 2, "no table"),
        (
            ("fit", "digits", "--task", "values", "--test-fraction", "2", "-o", "m"),
            2,
            "test_fraction=2",
        ),
        (("fit", "digits", "--gamma", "big", "-o", "m"), 2, "gamma='big'"),
        (("fit", "digits", "--alpha", "-1", "-o", "m"), 2, "alpha=-1.0"),
        (("fit", "digits", "--kernel", "linear", "--gamma", "1", "-o", "m"), 2, "has no gamma"),
        (("fit", "digits", "--device", "cuda:99", "-o", "m"), 2, "device='cuda:99'"),
        (("fit", "digits", "--device", "tpu", "-o", "m"), 2, "device='tpu' is unknown"),
        (("fit", "digits", "--memory", "much", "-o", "m"), 2, "memory='much'"),
        (("fit", "nothing.csv", "-o", "m"), 2, "nothing.csv"),
        (("fit", "digits", "--model", "svr", "-o", "m"), 2, "not made for classes"),
        (
            ("fit", "digits", "--model", "svc", "--alpha", "1", "-o", "m"),
            2,
            "alpha=1.0 is for ridge",
        ),
        (("fit", "digits", "--C", "1", "-o", "m"), 2, "C=1.0 is for svc and svr"),
        (
            ("fit", "digits", "--model", "logistic", "--alpha", "auto", "-o", "m"),
            2,
            "alpha='auto': logistic regression takes a number above 0",
        ),
        (("fit", "digits", "--model", "logistic", "--alpha", "0", "-o", "m"), 2, "alpha=0.0"),
        (
            ("fit", "digits", "--model", "discriminant", "--alpha", "1", "-o", "m"),
            2,
            "alpha=1.0 is for ridge and logistic",
        ),
        (("fit", "digits", "--mu", "1", "-o", "m"), 2, "mu=1.0 is for discriminant"),
        (("fit", "digits", "--model", "discriminant", "--mu", "-1", "-o", "m"), 2, "mu=-1.0"),
        (("fit", "digits", "--components", "3", "-o", "m"), 2, "components=3 is for pca"),
        (
            ("fit", "diabetes.csv", "--model", "logistic", "-o", "m"),
            2,
            "not made for real-valued targets",
        ),
        (
            ("fit", "diabetes.csv", "--model", "discriminant", "-o", "m"),
            2,
            "not made for real-valued targets",
        ),
        (
            ("fit", "digits", "--model", "pca", "--test-fraction", "0.2", "-o", "m"),
            2,
            "test_fraction=0.2: without targets",
        ),
        (("fit", "digits", "--model", "pca", "--alpha", "1", "-o", "m"), 2, "alpha=1.0 is for"),
        (("fit", "digits", "--model", "pca", "--target", "x", "-o", "m"), 2, "no table"),
        (("fit", "fruit.csv", "--model", "pca", "--target", "stat", "-o", "m"), 2, "'state'"),
        (("fit", "fruit.csv", "--model", "pca", "-o", "m"), 1, "'state'"),
        (
            ("fit", "fruit.csv", "--model", "pca", "--drop", "0,1,2,3", "-o", "m"),
            2,
            "no column to learn from (columns",
        ),
        (("fit", "digits", "--model", "svc", "--C", "-1", "-o", "m"), 2, "C=-1.0"),
        (("convert", "fruit.csv", "-o", "m"), 1, "no LIBSVM model"),
        (("convert", "nothing.model", "-o", "m"), 1, "no such file"),
        (("fit", "digits", "-o", "fruit.csv/m"), 1, "cannot write"),
        (("predict", "fruit.csv", "digits"), 1, "fruit.csv is"),
        (("predict", "nowhere.ogive", "digits"), 1, "does not exist"),
        (("evaluate", "MODEL", "digits"), 1, "no table"),
        (("evaluate", "MODEL", "fruit.csv", "--split", "test"), 2, "no such part"),
        (("evaluate", "MODEL", "fruit.csv", "--plot", "a.txt"), 2, ".png, .svg, .pdf"),
        (("predict", "MODEL", "fruit.csv", "-o", "a.xls"), 2, ".csv, .tsv, .parquet"),
        (("predict", "MODEL", "fruit.csv", "fruit.csv"), 2, "several are for pictures only"),
        (("predict", "MODEL", "JPEG"), 1, "is a picture"),
        (("info", "digits"), 1, "does not exist"),
    ],
)
def test_mistakes_end_in_one_line(ogive, fruit_model, place, arguments, code, words):
    (jpeg,) = place.glob("a *.jpg")
    names = {"MODEL": fruit_model, "JPEG": jpeg}
    before = sorted(place.iterdir())
    answer = ogive(*(names.get(word, word) for word in arguments), "-q")
    assert (answer.code, answer.out) == (code, ""), answer
    assert answer.err.startswith("ogive: ") and answer.err.count("\n") == 1, answer.err
    assert words in answer.err
    assert sorted(place.iterdir()) == before, "a failed command leaves nothing behind"


def test_regression_by_support_vectors(ogive, place, tmp_path):
    model = tmp_path / "m.ogive"
    arguments = ("--target", "weight", "--categorical", "all", "--task", "values")
    told = ogive(
        "fit", "fruit.csv", *arguments, "--model", "svr", "--epsilon", "0.01", "-o", model, "--json"
    ).values
    assert told["model"] == "svr" and told["C"] == 10 and "support vectors" in told["solution"]


def test_convert_a_model_of_libsvm(ogive, place, tmp_path):
    source = Path(__file__).parent.parent / "estimators" / "libsvm_models" / "rbf.model"
    target = tmp_path / "m.ogive"
    told = ogive("convert", source, "-o", target, "--columns", "5", "--json").values
    assert told["classes"] == [7, -2, 3] and told["columns"] == 5
    assert load(target).predict(np.zeros((1, 5))) in told["classes"]
    assert "KernelSVC" in ogive("info", target).out
    assert "support vectors" in ogive("convert", source, "-o", target).out


def test_every_command_has_an_example(ogive):
    for command in ("fit", "predict", "evaluate", "info", "convert", "datasets", "demo"):
        assert f"Example: ogive {command}" in " ".join(ogive(command, "--help").out.split())


def test_choices_on_the_command_line_are_those_that_exist():
    from typing import get_args

    from ogive.cli import fit
    from ogive.models.machines import KERNELS, MACHINES

    assert set(get_args(fit.KernelName)) == set(KERNELS)
    assert set(get_args(fit.ModelName)) == {*MACHINES}


def test_datasets(ogive):
    assert "fashion-mnist" in ogive("datasets").out
    found = {entry["name"]: entry for entry in ogive("datasets", "list", "--json").values}
    assert found["digits"]["train_rows"] == 1437 and len(found["cifar100"]["classes"]) == 100
    assert "28 × 28" in ogive("datasets", "info", "mnist").out
    assert ogive("datasets", "info", "mnist", "--json").values["features"] == 784
    assert list(ogive("datasets", "fetch", "digits", "--json", "-q").values) == ["digits"]
    answer = ogive("datasets", "fetch", "digitz")
    assert answer.code == 2 and "did you mean 'digits'" in answer.err
