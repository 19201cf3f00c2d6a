"""Galleries of images, drawn by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras import ops
from tenfold.keras.visualization.boxes import draw_bounding_boxes
from tenfold.keras.visualization.masks import draw_segmentation_masks
from tenfold.keras.visualization.pixels import brightness, image_batch


def plot_image_gallery(images: Any, y_true: Any = None, y_pred: Any = None, label_map: Mapping[int, str] | None = None, rows: int | None = None,
                       cols: int | None = None, value_range: Sequence[float] = (0, 255), scale: float = 2, path: Any = None,
                       show: bool | None = None, transparent: bool = True, dpi: int = 60, legend_handles: Sequence[Any] | None = None,
                       data_format: str | None = None) -> None:  # fmt: skip
    """Shows images in rows and columns, or writes the gallery to a file.

    Args:
        images: [batch, height, width, channels].
        y_true, y_pred: the classes, given and predicted, that are written over the images.
        label_map: class -> name.
        rows, cols: how many images stand below and beside each other; as square as possible by default. Images beyond are left out.
        value_range: (the value of black, the value of white).
        scale: inches for each image.
        path: the file; the gallery is shown if there is none.
        show: whether to show the gallery. With False and no `path`, it stays matplotlib's current figure.
        transparent: whether the file's background is.
        dpi: dots per inch of the file.
        legend_handles: what matplotlib's legend below the images explains.
        data_format: "channels_last" or "channels_first".

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the images are no batch, labels have no `label_map`, or the gallery should be both shown and written.
    """
    plt = plotting("plot_image_gallery").pyplot
    if path is not None and show:
        raise ValueError("plot_gallery() expects either `path` to be set, or `show` to be true.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError("If `y_true` or `y_pred` are provided, a `label_map` must also be provided.")
    pictures = brightness(image_batch(images, data_format), value_range).astype(np.uint8)
    rows, cols = grid(len(pictures), rows, cols)
    texts = captions({"Label": y_true, "Pred": y_pred}, label_map or {}, len(pictures))
    figure, axes = plt.subplots(rows, cols, figsize=(cols * scale, rows * scale), frameon=False, layout="constrained", squeeze=False)
    figure.get_layout_engine().set(w_pad=0, h_pad=0, wspace=0, hspace=0)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture, text in zip(axes.flat, pictures, texts, strict=False):
        grey = picture.shape[-1] == 1
        axis.imshow(picture[..., 0] if grey else picture, **({"cmap": "gray", "vmin": 0, "vmax": 255} if grey else {}))
        axis.set_title(text, fontsize=8)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="outside lower center")
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show is not False:
        plt.show()
    if path is not None or show is not False:
        plt.close(figure)


def plot_bounding_box_gallery(images: Any, bounding_box_format: str, y_true: Any = None, y_pred: Any = None,
                              value_range: Sequence[float] = (0, 255), true_color: Sequence[float] = (0, 188, 212),
                              pred_color: Sequence[float] = (255, 235, 59), line_thickness: int = 2, font_scale: float = 1.0,
                              text_thickness: int | None = None, class_mapping: Mapping[int, str] | None = None,
                              ground_truth_mapping: Mapping[int, str] | None = None, prediction_mapping: Mapping[int, str] | None = None,
                              legend: bool = False, legend_handles: Sequence[Any] | None = None, rows: int | None = None,
                              cols: int | None = None, data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
    """Shows images with bounding boxes, given and predicted.

    Args:
        images: [batch, height, width, channels].
        bounding_box_format: one of those of `keras.utils.bounding_boxes.convert_format`.
        y_true, y_pred: dicts of boxes and labels, as `draw_bounding_boxes` takes them.
        value_range: (the value of black, the value of white).
        true_color, pred_color: red, green and blue of the boxes.
        line_thickness, font_scale, text_thickness: as in `draw_bounding_boxes`.
        class_mapping: label -> name.
        ground_truth_mapping, prediction_mapping: the same for the boxes of `y_true` and those of `y_pred` alone.
        legend: whether a legend explains the two colours.
        legend_handles: what another legend explains.
        rows, cols, kwargs: as in `plot_image_gallery`.
        data_format: "channels_last" or "channels_first".

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the images are no batch, or there are two legends.
    """
    patches = plotting("plot_bounding_box_gallery").patches
    if legend and legend_handles:
        raise ValueError("Only pass `legend` OR `legend_handles` to `keras.visualization.plot_bounding_box_gallery()`.")
    pictures = brightness(image_batch(images, data_format), value_range).astype(np.uint8)
    for boxes, color, names in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if boxes is not None:
            pictures = draw_bounding_boxes(
                pictures, boxes, bounding_box_format, names, color, line_thickness, text_thickness, font_scale, "channels_last"
            )
    if legend:
        colors = {"Ground Truth": true_color, "Prediction": pred_color}
        legend_handles = [patches.Patch(color=np.array(color) / 255, label=text) for text, color in colors.items()]
    plot_image_gallery(pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs)


def plot_segmentation_mask_gallery(images: Any, num_classes: int | None, value_range: Sequence[float] = (0, 255), y_true: Any = None,
                                   y_pred: Any = None, color_mapping: Mapping[int, Sequence[float]] | None = None, blend: bool = True,
                                   alpha: float = 0.8, ignore_index: int = -1, data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
    """Shows each image in a row with its segmentation masks, given and predicted, drawn over it.

    Args:
        images: [batch, height, width, channels].
        value_range: (the value of black, the value of white).
        y_true, y_pred: the class of each pixel, [batch, height, width] or [batch, height, width, 1].
        num_classes, color_mapping, blend, alpha, ignore_index: as in `draw_segmentation_masks`.
        data_format: "channels_last" or "channels_first".
        kwargs: as in `plot_image_gallery`.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the images are no batch, or the masks have another size.
    """
    plotting("plot_segmentation_mask_gallery")
    pictures = brightness(image_batch(images, data_format), value_range).astype(np.uint8)
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            classes = ops.convert_to_numpy(ops.cast(masks, "int32"))
            columns.append(draw_segmentation_masks(pictures, classes, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"))
    gallery = np.stack(columns, axis=1).reshape(-1, *pictures.shape[1:])
    plot_image_gallery(gallery, rows=len(pictures), cols=len(columns), data_format="channels_last", **kwargs)


def plotting(user: str) -> Any:
    """matplotlib, with what galleries need of it loaded."""
    try:
        import matplotlib.patches
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(f"[{user}] it draws with matplotlib, which is not installed. Try `pip install matplotlib`.") from error
    return matplotlib


def grid(number: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    """Rows and columns for so many images, where they aren't given."""
    if rows is None:
        rows = math.ceil(number / cols) if cols else math.ceil(math.sqrt(number))
    cols = cols or math.ceil(number / max(rows, 1))
    return max(rows, 1), max(cols, 1)


def captions(labels: Mapping[str, Any], names: Mapping[int, str], number: int) -> list[str]:
    """The text over each image: the names of its classes."""
    parts: list[list[str]] = [[] for _ in range(number)]
    for title, values in labels.items():
        if values is not None:
            classes: NDArray[Any] = ops.convert_to_numpy(values).reshape(-1)
            for part, value in zip(parts, classes, strict=False):
                part.append(f"{title}: {names.get(int(value), 'Unknown')}")
    return ["  ".join(part) for part in parts]
