"""Attention by tiles, against a dense float64 formula written with loops over queries."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.kernels import Gaussian, Logistic, Sigmoid
from ogive.nn import attention_threads, attention_tiles
from ogive.nn.attention_operator import _backward_operator, kernel_attention_operator
from ogive.nn.attention_scores import attention_weights
from ogive.nn.kernel_attention import kernel_attention

KERNELS = ["logistic", "sigmoid"]


def sees(i, j, n, m, item, head, *, is_causal, padding, mask):
    """Whether query i may see key j."""
    if is_causal and j > i + m - n:
        return False
    if padding is not None and padding[item, j]:
        return False
    if mask is None:
        return True
    entry = mask[item, head, i, j]
    return not bool(entry) if mask.dtype == torch.bool else bool(entry > -math.inf)


def naive(q, k, v, kernel, scale, offset, *, is_causal=False, padding=None, mask=None):
    """Answer each query by itself, from the keys it may see and nothing else."""
    (batch, heads, n, _), m = q.shape, k.shape[2]
    members = heads // k.shape[1]
    if mask is not None:
        mask = mask.expand(batch, heads, n, m)
    answers = []
    for item in range(batch):
        for head in range(heads):
            for i in range(n):
                options = {"is_causal": is_causal, "padding": padding, "mask": mask}
                seen = [j for j in range(m) if sees(i, j, n, m, item, head, **options)]
                keys, values = k[item, head // members, seen], v[item, head // members, seen]
                z = scale[head] * (keys @ q[item, head, i]) + offset[head]
                if mask is not None and mask.dtype != torch.bool:
                    z = z + mask[item, head, i, seen]
                count = max(1, len(seen))
                if kernel == "logistic":
                    weights = 1 / (1 + torch.exp(-(z - math.log(count))))
                else:
                    weights = torch.tanh(z) / count
                answers.append(weights @ values)
    return torch.stack(answers).view(batch, heads, n, -1) if answers else q.new_zeros(v.shape)


def draw(batch=2, heads=4, key_heads=2, n=5, m=7, d=3, e=2, dtype=torch.float64):
    """Draw queries, keys, values, scales and offsets that ask for gradients."""
    shapes = [(batch, heads, n, d), (batch, key_heads, m, d), (batch, key_heads, m, e)]
    tensors = [torch.randn(s, dtype=dtype) for s in [*shapes, (heads,), (heads,)]]
    return [t.requires_grad_() for t in tensors]


def draw_mask(kind, batch, heads, n, m):
    if kind == "bool":
        return torch.rand(n, m) < 0.4
    if kind == "bool of keys":
        return torch.rand(batch, heads, 1, m) < 0.4
    if kind == "floats":
        mask = torch.randn(heads, n, m, dtype=torch.float64)
        return mask.masked_fill(torch.rand(heads, n, m) < 0.3, -math.inf).requires_grad_()
    if kind == "floats of queries":
        return torch.randn(batch, 1, n, 1, dtype=torch.float64, requires_grad=True)
    return None


MASKS = [None, "bool", "bool of keys", "floats", "floats of queries"]


def agree(q, k, v, scale, offset, kernel, is_causal, padding, mask):
    """Compare answers and all gradients with the naive formula."""
    found = kernel_attention(
        q, k, v, kernel, scale=scale, offset=offset, is_causal=is_causal,
        key_padding_mask=padding, attn_mask=mask, enable_gqa=True,
    )  # fmt: skip
    expected = naive(
        q, k, v, kernel, scale, offset, is_causal=is_causal, padding=padding, mask=mask
    )
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    inputs = [q, k, v, scale, offset]
    if mask is not None and mask.requires_grad:
        inputs.append(mask)
    upstream = torch.randn_like(found)
    for gradient, oracle in zip(
        torch.autograd.grad(found, inputs, upstream),
        torch.autograd.grad(expected, inputs, upstream, allow_unused=True, materialize_grads=True),
        strict=True,
    ):
        torch.testing.assert_close(gradient, oracle, rtol=1e-9, atol=1e-11)


@given(
    sizes=st.tuples(st.integers(1, 2), st.sampled_from([(1, 1), (4, 2), (3, 3), (4, 1)])),
    n=st.integers(1, 6),
    m=st.integers(1, 6),
    kernel=st.sampled_from(KERNELS),
    is_causal=st.booleans(),
    padded=st.booleans(),
    kind=st.sampled_from(MASKS),
    seed=st.integers(0, 1000),
)
def test_agrees_with_the_naive_formula(sizes, n, m, kernel, is_causal, padded, kind, seed):
    torch.manual_seed(seed)
    batch, (heads, key_heads) = sizes
    padding = torch.rand(batch, m) < 0.4 if padded else None
    tensors = draw(batch, heads, key_heads, n, m)
    agree(*tensors, kernel, is_causal, padding, draw_mask(kind, batch, heads, n, m))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("kind", [None, "padding", "floats"])
def test_many_tiles_on_several_threads(monkeypatch, threads, kernel, is_causal, kind):
    monkeypatch.setattr(attention_tiles, "_ROWS", 8)
    monkeypatch.setattr(attention_tiles, "_COLUMNS", 6)
    monkeypatch.setattr(attention_tiles, "_FEWEST_ROWS", 4)
    monkeypatch.setattr("ogive.nn.attention_operator._WORTH_THREADS", 0)
    padding = torch.rand(2, 29) < 0.4 if kind == "padding" else None
    mask = draw_mask("floats", 2, 4, 21, 29) if kind == "floats" else None
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        agree(*draw(n=21, m=29), kernel, is_causal, padding, mask)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("is_causal", [False, True])
def test_more_rows_and_columns_than_a_tile_of_ordinary_size(kernel, is_causal):
    with torch.no_grad():
        tensors = draw(1, 2, 1, n=1100, m=700)
        q, k, v, scale, offset = tensors
        found = kernel_attention(
            q, k, v, kernel, scale=scale, offset=offset, is_causal=is_causal, enable_gqa=True
        )
        some = [0, 399, 400, 401, 800, 1099]
        mask = torch.ones(1100, 700, dtype=torch.bool).triu(-399) if is_causal else None
        some_mask = None if mask is None else mask[some]
        expected = naive(q[:, :, some], k, v, kernel, scale, offset, mask=some_mask)
    torch.testing.assert_close(found[:, :, some], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("batch", [0, 2])
def test_nothing_to_attend_to_or_nobody_who_attends(kernel, sizes, batch):
    q, k, v, scale, offset = draw(batch=batch, n=sizes[0], m=sizes[1])
    found = kernel_attention(q, k, v, kernel, scale=scale, offset=offset, enable_gqa=True)
    assert found.shape == (batch, 4, sizes[0], 2)
    assert not found.any()
    for gradient in torch.autograd.grad(found.sum(), [q, k, v, scale, offset]):
        assert not gradient.any()


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_query_that_sees_nothing_is_answered_by_zeros_and_learns_nothing(kernel):
    q, k, v, scale, offset = draw(batch=2)
    padding = torch.zeros(2, 7, dtype=torch.bool)
    padding[1] = True
    with torch.no_grad():
        k[1] = math.nan  # what stands in padding does not matter
    found = kernel_attention(
        q, k, v, kernel, scale=scale, offset=offset, key_padding_mask=padding, enable_gqa=True
    )
    assert found[0].all()
    assert not found[1].any()
    for gradient in torch.autograd.grad(found.sum(), [q, k, v, scale, offset]):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n", [3, 7])
def test_the_last_query_sees_all_keys_when_causal(kernel, n):
    """So that decoding one token after another gives what all at once gives."""
    q, k, v, *_ = draw(key_heads=4, n=7)
    whole = kernel_attention(q, k, v, kernel, is_causal=True)
    last = kernel_attention(q[:, :, 7 - n :], k, v, kernel, is_causal=True)
    torch.testing.assert_close(last, whole[:, :, 7 - n :])
    single = kernel_attention(q[:, :, 6:], k, v, kernel)
    torch.testing.assert_close(single, whole[:, :, 6:])


@pytest.mark.parametrize("kernel", KERNELS)
def test_padding_is_as_good_as_leaving_keys_out(kernel):
    q, k, v, *_ = draw(key_heads=4)
    padding = torch.tensor([[False, True, False, False, True, True, False]]).expand(2, -1)
    kept = ~padding[0]
    found = kernel_attention(q, k, v, kernel, key_padding_mask=padding)
    torch.testing.assert_close(found, kernel_attention(q, k[:, :, kept], v[:, :, kept], kernel))


@pytest.mark.parametrize("kernel", KERNELS)
def test_is_causal_is_the_mask_that_transformers_make(kernel):
    q, k, v, *_ = draw(key_heads=4, m=5)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64)
    causal = kernel_attention(q, k, v, kernel, is_causal=True)
    torch.testing.assert_close(kernel_attention(q, k, v, kernel, attn_mask=mask), causal)
    hidden = mask < 0
    torch.testing.assert_close(kernel_attention(q, k, v, kernel, attn_mask=hidden), causal)


def test_the_two_kernels_are_one_but_for_their_normalisation():
    """tanh(z) = 2σ(2z) - 1."""
    q, k, v, *_ = draw(key_heads=4)
    signed = kernel_attention(q, k, v, "tanh", scale=0.3, offset=0.1, normalise=False)
    logistic = kernel_attention(q, k, v, "logistic", scale=0.6, offset=0.2, normalise=False)
    torch.testing.assert_close(signed, 2 * logistic - v.sum(-2, keepdim=True))


def test_the_default_scale_is_that_of_softmax_attention():
    q, k, v, *_ = draw(key_heads=4, d=9)
    torch.testing.assert_close(
        kernel_attention(q, k, v), kernel_attention(q, k, v, scale=torch.tensor(1 / 3), offset=0)
    )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_any_number_of_dimensions_may_come_first(kernel, shape):
    q, k, v = (torch.randn(*shape, 2, 4, 3) for _ in range(3))
    padding = torch.rand(*shape, 4) < 0.3
    mask = torch.rand(*shape, 2, 4, 4) < 0.3
    found = kernel_attention(q, k, v, kernel, key_padding_mask=padding, attn_mask=mask)
    weights = attention_weights(q, k, kernel, key_padding_mask=padding, attn_mask=mask)
    torch.testing.assert_close(found, weights @ v)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("normalise", [True, False])
def test_dense_weights_agree(kernel, normalise):
    q, k, v, scale, offset = draw()
    padding, mask = torch.rand(2, 7) < 0.3, draw_mask("floats", 2, 4, 5, 7)
    options = {"scale": scale, "offset": offset, "is_causal": True, "key_padding_mask": padding}
    options |= {"attn_mask": mask, "normalise": normalise}
    weights = attention_weights(q, k, kernel, **options)
    found = kernel_attention(q, k, v, kernel, enable_gqa=True, **options)
    torch.testing.assert_close(found, weights @ v.repeat_interleave(2, 1))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("is_causal", [False, True])
def test_gradients_agree_with_finite_differences(kernel, is_causal):
    mask = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)

    def attend(q, k, v, scale, offset, mask):
        return kernel_attention(
            q, k, v, kernel, scale=scale, offset=offset, attn_mask=mask,
            is_causal=is_causal, enable_gqa=True,
        )  # fmt: skip

    assert gradcheck(attend, (*draw(), mask))


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
    found = kernel_attention(q, k, torch.ones(1, 100_000, width))
    expected = torch.full((1, queries, width), 100_000 / 100_001)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_operators_keep_torchs_contract():
    q, k, v, scale, offset = draw(1, 2, 1, 2, 3, dtype=torch.float32)
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
    q, k, v, *_ = draw(key_heads=4)
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
        attention_threads.run_tasks([fail], threads=2)


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
