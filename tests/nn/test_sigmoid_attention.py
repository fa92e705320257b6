"""The attention layer: the contract of layers, and that of `nn.MultiheadAttention`."""

import pytest
import torch
from torch import nn

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.nn.sigmoid_attention import SigmoidAttention
from ogive.testing.layer_contract import LAYER_CHECKS, LayerCase


def tokens(dtype, *, features=8, n=5):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(n, 2, features, generator=generator, dtype=torch.float64).to(dtype)


def self_inputs(dtype):
    x = tokens(dtype)
    return x, x.clone(), x.clone()


def cross_inputs(dtype):
    generator = torch.Generator().manual_seed(3)
    padding = torch.rand(2, 7, generator=generator) < 0.3
    return tokens(dtype), tokens(dtype, features=6, n=7), tokens(dtype, features=3, n=7), padding


CASES = [
    LayerCase(
        "logistic",
        lambda dtype: SigmoidAttention(8, 2, dtype=dtype),
        self_inputs,
        leading=False,
        twice=False,
    ),
    LayerCase(
        "sigmoid, other widths, shared keys, normalised",
        lambda dtype: SigmoidAttention(
            8, 4, "sigmoid", kdim=6, vdim=3, num_key_value_heads=2, qk_norm=True, dtype=dtype
        ),
        cross_inputs,
        leading=False,
        twice=False,
    ),
]


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer_contract(case, check):
    check(case)


@pytest.mark.parametrize("kernel", ["logistic", "sigmoid"])
@pytest.mark.parametrize("masks", [False, True])
def test_the_formula_of_the_docstring(kernel, masks):
    torch.manual_seed(0)
    layer = SigmoidAttention(6, 3, kernel, dtype=torch.float64, batch_first=True)
    nn.init.normal_(layer.gamma)
    nn.init.normal_(layer.coef0)
    x = torch.randn(2, 4, 6, dtype=torch.float64)
    padding = torch.tensor([[False] * 4, [False, False, True, True]]) if masks else None
    hidden = torch.ones(4, 4, dtype=torch.bool).triu(1) if masks else None
    found, weights = layer(x, x, x, padding, need_weights=True, attn_mask=hidden)
    projections = (layer.query_projection, layer.key_projection, layer.value_projection)
    answer, by_head = torch.zeros(2, 4, 6, dtype=torch.float64), torch.zeros(2, 3, 4, 4).double()
    for item in range(2):
        for head in range(3):
            q, k, v = (p(x[item])[:, 2 * head : 2 * head + 2] for p in projections)
            for i in range(4):
                seen = [j for j in range(4) if not masks or (j <= i and not padding[item, j])]
                for j in seen:
                    z = layer.gamma[head] * (q[i] @ k[j]) / 2**0.5 + layer.coef0[head]
                    count = torch.tensor(len(seen), dtype=torch.float64)
                    logistic = torch.sigmoid(z - count.log())
                    weight = logistic if kernel == "logistic" else torch.tanh(z) / count
                    by_head[item, head, i, j] = weight
                    answer[item, i, 2 * head : 2 * head + 2] += weight * v[j]
    torch.testing.assert_close(found, layer.output_projection(answer))
    torch.testing.assert_close(weights, by_head.mean(1))
    _, weights = layer(
        x, x, x, padding, need_weights=True, attn_mask=hidden, average_attn_weights=False
    )
    torch.testing.assert_close(weights, by_head)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("masks", [None, "bool", "floats", "mixed"])
def test_is_called_like_multihead_attention(batch_first, masks):
    """Same arguments, same shapes; one can take the place of the other."""
    theirs = nn.MultiheadAttention(8, 2, kdim=6, vdim=3, batch_first=batch_first)
    ours = SigmoidAttention(8, 2, kdim=6, vdim=3, batch_first=batch_first)
    q, k, v = torch.randn(2, 5, 8), torch.randn(2, 7, 6), torch.randn(2, 7, 3)
    if not batch_first:
        q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    padding = torch.arange(7).expand(2, 7) > 4 if masks else None
    mask = torch.rand(4, 5, 7) < 0.3 if masks else None
    if masks == "floats":
        mask = torch.zeros(4, 5, 7).masked_fill(mask, -torch.inf)
    if masks in ("floats", "mixed"):
        padding = torch.zeros(2, 7).masked_fill(padding, -torch.inf)
    options = {"key_padding_mask": padding, "attn_mask": mask, "need_weights": True}
    for average in (True, False):
        expected = theirs(q, k, v, average_attn_weights=average, **options)
        found = ours(q, k, v, average_attn_weights=average, **options)
        assert [x.shape for x in found] == [x.shape for x in expected]
        # What they do not attend to, we do not attend to.
        assert torch.equal(found[1] > 0, expected[1] > 0)


def test_masks_of_floats_hide_as_masks_of_bool_do():
    layer = SigmoidAttention(8, 2, "tanh", batch_first=True)
    x = torch.randn(2, 5, 8)
    padding = torch.arange(5).expand(2, 5) > 3
    mask = torch.rand(5, 5) < 0.3
    expected, _ = layer(x, x, x, padding, attn_mask=mask)
    added = torch.zeros(2, 5).masked_fill(padding, -torch.inf)
    for other in (mask, torch.zeros(5, 5).masked_fill(mask, -torch.inf)):
        torch.testing.assert_close(layer(x, x, x, added, attn_mask=other)[0], expected)


def test_without_a_batch():
    layer = SigmoidAttention(8, 2)
    q, k = torch.randn(5, 8), torch.randn(7, 8)
    padding, mask = torch.arange(7) > 4, torch.rand(2, 5, 7) < 0.3
    found, weights = layer(q, k, k, padding, True, mask)
    expected, expected_weights = layer(
        q[:, None], k[:, None], k[:, None], padding[None], True, mask
    )
    torch.testing.assert_close(found, expected[:, 0])
    torch.testing.assert_close(weights, expected_weights[0])


def test_a_token_without_keys_gets_the_bias():
    layer = SigmoidAttention(8, 2)
    nn.init.normal_(layer.output_projection.bias)
    x = torch.randn(5, 1, 8)
    found, _ = layer(x, x, x, torch.ones(1, 5, dtype=torch.bool))
    torch.testing.assert_close(found, layer.output_projection.bias.expand(5, 1, 8))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_takes_the_place_of_softmax_in_a_transformer(batch_first, training):
    def layer():
        made = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=batch_first)
        made.self_attn = SigmoidAttention(8, 2, batch_first=batch_first)
        return made

    encoder = nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False).train(training)
    x = torch.randn(5, 5, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    changed = x.clone()
    if batch_first:
        changed[:, 3:] += 1
    else:
        changed[3:] += 1
    with torch.no_grad():
        found, other = encoder(x, mask, is_causal=True), encoder(changed, mask, is_causal=True)
    first = (slice(None), slice(3)) if batch_first else slice(3)
    torch.testing.assert_close(found[first], other[first])
    assert not torch.allclose(found, other)


def test_starts_well_conditioned():
    layer = SigmoidAttention(64, 4)
    assert torch.equal(layer.gamma, torch.ones(4))
    assert torch.equal(layer.coef0, torch.zeros(4))
    assert {"gamma", "coef0"} <= dict(layer.named_parameters()).keys()


def test_learns_to_copy_the_marked_token():
    """Scale, offset and projections all learn: an error that starts near 1 falls below 0.2."""
    torch.manual_seed(0)
    layer = SigmoidAttention(8, 2, batch_first=True)
    optimiser = torch.optim.Adam(layer.parameters(), 0.03)
    for _ in range(150):
        x = torch.randn(32, 6, 8)
        x[..., 0] = -1
        which = torch.randint(6, (32,))
        x[torch.arange(32), which, 0] = 3
        target = x[torch.arange(32), which, 1:][:, None].expand(-1, 6, -1)
        loss = (layer(x, x, x)[0][..., 1:] - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.2
    assert not torch.allclose(layer.gamma, torch.ones(2), atol=1e-3)
    assert not torch.allclose(layer.coef0, torch.zeros(2), atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((8, 3), {}, "num_heads=3 does not divide embed_dim=8"),
        ((8, 4), {"num_key_value_heads": 3}, "num_key_value_heads=3 does not divide num_heads=4"),
        ((8, 0), {}, "num_heads=0"),
        ((8, 2, "softmax"), {}, "'softmax'"),
    ],
)
def test_bad_numbers_are_refused(arguments, options, words):
    with pytest.raises(InvalidParameterError, match=words):
        SigmoidAttention(*arguments, **options)


def test_bad_inputs_are_refused():
    layer = SigmoidAttention(8, 2)
    x = torch.zeros(5, 1, 8)
    with pytest.raises(InvalidDataError, match="3, 2 and 3 dimensions"):
        layer(x, x[:, 0], x)
    with pytest.raises(InvalidParameterError, match="batch · num_heads = 2"):
        layer(x, x, x, attn_mask=torch.zeros(3, 5, 5))
