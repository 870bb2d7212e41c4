"""The network of a trained model as a graph of ONNX, for ONNX Runtime in any language.

::

    words         int64   (forms,)               ids of forms; any number of forms
    ngrams        int64   (forms, longest)       ids of their n-grams, filled up with any
    ngram_lengths int32   (forms,)
    known         float32 (known forms, width)   earlier rows of ``forms``, or none
    tokens        int64   (sentences, longest)   rows of ``known`` and then of the new forms
    lengths       int32   (sentences,)
    ─▶ forms      float32 (forms, width)         what the word LSTM gets of forms
    ─▶ emissions  float32 (sentences, longest, tags); past the end of a sentence any numbers

Everything else, from text to ids and from emissions to mentions, is left to whoever runs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kakehashi.config.architecture import CHAR_WINDOW, WORD_WIDTH, ModelSettings
from kakehashi.extras import require
from kakehashi.runtime.steps import Precision

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

Weights = Mapping[str, npt.NDArray[Any]]

_GATES = (0, 3, 1, 2)  # ONNX has input, output, forget, cell; torch input, forget, cell, output
_INPUTS = {
    "words": ("INT64", ("forms",)),
    "ngrams": ("INT64", ("forms", "longest form")),
    "ngram_lengths": ("INT32", ("forms",)),
    "known": ("FLOAT", ("known forms", "width")),
    "tokens": ("INT64", ("sentences", "longest")),
    "lengths": ("INT32", ("sentences",)),
}
_OUTPUTS = {
    "forms": ("FLOAT", ("forms", "width")),
    "emissions": ("FLOAT", ("sentences", "longest", "tags")),
}


def tensors_of(weights: Weights, precision: Precision) -> dict[str, npt.NDArray[Any]]:
    """Arrange the weights of a model as the graph has them.

    In ``int8`` those are bytes that most of the room goes to: word vectors, a scale each; and the
    weights of the LSTMs, a scale for each gate of a unit.
    """
    trained = weights["word.embedding.weight"]
    codes, scales = (weights.get(f"word.vectors.{name}") for name in ("codes", "scales"))
    tensors = {"char.embedding": weights["char.embedding.weight"]}
    if precision == "int8":
        rounded, steps = _quantized(trained, axis=1)
        tensors["word.codes"] = rounded if codes is None else np.concatenate([rounded, codes])
        tensors["word.scales"] = steps if scales is None else np.concatenate([steps, scales])
    else:
        tensors["word.embedding"] = trained
        if codes is not None and scales is not None:
            tensors |= {"word.codes": codes, "word.scales": scales}
    if "char.cnn.weight" in weights:
        tensors |= {"char.W": weights["char.cnn.weight"], "char.B": weights["char.cnn.bias"]}
    else:
        tensors |= _lstm_tensors(weights, "char", precision)
    tensors |= _lstm_tensors(weights, "word", precision)
    tensors["dense.weight"] = weights["dense.weight"].T
    tensors["dense.bias"] = weights["dense.bias"]
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def _lstm_tensors(
    weights: Weights, group: str, precision: Precision
) -> dict[str, npt.NDArray[Any]]:
    def both(name: str) -> npt.NDArray[Any]:
        each = (weights[f"{group}.lstm.{name}_{end}"] for end in ("l0", "l0_reverse"))
        return np.stack([np.concatenate([np.split(w, 4)[gate] for gate in _GATES]) for w in each])

    tensors = {f"{group}.B": np.concatenate([both("bias_ih"), both("bias_hh")], axis=1)}
    for name, part in (("W", "weight_ih"), ("R", "weight_hh")):
        tensors[f"{group}.{name}"] = both(part)
        if precision == "int8":
            columns, steps = _quantized(both(part), axis=2)
            tensors[f"{group}.{name}"] = columns.transpose(0, 2, 1)
            tensors[f"{group}.{name}.scales"] = steps
            tensors[f"{group}.{name}.zeros"] = np.zeros(steps.shape, np.int8)
    return tensors


def _quantized(
    weights: npt.NDArray[np.float32], axis: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Round to whole multiples, up to 127, of a scale that all along an axis share."""
    scales = np.maximum(np.abs(weights).max(axis), np.float32(1e-12)) / np.float32(127)
    return np.rint(weights / np.expand_dims(scales, axis)).astype(np.int8), scales


def tensor_shapes(
    settings: ModelSettings,
    precision: Precision,
    n_words: int,
    n_ngrams: int,
    n_compact: int,
    n_tags: int,
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Compute type and shape of every tensor of `tensors_of`; see `weight_shapes`."""
    width = settings.word_width or WORD_WIDTH
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "char.embedding": ("float32", (n_ngrams, settings.char_width)),
        "dense.weight": ("float32", (2 * settings.word_lstm_width, n_tags)),
        "dense.bias": ("float32", (n_tags,)),
    }
    n_coded = n_words if precision == "int8" else n_compact
    if precision == "float32":
        shapes["word.embedding"] = ("float32", (n_words - n_compact, width))
    if n_coded:
        shapes |= {"word.codes": ("int8", (n_coded, width)), "word.scales": ("float32", (n_coded,))}
    lstms = [("word", width + settings.form_width, settings.word_lstm_width)]
    if settings.char_encoder == "cnn":
        filters = settings.char_filters
        shapes["char.W"] = ("float32", (filters, settings.char_width, CHAR_WINDOW))
        shapes["char.B"] = ("float32", (filters,))
    else:
        lstms.append(("char", settings.char_width, settings.char_lstm_width))
    for group, inputs, units in lstms:
        shapes[f"{group}.B"] = ("float32", (2, 8 * units))
        for name, n_inputs in (("W", inputs), ("R", units)):
            if precision == "float32":
                shapes[f"{group}.{name}"] = ("float32", (2, 4 * units, n_inputs))
                continue
            shapes[f"{group}.{name}"] = ("int8", (2, n_inputs, 4 * units))
            shapes[f"{group}.{name}.scales"] = ("float32", (2, 4 * units))
            shapes[f"{group}.{name}.zeros"] = ("int8", (2, 4 * units))
    return shapes


def build_graph(
    settings: ModelSettings, precision: Precision, n_words: int, n_compact: int
) -> GraphProto:
    """Build the graph, without the tensors of weights; it depends on nothing else."""
    onnx = require("onnx", "onnx")
    helper, types = onnx.helper, onnx.TensorProto
    nodes: list[NodeProto] = []

    def add(operator: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        outputs = ["", output] if operator.endswith("LSTM") and output == "char.last" else [output]
        nodes.append(helper.make_node(operator, inputs, outputs, output, **attributes))
        return output

    def constant(name: str, *numbers: float) -> str:
        kind = types.FLOAT if isinstance(numbers[0], float) else types.INT64
        value = helper.make_tensor(name, kind, [len(numbers)], numbers)
        return add("Constant", [], name, value=value)

    def lstm(group: str, items: str, lengths: str, output: str, units: int) -> str:
        inputs = [items, f"{group}.W", f"{group}.R", f"{group}.B", lengths]
        options = {"direction": "bidirectional", "hidden_size": units}
        if precision == "float32":
            return add("LSTM", inputs, output, **options)
        inputs += ["", "", ""]
        inputs += [f"{group}.{name}.{each}" for name in "WR" for each in ("scales", "zeros")]
        return add("DynamicQuantizeLSTM", inputs, output, domain="com.microsoft", **options)

    def coded(ids: str) -> str:
        codes = add("Cast", [add("Gather", ["word.codes", ids], "codes")], "steps", to=types.FLOAT)
        scales = add("Gather", ["word.scales", ids], "scales")
        column = add("Unsqueeze", [scales, constant("last", 1)], "scale")
        return add("Mul", [codes, column], "coded")

    def final_states(chars: str) -> str:
        chars = add("Transpose", [chars], "chars.by.step", perm=[1, 0, 2])
        last = lstm("char", chars, "ngram_lengths", "char.last", settings.char_lstm_width)
        last = add("Transpose", [last], "char.by.form", perm=[1, 0, 2])
        shape = constant("char.shape", 0, 2 * settings.char_lstm_width)
        return add("Reshape", [last, shape], "char.states")

    def cnn(chars: str) -> str:
        longest = add("Gather", [add("Shape", ["ngrams"], "sizes"), constant("second", 1)], "wide")
        numbers = (constant("zero", 0), longest, constant("one", 1))
        scalars = [add("Squeeze", [each], f"{each}.scalar") for each in numbers]
        ends = add("Cast", ["ngram_lengths"], "ngrams.inside", to=types.INT64)
        ends = add("Unsqueeze", [ends, "one"], "form.ends")
        inside = add("Less", [add("Range", scalars, "places"), ends], "inside")
        column = add("Unsqueeze", [inside, constant("third.axis", 2)], "inside.column")
        chars = add("Where", [column, chars, constant("nothing", 0.0)], "chars.inside")
        chars = add("Transpose", [chars], "chars.by.width", perm=[0, 2, 1])
        edge = CHAR_WINDOW // 2
        sums = add("Conv", [chars, "char.W", "char.B"], "windows", pads=[edge, edge])
        row = add("Unsqueeze", [inside, "one"], "inside.row")
        sums = add("Where", [row, sums, constant("least", -1e30)], "windows.inside")
        return add(
            "Tanh", [add("ReduceMax", [sums], "maxima", axes=[2], keepdims=0)], "char.states"
        )

    if precision == "int8":
        vectors = coded("words")
    elif not n_compact:
        vectors = add("Gather", ["word.embedding", "words"], "vectors")
    else:
        first, none = constant("first.coded", n_words - n_compact), constant("none", 0)
        is_coded = add("GreaterOrEqual", ["words", first], "is.coded")
        trained = add("Where", [is_coded, none, "words"], "trained.ids")
        places = add("Where", [is_coded, add("Sub", ["words", first], "places"), none], "coded.ids")
        others = add("Gather", ["word.embedding", trained], "trained")
        chosen = coded(places)
        column = add("Unsqueeze", [is_coded, "last"], "is.coded.column")
        vectors = add("Where", [column, chosen, others], "vectors")
    chars = add("Gather", ["char.embedding", "ngrams"], "chars")
    encoded = cnn(chars) if settings.char_encoder == "cnn" else final_states(chars)
    forms = add("Concat", [vectors, encoded], "forms", axis=1)
    items = add("Concat", ["known", forms], "items", axis=0)
    steps = add("Transpose", ["tokens"], "tokens.by.step", perm=[1, 0])
    items = add("Gather", [items, steps], "items.by.step")
    states = lstm("word", items, "lengths", "states", settings.word_lstm_width)
    states = add("Transpose", [states], "states.by.sentence", perm=[2, 0, 1, 3])
    shape = constant("word.shape", 0, 0, 2 * settings.word_lstm_width)
    states = add("Reshape", [states, shape], "word.states")
    add("Add", [add("MatMul", [states, "dense.weight"], "products"), "dense.bias"], "emissions")
    ends = (
        [
            helper.make_tensor_value_info(name, types.DataType.Value(of), size)
            for name, (of, size) in each
        ]
        for each in (_INPUTS.items(), _OUTPUTS.items())
    )
    graph: GraphProto = helper.make_graph(nodes, "kakehashi", *ends)
    return graph
