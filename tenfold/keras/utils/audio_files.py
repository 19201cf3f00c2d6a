"""`audio_dataset_from_directory`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.wav import decoded
from tenfold.keras.utils.folders import folder_dataset
from tenfold.keras.utils.image_files import check_format, made_as


@dataclass(frozen=True)
class Recordings:
    """How files become one array: samples from -1 to 1, all of one length, zeros at the end where a recording is shorter."""

    length: int | None

    @property
    def varying(self) -> tuple[int, ...]:
        """The axes whose size differs between batches."""
        return (1,) if self.length is None else ()

    def __call__(self, paths: list[str]) -> NDArray[np.float32]:
        recordings = [read_wav(path) for path in paths]
        channels = {x.shape[1] for x in recordings}
        if len(channels) > 1:
            raise ValueError(f"Recordings of one batch must have as many channels each; found {sorted(channels)} in {paths}.")
        length = self.length if self.length is not None else max(len(x) for x in recordings)
        batch = np.zeros((len(recordings), length, channels.pop()), np.float32)
        for row, x in zip(batch, recordings, strict=True):
            row[: len(x)] = x[:length]
        return batch


def read_wav(path: str) -> NDArray[np.float32]:
    """The samples of a WAV file of 16-bit PCM, [samples, channels], from -1 to 1.

    Raises:
        ValueError: it is something else.
    """
    with open(path, "rb") as file:
        return decoded(file.read(), path)[0]


def audio_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int",
                                 class_names: Sequence[str] | None = None, batch_size: int | None = 32, sampling_rate: int | None = None,
                                 output_sequence_length: int | None = None, ragged: bool = False, shuffle: bool = True,
                                 seed: int | None = None, validation_split: float | None = None, subset: str | None = None,
                                 follow_links: bool = False, format: str = "tf", verbose: bool = True) -> Any:  # fmt: skip
    """Batches of the recordings in a folder, which has a folder for each class.

    The arguments are those of `image_dataset_from_directory`, and

    Args:
        directory: the folder; .wav files of 16-bit PCM are taken.
        sampling_rate: not supported: recordings keep theirs. Resample the files first.
        output_sequence_length: samples that every recording is cut or padded to; by default the longest of its batch.
        ragged: not supported: batches are dense.
        format: "tf"; grain's data sets are not made here.

    Returns:
        Something to iterate (again and again) or to give to `fit`, with `class_names`, `file_paths` and a length. It gives float32
        [batch, samples, channels], from -1 to 1, and labels unless there are none.

    Raises:
        ValueError: an argument makes no sense, there is no recording, or a file is none.
        NotImplementedError: `sampling_rate` or `ragged` is asked for.
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("Cannot set both `ragged` and `output_sequence_length`")
    if sampling_rate is not None and not isinstance(sampling_rate, int):
        raise ValueError(f"`sampling_rate` should have an integer value. Received: sampling_rate={sampling_rate}")
    if sampling_rate is not None and sampling_rate <= 0:
        raise ValueError(f"`sampling_rate` should be higher than 0. Received: sampling_rate={sampling_rate}")
    if sampling_rate is not None or ragged:
        raise NotImplementedError(
            "[audio_dataset_from_directory] sampling_rate and ragged are not supported. Try files that have one rate, and "
            "output_sequence_length=... for one length."
        )
    check_format(format)
    dataset = folder_dataset("audio", directory, labels, label_mode, class_names, (".wav",), Recordings(output_sequence_length), batch_size,
                             shuffle, seed, validation_split, subset, follow_links, verbose)  # fmt: skip
    return made_as(format, dataset)
