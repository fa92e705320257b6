"""Attention by tiles, against a dense float64 formula written with loops over queries."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from ogive.nn import attention_tiles
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
