"""Settings of the command line as estimators on the components of their kernel."""

import pytest

from ogive.models import Settings
from ogive.models.machines import LANDMARKS, make_estimator


@pytest.mark.parametrize(
    ("settings", "name", "parameters"),
    [
        (Settings("logistic"), "KernelLogistic", {"alpha": 0.01, "n_components": LANDMARKS}),
        (Settings("logistic", alpha=2.0, landmarks=9), "KernelLogistic", {"n_components": 9}),
        (Settings("discriminant"), "KernelDiscriminant", {"mu": 1e-3, "n_components": LANDMARKS}),
        (Settings("discriminant", mu=0.5, seed=3), "KernelDiscriminant", {"mu": 0.5}),
        (Settings("pca"), "KernelPCA", {"n_components": 2, "n_landmarks": LANDMARKS}),
        (
            Settings("pca", "linear", components=7),
            "KernelPCA",
            {"n_components": 7, "n_landmarks": 6},
        ),
        (
            Settings("pca", landmarks=0),
            "KernelPCA",
            {"n_landmarks": None, "approximation": "exact"},
        ),
    ],
    ids=str,
)
def test_settings_of_machines_on_components(settings, name, parameters):
    estimator = make_estimator(settings, 5, classes=True)
    found = estimator.get_params(deep=False)
    assert type(estimator).__name__ == name
    assert {key: found[key] for key in parameters} == parameters
    assert found["random_state"] == settings.seed
