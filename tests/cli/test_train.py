"""``ogive train`` on people's own pictures, and what follows: predict, evaluate, info."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ogive.estimators import PatchKernelClassifier
from ogive.images.training import read_log
from ogive.models import load

SMALL = ("--filters", 32, "--patch-size", 4, "--grid", 3)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Return a folder of digits, one sub-folder a class, with things between them."""
    folder = tmp_path_factory.mktemp("pictures")
    X, y = load_digits(return_X_y=True)
    for index in range(200):
        place = folder / str(y[index])
        place.mkdir(exist_ok=True)
        pixels = (X[index].reshape(8, 8) * 15.9375).astype("uint8")
        Image.fromarray(pixels).save(place / f"{index}.png")
    (folder / "3" / "broken.png").write_bytes(b"no picture")
    (folder / "3" / "notes.txt").write_text("between them")
    return folder


def test_train_predict_evaluate_and_info(ogive, pictures, tmp_path):
    model = tmp_path / "digits.ogive"
    trained = ogive("train", pictures, "-o", model, *SMALL, "--test-fraction", 0.25, "--json")
    assert trained.code == 0, trained.err
    assert "broken.png" in trained.err  # skipped, and said so
    assert trained.values["held_out"]["accuracy"] > 0.9
    assert trained.values["recipe"]["filters"] == 32 and trained.values["rows"] == 150
    predicted = ogive("predict", model, next((pictures / "7").glob("*.png")), "--json")
    answer = predicted.values["predictions"]
    assert answer["prediction"] == ["7"] and answer["probability_7"][0] > 0.5
    evaluated = ogive("evaluate", model, pictures, "--json", "--quiet")
    assert evaluated.values["accuracy"] > 0.95
    assert "between patches" in ogive("info", model).out


def test_a_recipe_file_is_read_and_flags_override_it(ogive, pictures, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("seed = 5\n[closed-form]\nfilters = 16\npatch_size = 4\n")
    arguments = ("train", pictures, "-o", tmp_path / "a.ogive", "--recipe", recipe, "--json")
    told = ogive(*arguments, "--grid", 2).values
    assert (told["seed"], told["recipe"]["filters"], told["recipe"]["grid"]) == (5, 16, 2)
    assert ogive(*arguments, "--seed", 6).values["seed"] == 6


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--patch-size", 9), 2, "patch_size=9: must be from 2 to 8"),
        (("--alpha", 0), 2, "alpha=0"),
        (("--recipe", "none.toml"), 1, "No such file"),
        (("--resize", "12"), 2, "HEIGHTxWIDTH"),
    ],
)
def test_wrong_use_is_told_in_one_line(ogive, pictures, tmp_path, arguments, code, words):
    model = tmp_path / "a.ogive"
    answer = ogive("train", pictures, "-o", model, "--quiet", *arguments)
    assert answer.code == code and words in answer.err and not model.exists()


def test_tables_are_sent_to_fit(ogive, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,x\n2,y\n3,x\n")
    answer = ogive("train", table, "-o", tmp_path / "a.ogive", "--quiet")
    assert answer.code == 1 and "use fit" in answer.err


def test_resized_pictures(ogive, pictures, tmp_path):
    arguments = ("train", pictures, "-o", tmp_path / "a.ogive", "--filters", 8, "--resize", "12x12")
    assert ogive(*arguments, "--json").values["recipe"]["patch_size"] == 6


GRADIENT = ("--method", "gradient", "--width", 4, "--batch", 16, "--quiet")


def test_by_gradient_with_curves_and_a_log(ogive, pictures, tmp_path):
    model, log, plot = (tmp_path / name for name in ("a.ogive", "a.jsonl", "a.png"))
    trained = ogive(
        "train", pictures, "-o", model, *GRADIENT[:-1], "--epochs", 3, "--test-fraction", 0.2,
        "--log", log, "--plot", plot, "--json",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    assert trained.values["recipe"]["width"] == 4 and "3 epochs" in trained.values["solution"]
    assert "epoch 3: loss" in trained.err and "on what is held out" in trained.err
    assert [r["epoch"] for r in read_log(log) if "epoch" in r] == [1, 2, 3]
    with Image.open(plot) as drawn:
        assert min(drawn.size) > 500
    answer = ogive("predict", model, next((pictures / "7").glob("*.png")), "--json")
    assert sum(answer.values["predictions"][f"probability_{c}"][0] for c in range(10)) > 0.99
    assert ogive("evaluate", model, pictures, "--json", "--quiet").values["rows"] == 200
    assert "sigmoid, in convolutions" in ogive("info", model).out


def test_patience_is_told_drawn_and_kept(ogive, pictures, tmp_path):
    model, log, plot = (tmp_path / name for name in ("a.ogive", "a.jsonl", "a.svg"))
    trained = ogive(
        "train", pictures, "-o", model, *GRADIENT[:-1], "--epochs", 3, "--patience", 1,
        "--validation-fraction", 0.2, "--log", log, "--plot", plot, "--json",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    assert trained.values["recipe"]["patience"] == 1
    assert "on what is left out" in trained.err and "left out, averaged" in plot.read_text()
    assert all("validation_loss" in r for r in read_log(log) if "epoch" in r)
    assert load(model).estimator.patience == 1


def test_a_wrong_checkpoint_is_refused_before_the_closed_form_is_fitted(
    ogive, pictures, tmp_path, monkeypatch
):
    command = ("train", pictures, "-o", tmp_path / "a.ogive", *SMALL, "--method", "both",
               "--checkpoint", tmp_path / "a.part")  # fmt: skip
    assert ogive(*command, "--epochs", 1).code == 0
    monkeypatch.setattr(PatchKernelClassifier, "fit", lambda *a: pytest.fail("fitted"))
    refused = ogive(*command, "--epochs", 2)
    assert refused.code == 2 and "epochs is 1 there and 2 here" in refused.err
    (tmp_path / "a.part").write_bytes(b"notes")
    refused = ogive(*command, "--epochs", 1)
    assert refused.code == 1 and "no whole checkpoint" in refused.err.replace("not a", "no")
    assert "ogive.save" not in refused.err and "delete it" in refused.err


def test_both_methods_one_after_the_other(ogive, pictures, tmp_path):
    model = tmp_path / "a.ogive"
    arguments = ("train", pictures, "-o", model, *SMALL, "--method", "both", "--epochs", 1)
    told = ogive(*arguments, "--json").values
    assert told["treatment"] == "features in closed form, and a network trained by gradient"
    assert told["recipe"]["epochs"] == 1 and told["recipe"]["filters"] == 32
    assert ogive("evaluate", model, pictures, "--json", "--quiet").values["accuracy"] > 0.9


_SCRIPT = """
import sys, time
from ogive.cli.main import run
import ogive._training.kept as kept, ogive._training.loop as loop
pause, take = float(sys.argv.pop(1)), kept.write_checkpoint
def write(path, state):
    take(path, state)
    if state["done"] == 2:
        print("kept", flush=True)
        time.sleep(pause)
kept.write_checkpoint = write
loop.TrainingFiles.__init__.__defaults__ = (None, None, 0.0)  # a checkpoint after each step
run()
"""


@pytest.mark.parametrize(("kind", "pause"), [(signal.SIGKILL, 60), (signal.SIGINT, 1)])
def test_a_training_that_is_stopped_goes_on_to_the_same_model(
    ogive, pictures, tmp_path, kind, pause
):
    def command(name):
        return ["train", pictures, "-o", tmp_path / f"{name}.ogive", *GRADIENT[:-1], "--epochs", 3,
                "--checkpoint", tmp_path / f"{name}.checkpoint"]  # fmt: skip

    with subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, *map(str, [pause, *command("stopped")])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        told = child.stdout.readline()
        child.send_signal(kind)
        _, errors = child.communicate(timeout=100)
    assert told == "kept\n", errors
    if kind == signal.SIGINT:
        assert child.returncode == 130
        assert "run the same again to go on from" in errors and "Traceback" not in errors
    assert [p.name for p in tmp_path.iterdir()] == ["stopped.checkpoint"]
    resumed = ogive(*command("stopped"))
    assert resumed.code == 0 and "going on from" in resumed.err
    assert ogive(*command("whole")).code == 0
    stopped, whole = (
        load(tmp_path / f"{name}.ogive").estimator.network_.state_dict()
        for name in ("stopped", "whole")
    )
    assert all(np.array_equal(stopped[name], whole[name]) for name in whole)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--checkpoint", "a"), "method='closed-form' has no steps"),
        (("--plot", "a.png"), "method='closed-form' has no steps to draw"),
        (("--method", "gradient", "--plot", "a.txt"), "must end in .png"),
        (("--method", "gradient", "--epochs", 0), "epochs=0"),
        (("--method", "gradient", "--rate", -1), "rate=-1"),
        (("--epochs", 3), "epochs=3 has no effect with method='closed-form'"),
        (("--method", "gradient", "--filters", 9), "filters=9 has no effect"),
        (("--device", "cuda"), "device='cuda': method='closed-form'"),
        (("--method", "both", "--validation-fraction", 0.2), "no effect without patience"),
    ],
)
def test_wrong_use_of_a_training_by_gradient(ogive, pictures, tmp_path, arguments, words):
    answer = ogive("train", pictures, "-o", tmp_path / "a.ogive", "--quiet", *arguments)
    assert answer.code == 2 and words in answer.err and not list(tmp_path.iterdir())


def test_a_finished_training_is_kept_again_whatever_there_is_to_draw(ogive, pictures, tmp_path):
    model, plot = tmp_path / "digits.ogive", tmp_path / "curves.png"
    command = (
        "train", pictures, "-o", model, "--method", "gradient", "--width", 4, "--epochs", 1,
        "--checkpoint", tmp_path / "digits.part", "--plot", plot,
    )  # fmt: skip
    assert ogive(*command).code == 0 and plot.exists()
    model.unlink(), plot.unlink()
    again = ogive(*command)
    assert again.code == 0 and model.exists() and not plot.exists()
    assert "nothing to draw" in again.err
