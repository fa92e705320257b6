"""Attention: a naive oracle, the numbers of ogive.nn, masks as Keras means them, errors."""

import itertools

import keras
import numpy as np
import pytest
import torch

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.keras import SigmoidAttention
from ogive.nn import sigmoid_attention

every_kernel = pytest.mark.parametrize("kernel", ["logistic", "sigmoid"])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def close(answer, expected):
    np.testing.assert_allclose(array(answer), expected, atol=1e-5, rtol=1e-5)


def attention(kernel="logistic", heads=2, **options):
    layer = SigmoidAttention(heads, 3, kernel=kernel, **options)
    layer.build((None, None, 6), (None, None, 6))
    layer.gamma.assign(1 + 0.5 * normal(heads, seed=1))
    layer.coef0.assign(normal(heads, seed=2))
    for index, weight in enumerate(layer.trainable_weights):
        if weight.name == "bias":
            weight.assign(normal(*weight.shape, seed=20 + index))
    return layer


def oracle(layer, query, value, key, seen):
    """Walk over batch, heads, queries and keys in float64."""

    def projected(dense, x, width):
        flat = x.astype("f8") @ array(dense.kernel).astype("f8") + array(dense.bias)
        return flat.reshape(*x.shape[:2], layer.num_heads, width)

    q = projected(layer.query_dense, query, layer.key_dim)
    k = projected(layer.key_dense, key, layer.key_dim)
    v = projected(layer.value_dense, value, layer.value_dim)
    gamma, coef0 = array(layer.gamma), array(layer.coef0)
    batch, tokens, heads = q.shape[:3]
    weights = np.zeros((batch, heads, tokens, k.shape[1]))
    seen = np.broadcast_to(seen, weights.shape)
    for b, h, i in itertools.product(range(batch), range(heads), range(tokens)):
        keys = np.flatnonzero(seen[b, h, i])
        for j in keys:
            z = gamma[h] * (q[b, i, h] @ k[b, j, h]) / np.sqrt(layer.key_dim) + coef0[h]
            if layer.kernel == "logistic":
                weights[b, h, i, j] = 1 / (1 + len(keys) * np.exp(-z))
            else:
                weights[b, h, i, j] = np.tanh(z) / len(keys)
    answer = np.einsum("bhts,bshd->bthd", weights, v).reshape(batch, tokens, -1)
    out = layer.output_dense
    return answer @ array(out.kernel).astype("f8") + array(out.bias), weights


@every_kernel
def test_it_is_the_sum_over_the_keys_that_are_seen(kernel):
    layer = attention(kernel, value_dim=4, output_shape=5)
    query, value, key = normal(2, 4, 6), normal(2, 5, 6, seed=1), normal(2, 5, 6, seed=2)
    generator = np.random.default_rng(0)
    for mask in (
        None,
        generator.random((4, 5)) < 0.6,
        generator.random((2, 4, 5)) < 0.6,
        generator.random((2, 1, 5)) < 0.6,
        generator.random((2, 2, 4, 5)) < 0.4,
        np.zeros((4, 5), dtype=bool),
    ):
        if mask is None:
            seen = np.True_
        elif mask.ndim == 3:
            seen = mask[:, None]
        else:
            seen = mask
        expected, weights = oracle(layer, query, value, key, seen)
        answer, shown = layer(query, value, key, attention_mask=mask, return_attention_scores=True)
        close(answer, expected)
        close(shown, weights)
        close(layer(query, value, key=key, attention_mask=mask), expected)
    assert array(answer).shape == (2, 4, 5)
    close(answer, np.broadcast_to(array(layer.output_dense.bias), (2, 4, 5)))


@every_kernel
@pytest.mark.parametrize("tokens", [0, 1, 7])
def test_it_gives_the_numbers_of_sigmoid_attention(kernel, tokens):
    layer = attention(kernel)
    twin = sigmoid_attention.SigmoidAttention(6, 2, kernel, batch_first=True)
    with torch.no_grad():
        for name in ("query", "key", "value", "output"):
            dense, linear = getattr(layer, f"{name}_dense"), getattr(twin, f"{name}_projection")
            linear.weight.copy_(torch.from_numpy(array(dense.kernel).T.copy()))
            linear.bias.copy_(torch.from_numpy(array(dense.bias).copy()))
        for name in ("gamma", "coef0"):
            getattr(twin, name).copy_(torch.from_numpy(array(getattr(layer, name)).copy()))
    x = normal(2, tokens, 6)
    hidden = np.random.default_rng(1).random((tokens, tokens)) < 0.5
    for causal in (False, True):
        expected = twin(*[torch.from_numpy(x)] * 3, is_causal=causal)[0].detach()
        close(layer(x, x, use_causal_mask=causal), expected)
    expected, weights = twin(
        *[torch.from_numpy(x)] * 3,
        attn_mask=torch.from_numpy(hidden),
        need_weights=True,
        average_attn_weights=False,
    )
    answer, shown = layer(x, x, attention_mask=~hidden, return_attention_scores=True)
    close(answer, expected.detach())
    close(shown, weights.detach())


def test_it_starts_like_that_of_ogive_nn():
    layer = SigmoidAttention(8, 32)
    layer.build((None, None, 256), (None, None, 256))
    twin = sigmoid_attention.SigmoidAttention(256, 8)
    matrix = array(layer.query_dense.kernel)
    spread = float(twin.query_projection.weight.detach().std())
    assert matrix.std() == pytest.approx(spread, rel=0.02)
    assert not np.allclose(matrix, array(layer.key_dense.kernel)), "each its own draw"
    np.testing.assert_array_equal(array(layer.gamma), np.ones(8))
    np.testing.assert_array_equal(array(layer.coef0), np.zeros(8))


def test_the_causal_mask_is_that_of_keras():
    query, value = normal(1, 3, 6), normal(1, 5, 6, seed=1)
    layer = attention()
    like = keras.layers.MultiHeadAttention(2, 3)
    options = {"use_causal_mask": True, "return_attention_scores": True}
    mine = array(layer(query, value, **options)[1]) != 0
    theirs = array(like(query, value, **options)[1]) != 0
    np.testing.assert_array_equal(mine, theirs)


def test_padding_that_keras_has_found_is_not_seen():
    layer = attention()
    words = np.array([[3, 4, 0, 0], [5, 0, 0, 0]])
    embedding = keras.layers.Embedding(10, 6, mask_zero=True)
    embedded = embedding(words)
    padded = words != 0
    seen = (padded[:, :, None] & padded[:, None, :])[:, None]
    expected, _ = oracle(layer, *[array(embedded)] * 3, seen)
    close(layer(embedded, embedded), expected)
    inputs = keras.Input((4,), dtype="int32")
    tokens = embedding(inputs)
    model = keras.Model(inputs, layer(tokens, tokens, use_causal_mask=True))
    expected, _ = oracle(layer, *[array(embedded)] * 3, seen & np.tri(4, dtype=bool))
    close(model(words), expected)
    changed = np.where(padded[..., None], array(embedded), 100.0).astype("float32")
    answer = layer(changed, changed, value_mask=padded, query_mask=padded)
    expected, _ = oracle(layer, *[array(embedded)] * 3, seen)
    close(answer, expected)


def test_a_functional_model_can_ask_for_the_weights():
    layer = SigmoidAttention(2, 3)
    inputs = keras.Input((5, 6))
    answer, weights = layer(inputs, inputs, return_attention_scores=True)
    assert (answer.shape, weights.shape) == ((None, 5, 6), (None, 2, 5, 5))
    model = keras.Model(inputs, [answer, weights])
    assert [a.shape for a in map(array, model(normal(3, 5, 6)))] == [(3, 5, 6), (3, 2, 5, 5)]


def test_the_width_of_the_answer_may_be_a_shape_as_in_keras():
    assert SigmoidAttention(2, 3, output_shape=(4,)).get_config()["output_shape"] == 4


def test_tanh_is_another_name_for_sigmoid():
    assert SigmoidAttention(2, 3, kernel="tanh").get_config()["kernel"] == "sigmoid"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 0}, r"num_heads=0; it must be a whole number of at least 1"),
        ({"key_dim": 0.5}, r"key_dim=0\.5; it must be a whole number"),
        ({"value_dim": 0}, r"value_dim=0; it must be a whole number"),
        ({"output_shape": 0}, r"output_shape=0; it must be a whole number"),
        ({"output_shape": (4, 5)}, r"output_shape=\(4, 5\); it must be a whole number"),
        ({"kernel": "softmax"}, r"kernel='softmax' is unknown; .*Known: 'logistic', 'sigmoid'"),
    ],
)
def test_it_refuses(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        SigmoidAttention(**{"num_heads": 2, "key_dim": 3, **arguments})


def test_inputs_that_do_not_fit_are_refused():
    layer, x = attention(), normal(2, 4, 6)
    with pytest.raises(InvalidDataError, match="each must have three dimensions"):
        SigmoidAttention(2, 3)(x[0], x[0])
    with pytest.raises(InvalidDataError, match="as many keys as values"):
        layer(x, x, x[:, :3])
    with pytest.raises(InvalidParameterError, match=r"attention_mask has shape \(4,\); it must"):
        layer(x, x, attention_mask=np.ones(4, dtype=bool))
