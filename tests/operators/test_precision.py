"""Exact fast products: which data have them, why others do not, and the switch restored."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits

from ogive._errors import InvalidParameterError
from ogive.operators import precision
from ogive.operators.precision import (
    choose_precision,
    exact_products,
    fast_bfloat16,
    find_lattice,
)
from ogive.testing import lattice_data

needs_bfloat16 = pytest.mark.skipif(not fast_bfloat16(), reason="no fast bfloat16 product here")
DATA = {name: torch.tensor(rows) for name, rows in lattice_data(300, 20).items()}
STEPS = {"pixels": 1 / 255, "centred pixels": 1 / 255, "codes": 1 / 16}
NOISE = torch.tensor(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32))


def pretend(monkeypatch, *, bfloat16, eight_bits):
    monkeypatch.setattr(precision, "fast_bfloat16", lambda: bfloat16)
    monkeypatch.setattr(precision, "fast_whole_products", lambda: eight_bits)


@pytest.fixture(params=["8 bits", "bfloat16", "both"])
def processor(monkeypatch, request):
    """Pretend that the processor has fast products: choosing needs no real ones."""
    kinds = ("bfloat16", "8 bits") if request.param == "both" else (request.param,)
    pretend(monkeypatch, bfloat16="bfloat16" in kinds, eight_bits="8 bits" in kinds)
    return kinds


def setting():
    return torch.backends.mkldnn.matmul.fp32_precision


def test_the_switch_is_on_within_the_block_only():
    before = setting()
    with exact_products():
        assert setting() == "bf16"
        with exact_products():
            assert setting() == "bf16"
        assert setting() == "bf16"
    assert setting() == before != "bf16"


def test_the_switch_is_restored_after_an_exception():
    before = setting()
    with pytest.raises(ZeroDivisionError), exact_products():
        assert setting() == "bf16"
        raise ZeroDivisionError
    assert setting() == before


def test_an_operator_leaves_the_switch_alone(processor):
    from ogive.kernels import CallableKernel, Gaussian, Linear
    from ogive.operators import KernelOperator

    before = setting()

    def broken(x, z):
        raise ZeroDivisionError

    op = KernelOperator(Gaussian(0.1) + CallableKernel(broken), DATA["pixels"])
    assert op.precision.name == "exact"
    with pytest.raises(ZeroDivisionError):
        op.to_dense()
    assert setting() == before
    blocks = KernelOperator(Linear(), DATA["pixels"], memory="20 kB").row_blocks()
    next(blocks)  # a generator that is never finished
    assert setting() == before


@pytest.mark.parametrize("name", DATA)
def test_lattices_are_found_and_explained(name, processor):
    rows, step = DATA[name], STEPS.get(name, 1.0)
    found = choose_precision(rows, rows)
    assert found.name == "exact" and found.lattice.step == step
    assert found.lattice.eight_bits == ("8 bits" in processor)
    assert (
        str(found) == f"exact: the data are whole multiples of {'1/' * (step < 1)}{round(1 / step)}"
    )
    whole = found.lattice.coordinates(rows, torch.empty_like(rows))
    assert bool((whole == whole.round()).all())
    assert float(whole.min()) >= -128 and float(whole.max()) <= 127
    back = found.lattice.origin + step * whole
    assert float((back - rows).abs().max()) <= 1e-6 * max(1.0, float(rows.abs().max()))


def test_digits_of_sixteen_grey_levels(processor):
    X = torch.tensor((load_digits().data / 16).astype(np.float32))
    found = choose_precision(X[:1000], X[1000:])
    assert found.name == "exact" and found.lattice.step == 1 / 16
    raw = torch.tensor(load_digits().data.astype(np.float32))
    assert choose_precision(raw, raw).lattice.step == 1.0


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (NOISE, "common step"),
        (DATA["pixels"].double(), "float32"),
        (sparse.csr_matrix(DATA["pixels"].numpy()), "sparse"),
        (DATA["pixels"] + 1e-4 * torch.arange(300.0)[:, None], "common step"),
        (DATA["counts"] * 20, "common step"),  # spread of 780: more than nine bits
        (DATA["pixels"] + 1e5, "common step"),  # float32 has no digits left for the step
        (DATA["counts"].clone().index_fill_(0, torch.tensor([299]), 0.3), "common step"),
    ],
    ids=["noise", "float64", "sparse", "drift", "wide", "far", "one row"],
)
def test_other_data_are_multiplied_in_full_and_the_reason_is_told(x, reason, processor):
    found = choose_precision(x, x)
    assert found.name == "full" and found.lattice is None
    assert reason in found.reason and str(found).startswith("full: ")
    with pytest.raises(InvalidParameterError, match=f"impossible.*{reason}"):
        choose_precision(x, x, "exact")


def test_both_sides_must_lie_on_one_lattice(processor):
    pixels = DATA["pixels"]
    assert choose_precision(pixels, pixels.double()).name == "full"
    assert choose_precision(pixels, pixels + 0.3 / 255).name == "full"
    # Both together have 266 levels, which bfloat16 holds and 8 bits do not.
    shifted = choose_precision(pixels, pixels + 10 / 255)
    assert shifted.name == ("exact" if "bfloat16" in processor else "full")
    assert choose_precision(pixels, NOISE.repeat(1, 5)).name == "full"
    assert choose_precision(NOISE.repeat(1, 5), pixels).name == "full"
    # The first rows alone would pass: all rows are looked at.
    spoiled = pixels.clone()
    spoiled[250, 3] += 0.4 / 255
    assert choose_precision(pixels, spoiled).name == "full"


def test_nine_bits_need_bfloat16(monkeypatch):
    counts = torch.arange(280.0).repeat(20, 1).T.contiguous()
    pretend(monkeypatch, bfloat16=True, eight_bits=True)
    found = choose_precision(counts, counts)
    assert found.name == "exact" and not found.lattice.eight_bits
    pretend(monkeypatch, bfloat16=False, eight_bits=True)
    found = choose_precision(counts, counts)
    assert found.name == "full" and "so wide a range" in found.reason
    assert choose_precision(counts[:256], counts[:256]).lattice.eight_bits


def test_few_columns_are_not_worth_eight_bits(monkeypatch):
    pretend(monkeypatch, bfloat16=True, eight_bits=True)
    narrow = DATA["pixels"][:, :15]
    assert not choose_precision(narrow, narrow).lattice.eight_bits


def test_few_rows_are_not_worth_looking_at(processor):
    found = choose_precision(DATA["pixels"][:31], DATA["pixels"])
    assert (found.name, found.reason) == ("full", "few rows")
    assert choose_precision(DATA["pixels"][:31], DATA["pixels"], "exact").name == "exact"


def test_a_processor_without_fast_products(monkeypatch):
    pretend(monkeypatch, bfloat16=False, eight_bits=False)
    found = choose_precision(DATA["pixels"], DATA["pixels"])
    assert found.name == "full" and "processor" in found.reason


def test_what_was_asked_for():
    found = choose_precision(DATA["pixels"], DATA["pixels"], "full")
    assert (found.name, found.reason, found.lattice) == ("full", "asked for", None)
    with pytest.raises(InvalidParameterError, match="did you mean 'exact'"):
        choose_precision(NOISE, NOISE, "exakt")


def test_the_middle_of_each_column_is_the_origin():
    counts = torch.tensor([[0.0, 100.0], [512.0, 101.0]])
    lattice = find_lattice(counts, counts)
    assert lattice.origin.tolist() == [256.0, 101.0]
    assert find_lattice(counts * 1.01, counts) is None


@needs_bfloat16
def test_the_switch_does_what_it_is_for():
    # Whole numbers of eight bits are exact, others are rounded: shows that the switch is real.
    # (For narrower rows some processors' libraries leave it aside.)
    whole, noise = torch.randint(-128, 128, (300, 784)).float(), torch.randn(300, 784)
    with exact_products():
        assert torch.equal(whole @ whole.T, (whole.double() @ whole.double().T).float())
        rounded = noise @ noise.T
    assert not torch.equal(rounded, noise @ noise.T)
