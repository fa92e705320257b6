"""The dual problem of support vector machines against LIBSVM, and by its own conditions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import SVC, SVR

from ogive._errors import InvalidParameterError
from ogive.solvers.dual import DualProblem, solve_dual
from ogive.solvers.kernel_rows import KernelRows
from ogive.solvers.pairs import class_pairs, solve_pairs_on_matrix
from ogive.solvers.working_sets import solve_dual_by_sets


def gaussian(x: np.ndarray, gamma: float = 0.3) -> np.ndarray:
    squares = ((x[:, None] - x[None]) ** 2).sum(-1)
    return np.exp(-gamma * squares)


def two_classes(seed: int, first: int, second: int, width: int = 3) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.concatenate(
        [generator.normal(0, 1, (first, width)), generator.normal(0.7, 1, (second, width))]
    )


def objective(kernel: np.ndarray, problem: DualProblem, coefficient: np.ndarray) -> float:
    matrix = kernel[np.ix_(problem.columns, problem.columns)]
    return float(0.5 * coefficient @ matrix @ coefficient - problem.linear @ coefficient)


def duality_gap(kernel: np.ndarray, problem: DualProblem, solution) -> float:
    """Primal minus dual objective of a classifier, from their definitions."""
    matrix = kernel[np.ix_(problem.columns, problem.columns)]
    values = matrix @ solution.coefficient
    box = np.maximum(problem.upper, -problem.lower)
    norm = solution.coefficient @ values
    margins = problem.linear * (values + solution.intercept)
    primal = 0.5 * norm + (box * np.maximum(0, 1 - margins)).sum()
    return float(primal + objective(kernel, problem, solution.coefficient))


class TestClasses:
    @pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
    @pytest.mark.parametrize("sizes", [(1, 1), (2, 17), (40, 33), (150, 90)])
    def test_is_libsvms(self, sizes: tuple[int, int], penalty: float) -> None:
        x = two_classes(0, *sizes)
        kernel, n = gaussian(x), sum(sizes)
        problem = DualProblem.between_classes((0, sizes[0]), (sizes[0], n), np.full(n, penalty))
        solution = solve_dual(kernel, problem)
        peer = SVC(kernel="precomputed", C=penalty, tol=1e-10).fit(kernel, problem.linear)
        assert solution.converged
        np.testing.assert_allclose(
            kernel @ solution.coefficient + solution.intercept,
            peer.decision_function(kernel),
            atol=1e-6 * max(1.0, penalty),
        )

    @settings(max_examples=40, deadline=None)
    @given(
        seed=st.integers(0, 10**6),
        first=st.integers(1, 40),
        second=st.integers(1, 40),
        penalty=st.floats(1e-3, 1e3),
        double=st.booleans(),
    )
    def test_optimality(
        self, seed: int, first: int, second: int, penalty: float, *, double: bool
    ) -> None:
        kernel = gaussian(two_classes(seed, first, second))
        kernel = kernel if double else kernel.astype(np.float32)
        n = first + second
        box = penalty * np.random.default_rng(seed).uniform(0.5, 2, n)
        problem = DualProblem.between_classes((0, first), (first, n), box)
        solution = solve_dual(kernel, problem)
        beta = solution.coefficient
        assert solution.converged
        assert (beta >= problem.lower).all() and (beta <= problem.upper).all()
        assert abs(beta.sum()) < 1e-9 * box.sum()
        slope = problem.linear - kernel.astype(np.float64) @ beta
        rising, falling = slope[beta < problem.upper], slope[beta > problem.lower]
        assert rising.max(initial=-np.inf) - falling.min(initial=np.inf) <= 1.1e-3
        assert solution.objective == pytest.approx(
            objective(kernel.astype(np.float64), problem, beta), rel=1e-5, abs=1e-6
        )
        # The gap of a solution within the tolerance: the violation of each row, times its box.
        gap = duality_gap(kernel.astype(np.float64), problem, solution)
        assert gap >= -1e-5 * (1 + box.sum())
        assert gap <= 1.1e-3 * box.sum()

    def test_small_float64_problems_are_exact(self) -> None:
        x = two_classes(3, 60, 50)
        kernel = gaussian(x)
        problem = DualProblem.between_classes((0, 60), (60, 110), np.full(110, 5.0))
        assert solve_dual(kernel, problem, tolerance=0.1).violation < 1e-11

    def test_repetitions_are_weights(self) -> None:
        x = two_classes(4, 20, 20)
        twice = np.concatenate([x[:20], x[:5], x[20:]])
        box = np.ones(40)
        box[:5] = 2
        weighted = DualProblem.between_classes((0, 20), (20, 40), box)
        repeated = DualProblem.between_classes((0, 25), (25, 45), np.ones(45))
        one = solve_dual(gaussian(x), weighted)
        two = solve_dual(gaussian(twice), repeated)
        kernel = np.exp(-0.3 * ((x[:, None] - twice[None]) ** 2).sum(-1))
        np.testing.assert_allclose(
            gaussian(x) @ one.coefficient + one.intercept,
            kernel @ two.coefficient + two.intercept,
            atol=1e-9,
        )

    def test_a_limit_of_steps_keeps_the_best(self) -> None:
        kernel = gaussian(two_classes(5, 100, 100))
        problem = DualProblem.between_classes((0, 100), (100, 200), np.full(200, 100.0))
        few = solve_dual(kernel, problem, most=10)
        assert not few.converged
        assert few.steps == 10
        assert solve_dual(kernel, problem).objective < few.objective < 0

    def test_an_indefinite_matrix_ends(self) -> None:
        x = two_classes(6, 50, 50)
        kernel = np.tanh(x @ x.T)
        problem = DualProblem.between_classes((0, 50), (50, 100), np.full(100, 10.0))
        solution = solve_dual(kernel, problem)
        assert np.isfinite(solution.coefficient).all()
        assert (solution.coefficient <= problem.upper).all()


class TestValues:
    @pytest.mark.parametrize("epsilon", [0.0, 0.1])
    def test_is_libsvms(self, epsilon: float) -> None:
        x = np.random.default_rng(0).normal(size=(80, 2))
        y = np.sin(x[:, 0]) + 0.1 * x[:, 1]
        kernel = gaussian(x)
        solution = solve_dual(kernel, DualProblem.of_values(y, epsilon, np.full(80, 3.0)))
        peer = SVR(kernel="precomputed", C=3.0, epsilon=epsilon, tol=1e-9).fit(kernel, y)
        found = kernel @ solution.coefficient.reshape(2, -1).sum(0) + solution.intercept
        np.testing.assert_allclose(found, peer.predict(kernel), atol=1e-5)


class TestSets:
    @pytest.mark.parametrize("rows_kept", [4, 30, 200])
    @pytest.mark.parametrize("penalty", [0.5, 50.0])
    def test_is_the_whole_matrix_solution(self, rows_kept: int, penalty: float) -> None:
        kernel = gaussian(two_classes(7, 120, 80))
        problem = DualProblem.between_classes((0, 120), (120, 200), np.full(200, penalty))
        rows = KernelRows(
            lambda indices: kernel[indices], 200, kernel.dtype, memory=rows_kept * 200 * 8
        )
        found = solve_dual_by_sets(rows, np.diagonal(kernel).copy(), problem, tolerance=1e-6)
        whole = solve_dual(kernel, problem)
        assert found.converged
        np.testing.assert_allclose(
            kernel @ found.coefficient + found.intercept,
            kernel @ whole.coefficient + whole.intercept,
            atol=1e-4,
        )

    def test_values(self) -> None:
        x = np.random.default_rng(1).normal(size=(150, 2))
        y, kernel = np.sin(2 * x[:, 0]), gaussian(x)
        problem = DualProblem.of_values(y, 0.05, np.full(150, 2.0))
        rows = KernelRows(lambda indices: kernel[indices], 150, kernel.dtype, memory=10**6)
        found = solve_dual_by_sets(rows, np.diagonal(kernel).copy(), problem, tolerance=1e-6)
        whole = solve_dual(kernel, problem)
        assert found.objective == pytest.approx(whole.objective, rel=1e-6)

    def test_too_little_memory_is_told(self) -> None:
        with pytest.raises(InvalidParameterError, match="give at least 1600 bytes"):
            KernelRows(lambda indices: np.empty(0), 100, np.dtype("float64"), memory=1599)

    def test_rows_are_kept_and_dropped(self) -> None:
        kernel = np.arange(25.0).reshape(5, 5)
        asked: list[int] = []

        def compute(indices: np.ndarray) -> np.ndarray:
            asked.extend(indices.tolist())
            return kernel[indices]

        rows = KernelRows(compute, 5, kernel.dtype, memory=3 * 40)
        for wanted in ([0, 1], [1, 2], [0, 3], [1], [4, 0, 2]):
            np.testing.assert_array_equal(rows.take(np.array(wanted)), kernel[wanted])
        assert asked == [0, 1, 2, 3, 1, 4, 2]


class TestPairs:
    def test_layout_is_scikit_learns(self) -> None:
        generator = np.random.default_rng(2)
        x = generator.normal(size=(90, 4)) + np.repeat(np.eye(3, 4), 30, axis=0)
        codes, kernel = np.repeat([0, 1, 2], 30), gaussian(x)
        bounds = (0, 30, 60, 90)
        box = np.full(90, 2.0)
        found = solve_pairs_on_matrix(kernel, bounds, box, tolerance=1e-3, most=10**6, threads=2)
        peer = SVC(kernel="precomputed", C=2.0, tol=1e-10).fit(kernel, codes)
        np.testing.assert_allclose(found.coefficient[:, peer.support_], peer.dual_coef_, atol=1e-5)
        np.testing.assert_allclose(found.intercept, peer.intercept_, atol=1e-6)
        assert class_pairs(3) == [(0, 1), (0, 2), (1, 2)]
