"""The command line as a stranger meets it: what it prints, writes, and how errors end."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

OGIVE = [sys.executable, "-c", "from ogive.cli.main import run; run()"]


def in_a_process(*arguments, cwd, **environment):
    return subprocess.run(
        [*OGIVE, *arguments],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "160", "OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def one_line_error(answer, code):
    assert answer.returncode == code, answer.stderr
    assert "Traceback" not in answer.stderr
    last = answer.stderr.strip().splitlines()[-1]
    assert last.startswith("ogive: "), answer.stderr
    return last


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, in_a_process("demo", "--data", "digits", cwd=folder)


def test_demo_prints_table_and_progress_and_writes_the_page(digits_run):
    folder, answer = digits_run
    assert answer.returncode == 0, answer.stderr
    for word in ("sigmoid", "gaussian", "linear", "indefinite", "Krein", "scikit-learn SVC"):
        assert word in answer.stdout
    for word in ("accuracy", "seconds", "peak memory", "landmarks", "rows"):
        assert word in answer.stdout
    assert "training Sigmoid" in answer.stderr and "drawing digits" in answer.stderr
    assert (
        "Search by a picture: of the training pictures most alike to each of 360" in answer.stdout
    )
    assert "New digits: of 200 drawn" in answer.stdout
    assert "in all; the pictures are in ogive-demo/report.html" in answer.stdout
    page = (folder / "ogive-demo" / "report.html").read_text()
    assert page.count("<img") >= 4 + 6 * 6 + 10 and "<script src" not in page
    assert [p.name for p in (folder / "ogive-demo").iterdir()] == ["report.html"]


@pytest.fixture
def no_drawing(monkeypatch):
    """Leave out what takes seconds and is the same whatever the data."""
    from ogive.report import demo
    from ogive.report.demo_result import DrawnDigits

    pictures = np.zeros((2, 3, 8, 8, 1), np.uint8)
    drawn = DrawnDigits(1437, "Sigmoid()", 4.25, 1.75, 200, 0.965, 0.985, pictures, ("0", "1"))
    monkeypatch.setattr(demo, "draw_digits", lambda: drawn)


def test_json_is_the_figures_and_nothing_else(ogive, no_drawing, tmp_path):
    output = tmp_path / "deep" / "er"
    answer = ogive("demo", "--data", "digits", "--json", "--quiet", "--output", str(output))
    figures = answer.values
    assert answer.code == 0 and answer.err == ""
    assert figures["search"]["precision"] > 0.9 and figures["search"]["pictures"] == 1437
    assert figures["digits"] == {"rows": 1437, "kernel": "Sigmoid()", "fit_seconds": 4.25,
                                 "draw_seconds": 1.75, "drawn": 200, "agreement": 0.965,
                                 "reader_accuracy": 0.985}  # fmt: skip
    assert figures["accuracy"] > 0.97
    scores = {s["name"]: s for s in figures["scores"]}
    assert set(scores) == {"sigmoid", "gaussian", "linear"}
    assert all(s["seconds"] > 0 and s["peak_bytes"] > 10**7 for s in scores.values())
    theirs = [s for s in figures["comparison"] if s["name"] == "scikit-learn KernelRidge"]
    assert theirs[0]["accuracy"] < figures["comparison"][0]["accuracy"]
    assert Path(figures["report"]).exists() and figures["definiteness"]["negative_count"] > 0


def test_quiet_prints_nothing(ogive, no_drawing, monkeypatch, tmp_path):
    _small_set(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert ogive("demo", "--data", "small.npz", "--quiet") == (0, "", "")
    assert (tmp_path / "ogive-demo" / "report.html").exists()


def test_a_table_of_one_s_own_works_too(ogive, no_drawing, monkeypatch, tmp_path):
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(120, 3))
    lines = ["width,height,depth,kind"]
    lines += [f"{a:.3f},{b:.3f},{c:.3f},{'red' if a + b > 0 else 'blue'}" for a, b, c in rows]
    (tmp_path / "things.csv").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    answer = ogive("demo", "--data", "things.csv")
    assert answer.code == 0, answer.err
    assert "things" in answer.out and "New digits" in answer.out and "Search" not in answer.out


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["demo", "--data", "fashon-mnist"], 2, "did you mean 'fashion-mnist'"),
        (["demo", "--data", "no/such/file.csv"], 2, "no/such/file.csv"),
        (["demo", "--data", "cut.npz"], 1, "cut.npz"),
        (["demo", "--data", "digits", "--output", "taken"], 1, "taken"),
        (["demo", "--data", "idx"], 1, "train-images-idx3-ubyte"),
        (["demo", "--data", "alone.csv"], 1, "class"),
        (["demo", "--data", "real.csv"], 1, "real-valued"),
    ],
)
def test_bad_input_ends_in_one_line(tmp_path, arguments, code, words):
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "taken").write_text("precious")
    (tmp_path / "idx").mkdir()
    header = struct.pack(">BBBBIII", 0, 0, 8, 3, 10, 4, 4)
    (tmp_path / "idx" / "train-images-idx3-ubyte").write_bytes(header + b"\x00" * 30)
    (tmp_path / "idx" / "train-labels-idx1-ubyte").write_bytes(
        struct.pack(">BBBBI", 0, 0, 8, 1, 10) + bytes(10)
    )
    (tmp_path / "real.csv").write_text("a,y\n" + "1,0.5\n2,0.25\n" * 10)
    (tmp_path / "alone.csv").write_text("a,b,kind\n" + "1,2,x\n3,4,x\n" * 10)
    answer = in_a_process(*arguments, cwd=tmp_path)
    assert words in one_line_error(answer, code)
    assert (tmp_path / "taken").read_text() == "precious"


def test_wrong_options_are_wrong_use(tmp_path):
    answer = in_a_process("demo", "--dta", "digits", cwd=tmp_path)
    assert answer.returncode == 2 and "--data" in answer.stderr


def test_debug_shows_the_traceback(tmp_path):
    answer = in_a_process("demo", "--data", "fashon-mnist", "--debug", cwd=tmp_path)
    assert answer.returncode != 0 and "Traceback" in answer.stderr


def test_help_and_version_are_quick_to_load(tmp_path):
    code = (
        "import sys; from ogive.cli.main import app; app(['--help'], standalone_mode=False);"
        "heavy = {'torch', 'numpy', 'sklearn', 'matplotlib', 'rich.console'} & set(sys.modules);"
        "print('heavy:', sorted(heavy - {'rich.console'}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "heavy: []" in answer.stdout and "demo" in answer.stdout
    assert in_a_process("--version", cwd=tmp_path).stdout.startswith("ogive 0.")


def test_without_fashion_mnist_the_demo_says_how_to_get_it(monkeypatch):
    from ogive.report import demo

    monkeypatch.setattr(demo, "available", lambda name: False)
    name, note = demo.default_data()
    assert name == "digits" and "dataset-fashion-mnist" in note and "OGIVE_DATA" in note
    monkeypatch.setattr(demo, "available", lambda name: True)
    assert demo.default_data() == ("fashion-mnist", "")


def _small_set(folder):
    generator = np.random.default_rng(0)
    X = generator.integers(0, 256, (60, 5, 5), dtype=np.uint8)
    y = (X.mean((1, 2)) > np.median(X.mean((1, 2)))).astype(int)
    np.savez(folder / "small.npz", X=X, y=y)
