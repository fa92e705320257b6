"""Attention by tiles as an operator: precision, memory, threads, torch's contract, and errors."""

import pytest
import torch

from ogive import _threads
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.kernels import Gaussian, Logistic, Sigmoid
from ogive.nn import attention_tiles
from ogive.nn.attention_operator import _backward_operator, kernel_attention_operator
from ogive.nn.kernel_attention import kernel_attention

KERNELS = ["logistic", "sigmoid"]


def draw(*shapes):
    return [torch.randn(shape, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_low_precision_is_computed_in_single(kernel, dtype):
    q, k, v = (torch.randn(1, 2, 300, 16).to(dtype).requires_grad_() for _ in range(3))
    double = [t.detach().double().requires_grad_() for t in (q, k, v)]
    found, expected = kernel_attention(q, k, v, kernel), kernel_attention(*double, kernel)
    assert found.dtype == dtype
    rounding = max(4 * torch.finfo(dtype).eps, 2e-6)  # sums of 300 terms in float32
    scale = expected.abs().max()
    assert (found.double() - expected).abs().max() <= rounding * scale
    found.float().square().sum().backward()
    expected.square().sum().backward()
    for mine, oracle in zip((q, k, v), double, strict=True):
        assert mine.grad.dtype == dtype
        error = (mine.grad.double() - oracle.grad).abs().max() / oracle.grad.abs().max()
        assert error <= 2 * rounding


@pytest.mark.parametrize("queries", [1, 2])
@pytest.mark.parametrize("width", [1, 8])
def test_small_weights_keep_their_digits(queries, width):
    """½(1 + tanh(z/2)) would lose them: of 100,000 keys each has a weight of 1e-5."""
    q, k = torch.zeros(1, queries, 4), torch.zeros(1, 100_000, 4)
    v = torch.zeros(1, 100_000, width)
    v[:, ::1000] = 1000  # few terms to a sum, for some libraries add up one after another
    found = kernel_attention(q, k, v)
    expected = torch.full((1, queries, width), 100_000 / 100_001)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_operators_keep_torchs_contract():
    q, k, v = draw((1, 2, 2, 3), (1, 1, 3, 3), (1, 1, 3, 2))
    scale, offset = draw((2,), (2,))
    padding = torch.zeros(1, 3, dtype=torch.bool)
    mask = torch.randn(1, 1, 2, 3, requires_grad=True)
    inputs = (q, k, v, scale, offset, padding, mask, "logistic", True, True)
    torch.library.opcheck(kernel_attention_operator, inputs)
    plain = [t.detach() if isinstance(t, torch.Tensor) else t for t in inputs]
    for mask_too in (False, True):
        torch.library.opcheck(
            _backward_operator,
            (torch.randn(1, 2, 2, 2), *plain, mask_too),
            test_utils=("test_schema", "test_faketensor"),
        )


def test_gradients_of_gradients_are_refused():
    q, k, v = draw((2, 5, 3), (2, 7, 3), (2, 7, 2))
    (gradient,) = torch.autograd.grad(kernel_attention(q, k, v).sum(), q, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        gradient.sum().backward()


def test_inference_mode_before_and_after():
    q, k, v = (torch.randn(2, 8, 4) for _ in range(3))
    with torch.inference_mode():
        first = kernel_attention(q, k, v)
    torch.testing.assert_close(kernel_attention(q, k, v), first)
    with torch.inference_mode():
        torch.testing.assert_close(kernel_attention(q, k, v), first)


def test_memory_does_not_hold_all_pairs():
    """Nothing as large as n × m is made, forward or backward."""
    q, k, v = (torch.randn(1, 1, 3000, 4, requires_grad=True) for _ in range(3))
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            nonlocal largest
            found = function(*arguments, **(keywords or {}))
            if isinstance(found, torch.Tensor):
                largest = max(largest, found.untyped_storage().nbytes() // 4)
            return found

    with Watch():
        kernel_attention(q, k, v, is_causal=True).sum().backward()
    assert 0 < largest <= 1024 * 256 < 3000 * 3000 / 30


def test_hidden_tiles_are_skipped(monkeypatch):
    monkeypatch.setattr(attention_tiles, "_ROWS", 4)
    monkeypatch.setattr(attention_tiles, "_COLUMNS", 4)
    monkeypatch.setattr(attention_tiles, "_FEWEST_ROWS", 4)
    q, k, v = (torch.randn(1, 16, 3) for _ in range(3))
    sizes = []
    multiply = attention_tiles.Block.multiply

    def counted(self, left, right, out):
        sizes.append(out.numel())
        return multiply(self, left, right, out)

    monkeypatch.setattr(attention_tiles.Block, "multiply", counted)

    def entries(**options):
        sizes.clear()
        kernel_attention(q, k, v, **options)
        return sum(sizes)

    diagonal = torch.block_diag(*[torch.ones(4, 4)] * 4) == 0
    assert entries() == 16 * 16
    assert entries(is_causal=True) == 10 * 16
    assert entries(attn_mask=diagonal) == 4 * 16
    assert entries(key_padding_mask=torch.arange(16) > 3) == 16 * 4


def test_an_error_in_a_thread_arrives():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _threads.run_tasks([fail], threads=2)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ("sigmiod", "did you mean 'sigmoid'"),
        (Gaussian, "none for attention"),
        (Sigmoid(0.1), "scale and offset"),
    ],
)
def test_unknown_kernels_are_refused(kernel, words):
    x = torch.zeros(1, 2, 3)
    with pytest.raises(InvalidParameterError, match=words):
        kernel_attention(x, x, x, kernel)


def test_classes_name_kernels_too():
    x = torch.randn(1, 2, 3)
    for name, kernel in (("logistic", Logistic), ("tanh", Sigmoid)):
        assert torch.equal(kernel_attention(x, x, x, name), kernel_attention(x, x, x, kernel))


@pytest.mark.parametrize(
    ("shapes", "options", "words"),
    [
        ([(2, 3), (2, 3), (2, 3)], {}, "heads, tokens, features"),
        ([(1, 2, 3), (1, 2, 4), (1, 2, 3)], {}, "query and key in features"),
        ([(1, 2, 3), (1, 2, 3), (1, 4, 3)], {}, "all but features"),
        ([(2, 1, 2, 3), (3, 1, 2, 3), (3, 1, 2, 3)], {}, "before the heads"),
        ([(4, 2, 3), (2, 2, 3), (2, 2, 3)], {}, "enable_gqa=True"),
        ([(4, 2, 3), (3, 2, 3), (3, 2, 3)], {"enable_gqa": True}, "must divide the query's, 4"),
        ([(4, 2, 3)] * 3, {"scale": torch.ones(3)}, r"scale has shape \(3,\)"),
        ([(4, 2, 3)] * 3, {"offset": torch.ones(4, 1)}, r"offset has shape \(4, 1\)"),
        ([(4, 2, 3)] * 3, {"key_padding_mask": torch.zeros(2)}, "torch.bool and shape"),
        ([(4, 2, 3)] * 3, {"attn_mask": torch.zeros(3, 2)}, r"broadcast to \(4, 2, 2\)"),
        ([(4, 2, 3)] * 3, {"attn_mask": torch.zeros(2, 2).long()}, "torch.int64"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, options, words):
    q, k, v = (torch.zeros(shape) for shape in shapes)
    with pytest.raises((InvalidDataError, InvalidParameterError), match=words):
        kernel_attention(q, k, v, **options)
