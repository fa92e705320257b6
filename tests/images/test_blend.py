"""The mean of a network's and a closed form's logits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

import ogive
from ogive import PatchKernelClassifier
from ogive._errors import InvalidModelError, InvalidParameterError
from ogive.images.blend import BlendedClassifier
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.training import TrainingFiles


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X * 15.9375).astype("uint8").reshape(-1, 8, 8, 1), np.array(list("abcdefghij"))[y]


def blend(**settings):
    network = NetworkClassifier(**{"width": 4, "epochs": 2, "batch": 32, **settings})
    return BlendedClassifier(network, PatchKernelClassifier(8, patch_size=4, grid=2))


@pytest.fixture(scope="module")
def fitted(digits):
    return blend().fit(digits[0][:500], digits[1][:500])


def test_logits_are_the_mean_of_both(fitted, digits):
    X, y = digits[0][500:], digits[1][500:]
    parts = [fitted.network_.predict_proba(X), fitted.closed_form_.predict_proba(X)]
    geometric = np.sqrt(parts[0].astype(float) * parts[1])
    expected = geometric / geometric.sum(1, keepdims=True)
    assert_allclose(fitted.predict_proba(X), expected, atol=1e-5)
    assert (fitted.predict(X) == fitted.classes_[expected.argmax(1)]).mean() > 0.999
    assert fitted.score(X, y) > 0.9 and fitted.n_features_in_ == 64
    alone = clone(fitted.closed_form).fit(digits[0][:500], digits[1][:500])
    assert np.array_equal(alone.predict_proba(X), parts[1])
    assert not hasattr(fitted.network, "network_")  # what was given stays as it was


def test_a_blend_survives_its_file(fitted, digits, tmp_path):
    again = ogive.load(ogive.save(fitted, tmp_path / "a.ogive"))
    assert np.array_equal(again.predict_proba(digits[0]), fitted.predict_proba(digits[0]))
    assert again.get_params()["network__width"] == 4
    with pytest.raises(NotFittedError):
        ogive.save(blend(), tmp_path / "empty.ogive")


@pytest.mark.parametrize(("part", "words"), [("shape", "another shape"), ("classes", "classes")])
def test_parts_that_do_not_fit_are_refused(fitted, digits, tmp_path, part, words):
    X, y = digits[0][:200], digits[1][:200]
    network = clone(fitted.network)
    odd = BlendedClassifier(fitted.network, fitted.closed_form)
    vars(odd).update(vars(fitted))
    if part == "shape":
        odd.network_ = network.fit(X[:, :6], y)
    else:
        odd.network_ = network.fit(X, y > "c")
    with pytest.raises(InvalidModelError, match=words):
        ogive.save(odd, tmp_path / "odd.ogive")


def test_a_stopped_training_goes_on_and_a_foreign_checkpoint_is_refused_at_once(
    digits, tmp_path, monkeypatch
):
    X, y = digits[0][:200], digits[1][:200]
    files = TrainingFiles(tmp_path / "checkpoint", every=0)

    def killed(what, done, total):
        if what == "training" and done == 5:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        blend(files=files, progress=killed).fit(X, y)
    resumed = blend(files=files).fit(X, y)
    assert np.array_equal(resumed.predict_proba(X), blend().fit(X, y).predict_proba(X))
    monkeypatch.setattr(PatchKernelClassifier, "fit", lambda *a: pytest.fail("fitted"))
    with pytest.raises(InvalidParameterError, match="epochs"):
        blend(files=files, epochs=3).fit(X, y)


def test_one_object_is_told_of_progress(digits):
    class Told(list):
        def tell(self, what, done, total):
            self.append(what)

    told = Told()
    model = blend(progress=told.tell)
    model.closed_form.set_params(progress=told.tell)
    model.fit(digits[0][:100], digits[1][:100])
    assert {"training", "fitting landmarks", "solving"} <= set(told)
