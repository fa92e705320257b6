"""fit, predict, info and evaluate of principal components, which have no targets."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ogive.models import load

CATEGORIES = ("--categorical", "colour,size", "--target", "state")


@pytest.fixture
def place(shelf, monkeypatch):
    monkeypatch.chdir(shelf)
    return shelf


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture
def components_of(ogive, place, tmp_path):
    """Return a function that fits principal components to data and gives them of the same data."""

    def fit_and_predict(data, *options, others=None):
        path = tmp_path / "p.ogive"
        fitted = ogive("fit", data, "--model", "pca", *options, "-o", path, "-q")
        assert fitted.code == 0, fitted.err
        answer = ogive("predict", path, others or data, "-q")
        assert answer.code == 0, answer.err
        return rows_of(answer.out)

    return fit_and_predict


def test_principal_components_in_every_form(ogive, place, components_of, tmp_path):
    import pyarrow.parquet as pq

    rows = components_of("fruit.csv", *CATEGORIES, "--components", "3")
    names = ["component_1", "component_2", "component_3"]
    assert len(rows) == 300 and list(rows[0]) == ["row", *names]
    model, wanted = tmp_path / "p.ogive", [float(row["component_1"]) for row in rows]
    values = ogive("predict", model, "fruit.parquet", "--json", "-q").values
    assert list(values) == ["model", "target", "classes", "rows", "components"]
    assert (values["target"], values["classes"], values["rows"]) == (None, [], 300)
    assert list(values["components"]) == ["row", *names]
    assert values["components"]["component_1"] == wanted
    output = tmp_path / "answers.parquet"
    answer = ogive("predict", model, "fruit.csv", "-o", output)
    assert answer.out == "" and "components of 300 rows" in answer.err
    assert pq.read_table(output)["component_1"].to_pylist() == wanted
    loaded = load(model)
    assert loaded.transforms and loaded.estimator.n_components == 3


def test_what_is_told_of_principal_components(ogive, place, tmp_path):
    path = tmp_path / "p.ogive"
    fit = ("fit", "digits", "--model", "pca", "--landmarks", "60", "-o", path)
    told = ogive(*fit, "--json", "-q").values
    assert told["model"] == "pca" and told["components"] == 2 and "alpha" not in told
    assert "60 landmarks" in told["treatment"] and "eigenvalues" in told["solution"]
    assert "2 principal components" in ogive(*fit).out
    out = ogive("info", path).out
    assert "2 principal components" in out and "None" not in out
    found = ogive("info", path, "--json").values
    assert found["target"] is None and found["summary"]["components"] == 2


def test_principal_components_of_pictures(place, components_of):
    rows = components_of("pictures", "--kernel", "gaussian", others="pictures/test")
    assert len(rows) == 100 and all(Path(row["file"]).suffix == ".png" for row in rows)


@pytest.mark.parametrize("header", [True, False])
def test_columns_that_principal_components_leave_out(place, components_of, tmp_path, header):
    """A target is left out if it is named or has a usual name; no other column is one."""
    values = np.random.default_rng(0).normal(size=(40, 3))
    plain, named, usual = (tmp_path / name for name in ("plain.csv", "named.csv", "usual.csv"))
    lines = [",".join(f"{value:.4f}" for value in row) for row in values]
    kinds = ["ab"[row % 2] for row in range(40)]
    beside = [f"{line},{kind}" for line, kind in zip(lines, kinds, strict=True)]
    for file, first, rows in (
        (plain, "u,v,w", lines),
        (named, "u,v,w,kind", beside),
        (usual, "u,v,w,Label", beside),
    ):
        file.write_text("\n".join([first, *rows] if header else rows) + "\n")
    wanted = components_of(plain)
    assert components_of(named, "--target", "kind" if header else "3") == wanted
    assert components_of(named, "--target", "3", others=plain) == wanted
    if header:
        assert components_of(usual) == components_of(usual, others=plain) == wanted
    assert components_of(plain, "--drop", "2") != wanted
    assert len(components_of(named, "--categorical", "all")) == 40


def test_principal_components_need_no_second_class(components_of, tmp_path):
    alone = tmp_path / "alone.csv"
    alone.write_text("u,v,class\n" + "".join(f"{i},{i * i % 7},same\n" for i in range(20)))
    assert len(components_of(alone)) == 20


def test_principal_components_are_not_evaluated(ogive, place, components_of, tmp_path):
    components_of("digits", "--landmarks", "20")
    for options in ((), ("--plot", tmp_path / "a.png")):
        answer = ogive("evaluate", tmp_path / "p.ogive", "digits", "-q", *options)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert "KernelPCA, fitted without targets" in answer.err and "predict" in answer.err
    assert not (tmp_path / "a.png").exists()


def test_fewer_components_than_asked_for(ogive, place, tmp_path):
    path = tmp_path / "p.ogive"
    fit = ("fit", "digits", "--model", "pca", "--kernel", "linear", "--components", "100")
    answer = ogive(*fit, "-o", path, "--json", "-q")
    assert answer.code == 0 and answer.values["components"] < 64
    assert answer.err.startswith("ogive: warning: n_components=100") and "kept" in answer.err
