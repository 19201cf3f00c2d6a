"""Connectionist temporal classification in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import int32
from tenfold.keras.ops.define import Array, operation
from tenfold.ops.ctc import beam_search, greedy, single, spelling_loss
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import transpose


def _check_first_sizes(**shapes: Any) -> None:
    (name, first), *others = shapes.items()
    for other, shape in others:
        if isinstance(first[0], int) and isinstance(shape[0], int) and first[0] != shape[0]:
            raise ValueError(f"Arguments `{name}` and `{other}` must have the same first dimension. Received shapes: {first} and {shape}.")


@operation("nn", kind="CTCLoss")
def ctc_loss(target: Array, output: Array, target_length: Array, output_length: Array, mask_index: int = 0) -> Array:
    """-log of the probability that the outputs spell the targets, when repetitions and then blanks are left out.

    Args:
        target: class numbers [batch, length].
        output: logits [batch, steps, classes].
        target_length, output_length: how much of each example counts.
        mask_index: the class number of the blank.

    Example:
        >>> ctc_loss([[1]], [[[0.0, 0.0], [0.0, 0.0]]], [1], [2]).numpy().round(3)
        array([0.288], dtype=float32)
    """
    _check_first_sizes(output=output.sizes, target=target.sizes, target_length=target_length.sizes, output_length=output_length.sizes)
    return spelling_loss(transpose(output, (1, 0, 2)), cast(target, int32), target_length, output_length, mask_index)


@operation("nn", kind="CTCDecode")
def ctc_decode(inputs: Array, sequence_lengths: Array, strategy: str = "greedy", beam_width: int = 100, top_paths: int = 1,
               merge_repeated: bool = True, mask_index: int | None = 0) -> tuple[Array, Array]:  # fmt: skip
    """The label sequences that CTC outputs stand for.

    Args:
        inputs: logits [batch, steps, classes].
        sequence_lengths: how many steps of each example count.
        strategy: "greedy" (the likeliest class of each step) or "beam_search".
        beam_width: how many label sequences the search keeps.
        top_paths: how many it returns.
        merge_repeated: whether "greedy" leaves out repetitions.
        mask_index: the class number of the blank; None: the last.

    Returns:
        (labels [paths, batch, steps], filled with -1; scores [batch, paths]).

    Example:
        >>> labels, scores = ctc_decode([[[0.0, 9.0], [0.0, 9.0], [9.0, 0.0]]], [3])
        >>> labels.numpy().tolist()
        [[[1, -1, -1]]]
    """
    x, lengths = single(inputs), cast(sequence_lengths, int32)
    classes = x.sizes[-1]
    blank = (classes - 1 if mask_index is None else mask_index) % classes
    if strategy == "greedy":
        return greedy(x, lengths, blank, merge_repeated)
    if strategy == "beam_search":
        if top_paths > beam_width:
            raise ValueError(f"[ctc_decode] `top_paths` must not exceed `beam_width`. Received: top_paths={top_paths}, beam_width={beam_width}")
        return beam_search(x, lengths, blank, beam_width, top_paths)
    raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
