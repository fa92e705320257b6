"""``ogive train`` on people's own pictures, and what follows: predict, evaluate, info."""

import pytest
from PIL import Image
from sklearn.datasets import load_digits

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
