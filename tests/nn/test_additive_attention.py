"""Additive attention: naive oracle, its own error bound, contract, masks, bad inputs."""

import inspect
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.nn import additive_interpolation, additive_sums
from ogive.nn.additive_attention import (
    AdditiveAttention,
    additive_attention,
    additive_attention_bound,
    additive_weights,
)
from ogive.nn.additive_interpolation import ClippedInterpolation, pole_bound
from ogive.operators.chebyshev import interpolation_bound
from ogive.testing.layer_contract import LAYER_CHECKS, LayerCase
from ogive.testing.tolerances import assert_close

# So many nodes that only rounding is left.
EXACT = ClippedInterpolation(nodes=96)


@pytest.fixture(autouse=True)
def plain_basis(monkeypatch):
    """Take the basis without the tests' own shape checks, which cannot be compiled."""
    monkeypatch.setattr(
        additive_interpolation, "signed_basis", inspect.unwrap(additive_interpolation.signed_basis)
    )


def naive(u, v, value, valid=None, is_causal=False, low=-8.0, high=8.0):
    """Return the sums by the formula, in numpy and by loops, for one batch."""
    u, v, value = (t.detach().double().numpy() for t in (u, v, value))
    answer = np.zeros((len(u), value.shape[1]))
    for i in range(len(u)):
        seen = [
            j for j in range(len(v)) if (valid is None or valid[j]) and not (is_causal and j > i)
        ]
        for j in seen:
            answer[i] += value[j] / (1 + math.exp(-(min(max(u[i], low), high) + v[j])))
        answer[i] /= max(len(seen), 1)
    return answer


def drawn(n, m, d, *batch, scale=2.0, dtype=torch.float64):
    u, v = torch.randn(*batch, n, dtype=dtype), torch.randn(*batch, m, dtype=dtype)
    return scale * u, scale * v, torch.randn(*batch, m, d, dtype=dtype)


def contract_case(name, keys, make, call=lambda layer: layer):
    def inputs(dtype):
        generator = torch.Generator().manual_seed(5)
        return tuple(
            torch.randn(2, tokens, width, generator=generator).to(dtype)
            for tokens, width in ((3, 4), keys[:2], (keys[0], keys[2]))
        )

    return LayerCase(name, lambda dtype: call(make(dtype)), inputs, leading=False)


class Causal(AdditiveAttention):
    """The layer with a causal mask, and padding, for checks that pass no options."""

    def forward(self, query, key, value):
        padding = torch.arange(key.shape[-2]) == 1
        return super().forward(query, key, value, padding.expand(key.shape[:-1]), is_causal=True)


def attention(dtype):
    return AdditiveAttention(4, 2, nodes=6, low=-4.0, high=4.0, dtype=dtype)


def causal_attention(dtype):
    return Causal(4, 4, kdim=3, vdim=5, bias=False, nodes=6, low=-4.0, high=4.0, dtype=dtype)


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize(
    "case",
    [
        contract_case("additive attention", (3, 4, 4), attention),
        contract_case("causal, padded, cross", (5, 3, 5), causal_attention),
    ],
    ids=str,
)
def test_contract(case, check):
    check(case)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(
    ("n", "m", "d", "chunk"),
    [(1, 1, 1, 64), (7, 7, 3, 3), (9, 9, 2, 1), (8, 8, 2, 4), (5, 9, 2, 2), (9, 4, 2, 3)],
)
def test_naive_formula(n, m, d, chunk, is_causal, padded):
    u, v, value = drawn(n, m, d)
    valid = torch.arange(m) % 3 != 0 if padded else None
    found = additive_attention(
        u, v, value, valid=valid, is_causal=is_causal, interpolation=EXACT, chunk=chunk
    )
    expected = naive(u, v, value, valid, is_causal)
    assert_close(found, expected, "fit", torch.float64)
    clipped = EXACT.clipped(u)
    weights = additive_weights(clipped, v, valid=valid, is_causal=is_causal)
    assert_close(weights @ value, expected, "product", torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("nodes", [8, 16, 32, 48])
def test_error_is_within_its_bound(nodes, is_causal, dtype):
    """Also where u is clipped, and v far out."""
    plan = ClippedInterpolation(nodes, -6.0, 7.0)
    u, v, value = drawn(300, 300, 3, scale=4.0, dtype=dtype)
    valid = torch.rand(300) > 0.2
    options = {"valid": valid, "is_causal": is_causal, "interpolation": plan}
    found = additive_attention(u, v, value, **options).double()
    weights = additive_weights(
        plan.clipped(u).double(), v.double(), valid=valid, is_causal=is_causal
    )
    error = (found - weights @ value.double()).abs()
    bound = additive_attention_bound(value, 300, **options)
    assert (error <= bound).all()
    assert nodes > 16 or float((error / bound).max()) > 1e-3, "the bound says nothing"


@pytest.mark.parametrize("half", [2.0, 6.0, 8.0, 12.0])
@pytest.mark.parametrize("nodes", [2, 8, 9, 16, 24, 40])
def test_pole_bound_holds_and_is_sharp(half, nodes):
    """Against the largest error on a grid of u and v; and far below the bound of an ellipse."""
    plan = ClippedInterpolation(nodes, -half, half)
    u = torch.linspace(-half, half, 601, dtype=torch.float64)
    v = torch.linspace(-2 * half, 2 * half, 301, dtype=torch.float64)
    identity = torch.eye(len(v), dtype=torch.float64)
    found = plan.interpolated(u, plan.sampled(v, identity))
    error = float((found - torch.sigmoid(u[:, None] + v)).abs().max())
    bound = pole_bound(half, nodes)
    rounding = 1e-13
    assert error <= bound + rounding
    if nodes >= 8 and bound > 100 * rounding:
        assert bound <= 1.15 * error + rounding
        assert bound < 0.1 * interpolation_bound(half, nodes)


@given(
    st.integers(0, 30), st.integers(0, 30), st.integers(1, 8), st.booleans(), st.integers(0, 10**6)
)
def test_chunks_and_padding_change_nothing(n, m, chunk, is_causal, seed):
    """Padded keys, whatever they hold, are as good as absent; chunks of any size agree."""
    torch.manual_seed(seed)
    u, v, value = drawn(n, m, 2)
    keep = torch.rand(m) > 0.4
    spoiled = [t.clone() for t in (v, value)]
    for tensor in spoiled:
        tensor[~keep] = math.nan
    options = {"is_causal": is_causal, "interpolation": EXACT}
    found = additive_attention(u, *spoiled, valid=keep, chunk=chunk, **options)
    assert_close(found, naive(u, v, value, keep, is_causal), "fit", torch.float64)
    if not is_causal:
        without = additive_attention(u, v[keep], value[keep], **options)
        assert_close(found, without, "fit", torch.float64)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("span", [1, 6, 40])
def test_spans_change_nothing(span, is_causal, monkeypatch):
    inputs = [t.requires_grad_() for t in drawn(33, 33, 2, 2, 3)]
    options = {"is_causal": is_causal, "chunk": 4, "valid": torch.rand(2, 3, 33) > 0.3}
    answers = []
    for length in (10**6, span):
        monkeypatch.setattr(additive_sums, "_SPAN_TOKENS", length)
        answer = additive_attention(*inputs, **options)
        answers.append([answer, *torch.autograd.grad(answer.square().sum(), inputs)])
    for found, expected in zip(*answers, strict=True):
        assert_close(found, expected, "gradient", torch.float64)


def test_causal_rows_do_not_depend_on_what_follows():
    u, v, value = drawn(200, 200, 3)
    before = additive_attention(u, v, value, is_causal=True)
    later = [t.clone() for t in (u, v, value)]
    for tensor in later:
        tensor[150:] += 3.0
    after = additive_attention(*later, is_causal=True)
    assert torch.equal(before[:150], after[:150])
    assert not torch.equal(before[150:], after[150:])


def test_rows_without_a_key_are_zero():
    u, v, value = drawn(6, 6, 2, 2)
    valid = torch.tensor([[False] * 6, [False, False, True, True, True, True]])
    assert not additive_attention(u, v, value, valid=valid)[0].any()
    causal = additive_attention(u, v, value, valid=valid, is_causal=True, chunk=4)
    assert not causal[0].any() and not causal[1, :2].any() and causal[1, 2:].all()


def test_layer_is_the_formula():
    """Projections, heads and normalisation, by einsum; the dense weights are those that act."""
    torch.manual_seed(0)
    layer = AdditiveAttention(6, 3, kdim=4, vdim=5, nodes=96, dtype=torch.float64)
    with torch.no_grad():
        layer.gamma.normal_()
    query, key, value = (torch.randn(2, t, w).double() for t, w in ((5, 6), (7, 4), (7, 5)))
    padding = torch.zeros(2, 7, dtype=torch.bool)
    padding[1, 4:] = True
    answer, weights = layer(query, key, value, padding, need_weights=True)
    argument = (
        torch.einsum("bie,he->bhi", query, layer.alpha)[..., :, None]
        + torch.einsum("bjk,hk->bhj", key, layer.beta)[..., None, :]
        + layer.gamma[:, None, None]
    )
    expected = torch.sigmoid(argument) * ~padding[:, None, None, :]
    expected = expected / (~padding).sum(1)[:, None, None, None]
    assert_close(weights, expected.mean(1), "product", torch.float64)
    heads = layer.value_projection(value).view(2, 7, 3, 2)
    context = torch.einsum("bhij,bjhw->bihw", expected, heads).reshape(2, 5, 6)
    assert_close(answer, layer.output_projection(context), "fit", torch.float64)
    _, each = layer(query, key, value, padding, need_weights=True, average_attn_weights=False)
    assert_close(each, expected, "product", torch.float64)
    assert layer(query, key, value)[1] is None


@pytest.mark.parametrize("is_causal", [False, True])
def test_layers_bound_holds(is_causal):
    torch.manual_seed(0)
    layer = AdditiveAttention(8, 2, nodes=12, low=-4.0, high=4.0, dtype=torch.float64)
    fine = AdditiveAttention(8, 2, nodes=96, low=-4.0, high=4.0, dtype=torch.float64)
    fine.load_state_dict(layer.state_dict())
    x = torch.randn(2, 150, 8, dtype=torch.float64)
    padding = torch.rand(2, 150) > 0.8
    arguments = (x, x, x, padding)
    error = layer(*arguments, is_causal=is_causal)[0] - fine(*arguments, is_causal=is_causal)[0]
    bound = layer.error_bound(*arguments, is_causal=is_causal)
    assert (error.abs() <= bound).all() and bool(error.any())
    assert bound.shape == (2, 150 if is_causal else 1, 8)


def test_leading_dimensions():
    layer = AdditiveAttention(4, 2)
    x = torch.randn(2, 3, 5, 4)
    expected = layer(x, x, x, is_causal=True)[0]
    assert expected.shape == x.shape
    for i, j in itertools.product(range(2), range(3)):
        single = layer(x[i, j], x[i, j], x[i, j], is_causal=True)[0]
        assert_close(single, expected[i, j], "product", torch.float32)
    none = layer(x[:, :, :0], x, x, is_causal=True)[0]
    assert none.shape == (2, 3, 0, 4)


def test_one_head_ranks_keys_alike_for_all_queries():
    layer = AdditiveAttention(4, 2)
    x = torch.randn(30, 4)
    _, weights = layer(x, x, x, need_weights=True, average_attn_weights=False)
    orders = weights.argsort(-1)
    assert torch.equal(orders, orders[:, :1].expand_as(orders))
    _, average = layer(x, x, x, need_weights=True)
    assert not torch.equal(average.argsort(-1), average.argsort(-1)[:1].expand_as(average))


def test_half_precision_is_summed_in_float32():
    u, v, value = drawn(5000, 5000, 2, dtype=torch.float32)
    low = [t.bfloat16() for t in (u, v, value)]
    found = additive_attention(*low, is_causal=True)
    assert found.dtype == torch.bfloat16
    expected = additive_attention(*(t.float() for t in low), is_causal=True)
    assert torch.equal(found, expected.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(additive_attention(u, v, value), additive_attention(u, v, value))
        assert additive_attention(u, v, value).dtype == torch.float32


def test_memory_is_linear():
    """What is kept for the backward pass grows with the tokens, not with their square."""
    kept = []
    for n in (512, 2048):
        sizes = []
        u, v, value = (t.requires_grad_() for t in drawn(n, n, 4))
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda t, s=sizes: s.append(t.numel()) or t, lambda t: t
        )
        with hooks:
            additive_attention(u, v, value, is_causal=True)
        kept.append(sum(sizes))
    assert kept[1] < 4.5 * kept[0]


def test_export_with_any_length():
    layer = AdditiveAttention(4, 2).eval()
    x, longer = torch.randn(1, 70, 4), torch.randn(1, 333, 4)
    tokens = {1: torch.export.Dim("tokens", min=2, max=100_000)}
    program = torch.export.export(layer, (x, x, x), dynamic_shapes=(tokens, tokens, tokens))
    found = program.module()(longer, longer, longer)[0]
    assert_close(found, layer(longer, longer, longer)[0], "product", torch.float32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embed_dim": 0}, "embed_dim=0"),
        ({"num_heads": 3}, "num_heads=3 does not divide embed_dim=8"),
        ({"kdim": -1}, "kdim=-1"),
        ({"nodes": 1}, "nodes=1"),
        ({"low": 1.0, "high": 1.0}, "low=1.0, high=1.0"),
        ({"high": math.inf}, "high=inf"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(InvalidParameterError, match=message):
        AdditiveAttention(**{"embed_dim": 8, "num_heads": 2, **options})


def test_bad_inputs():
    layer = AdditiveAttention(4, 2, kdim=3)
    query, key, value = torch.zeros(5, 4), torch.zeros(6, 3), torch.zeros(6, 4)
    with pytest.raises(InvalidParameterError, match="is_causal=True for the causal mask"):
        layer(query, key, value, attn_mask=torch.zeros(5, 6))
    with pytest.raises(InvalidDataError, match=r"key has shape \(6, 4\).*tokens, 3"):
        layer(query, value, value)
    with pytest.raises(InvalidDataError, match="as many as each other"):
        layer(query, key, value[:5])
    with pytest.raises(InvalidDataError, match="same dimensions"):
        layer(query[None], key, value)
    for mask in (torch.zeros(6), torch.zeros(5, dtype=torch.bool)):
        with pytest.raises(InvalidDataError, match=r"torch.bool and \(6,\)"):
            layer(query, key, value, mask)
    with pytest.raises(InvalidParameterError, match="chunk=0"):
        additive_attention(torch.zeros(2), torch.zeros(2), torch.zeros(2, 1), chunk=0)
