"""keras.visualization: pixels that boxes, labels and masks change, and what galleries show."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold import keras

vis = keras.visualization
BOX = {"boxes": np.array([[[10.0, 30.0, 40.0, 50.0]]]), "labels": np.array([[3]])}  # left, top, right, bottom


@pytest.fixture
def plt(monkeypatch: pytest.MonkeyPatch) -> Any:
    """matplotlib.pyplot, drawing into memory."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="galleries need matplotlib")
    yield pyplot
    pyplot.close("all")


def frame(thickness: int) -> np.ndarray[Any, Any]:
    """Whether a pixel is within half the line's width of BOX's edge, by distance."""
    y, x = np.mgrid[:60, :70]
    depth = np.minimum(np.minimum(x - 10, 40 - x), np.minimum(y - 30, 50 - y))  # how deep inside the box
    before = thickness // 2
    return (depth >= -before) & (depth < thickness - before)


@pytest.mark.parametrize("thickness", [1, 2, 3, 4])
def test_box_is_drawn_on_its_edge(thickness: int) -> None:
    pictures = vis.draw_bounding_boxes(np.zeros((1, 60, 70, 3), np.uint8), BOX, "xyxy", color=(1, 2, 3), line_thickness=thickness)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures[0], frame(thickness)[..., None] * np.array([1, 2, 3]))


def test_formats_and_data_formats_agree() -> None:
    images = np.random.default_rng(0).integers(0, 255, (1, 60, 70, 3))
    expected = vis.draw_bounding_boxes(images, BOX, "xyxy")
    relative = {**BOX, "boxes": [[[30 / 60, 10 / 70, 50 / 60, 40 / 70]]]}
    np.testing.assert_allclose(vis.draw_bounding_boxes(keras.ops.array(images), relative, "rel_yxyx"), expected)
    first = vis.draw_bounding_boxes(images.transpose(0, 3, 1, 2), BOX, "xyxy", data_format="channels_first")
    np.testing.assert_array_equal(first, expected.transpose(0, 3, 1, 2))


def test_boxes_of_padding_of_nan_and_beyond_the_image() -> None:
    boxes = np.array([[[5, 5, 9, 9], [np.nan, 1, 2, 3], [-1e30, 20, 1e30, np.inf], [-1e30, -7, 1e30, 1e30]]])
    pictures = vis.draw_bounding_boxes(np.zeros((1, 20, 20, 4)), {"boxes": boxes, "labels": [[-1, 0, 0, 0]]}, "xyxy", {0: "far away"})
    assert not pictures[:, :, 8:].any()
    empty = {"boxes": np.zeros((1, 0, 4)), "labels": np.zeros((1, 0), int)}
    assert vis.draw_bounding_boxes(np.ones((1, 9, 9, 1)), empty, "xyxy").min() == 255, "floats up to 1 are fractions of white"


def test_label_stands_above_the_box_and_confidence_behind_it() -> None:
    def text(**more: Any) -> np.ndarray[Any, Any]:
        pictures = vis.draw_bounding_boxes(np.zeros((1, 60, 70, 1)), {**BOX, **more}, "xyxy", {3: "cat"}, font_scale=0.4)
        return np.argwhere(pictures[0, :28, :, 0])

    name, both = text(), text(confidences=np.array([[0.5]]))
    assert 12 <= name[:, 0].min() < name[:, 0].max() <= 22 and name[:, 1].min() >= 10, name
    assert both[:, 1].max() > name[:, 1].max() + 10
    unnamed = vis.draw_bounding_boxes(np.zeros((1, 60, 70, 1)), BOX, "xyxy", {4: "dog"})
    assert not unnamed[0, :28].any()
    top = vis.draw_bounding_boxes(np.zeros((1, 60, 70, 1)), {**BOX, "boxes": [[[5, 2, 60, 50]]]}, "xyxy", {3: "cat"}, font_scale=0.4)
    assert top[0, 5:20, 10:40].any(), "without room above, the label stands inside"


def test_masks_are_drawn_as_keras_draws_them() -> None:
    images = np.arange(24).reshape(1, 2, 4, 3) * 10
    masks = np.array([[[0, 1, 2, 3], [-1, 2, 1, 0]]])
    recorded = [0, 3, 6, 9, 100, 36, 19, 198, 67, 29, 118, 98, 120, 130, 140, 46, 225, 94, 54, 145, 81, 63, 66, 69]  # Keras 3.15.1
    for shape in ((1, 2, 4), (1, 2, 4, 1)):
        drawn = vis.draw_segmentation_masks(images, masks.reshape(shape), num_classes=4, alpha=0.7)
        assert drawn.ravel().tolist() == recorded
    inferred = vis.draw_segmentation_masks(images.transpose(0, 3, 1, 2), masks[:, None], alpha=0.7, data_format="channels_first")
    np.testing.assert_array_equal(inferred, drawn)


def test_masks_of_ignored_and_unmapped_classes_leave_the_image() -> None:
    images = np.full((1, 1, 4, 3), 50, np.uint8)
    masks = np.array([[[0, 1, 2, -1]]])
    colors = {-1: (9, 9, 9), 1: (1, 1, 1), 2: (2, 2, 2)}
    drawn = vis.draw_segmentation_masks(images, masks, color_mapping=colors, ignore_index=2, blend=False)
    assert drawn[0, 0, :, 0].tolist() == [50, 1, 50, 9]


@pytest.mark.parametrize(
    ("error", "text", "call"),
    [
        (ValueError, "batched 4D", lambda: vis.draw_bounding_boxes(np.zeros((9, 9, 3)), BOX, "xyxy")),
        (TypeError, "should be a dict", lambda: vis.draw_bounding_boxes(np.zeros((1, 9, 9, 3)), [], "xyxy")),
        (ValueError, "'labels'", lambda: vis.draw_bounding_boxes(np.zeros((1, 9, 9, 3)), {"boxes": []}, "xyxy")),
        (ValueError, "2 images", lambda: vis.draw_bounding_boxes(np.zeros((2, 9, 9, 3)), BOX, "xyxy")),
        (TypeError, "integer dtype", lambda: vis.draw_segmentation_masks(np.zeros((1, 9, 9, 3)), np.zeros((1, 9, 9)))),
        (ValueError, "must have the shape", lambda: vis.draw_segmentation_masks(np.zeros((1, 9, 9, 3)), np.zeros((1, 9, 8), int))),
    ],
)
def test_errors_say_what_is_wrong(error: type[Exception], text: str, call: Any) -> None:
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("name", ["plot_image_gallery", "plot_bounding_box_gallery", "plot_segmentation_mask_gallery"])
def test_galleries_without_matplotlib_say_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("matplotlib", "matplotlib.pyplot", "matplotlib.patches"):
        monkeypatch.setitem(sys.modules, module, None)
    more = {"plot_bounding_box_gallery": ["xyxy"], "plot_segmentation_mask_gallery": [2]}.get(name, [])
    with pytest.raises(ImportError, match="pip install matplotlib"):
        getattr(vis, name)(np.zeros((1, 4, 4, 3)), *more)


def test_gallery_shows_every_image_with_its_labels(plt: Any, tmp_path: Path) -> None:
    images = np.arange(3).reshape(3, 1, 1, 1) * np.full((1, 3, 4, 5), 0.5)
    vis.plot_image_gallery(images, [0, 1, 2], [1, 1, 9], {0: "a", 1: "b", 2: "c"}, value_range=(0, 1), show=False, data_format="channels_first")
    axes = plt.gcf().axes
    assert [a.get_title() for a in axes] == ["Label: a  Pred: b", "Label: b  Pred: b", "Label: c  Pred: Unknown", ""]
    assert [a.images[0].get_array().max() for a in axes[:3]] == [0, 127, 255] and axes[0].images[0].get_array().shape == (4, 5, 3)
    figures = plt.get_fignums()
    vis.plot_image_gallery(images, path=tmp_path / "gallery.png", rows=1, data_format="channels_first")
    assert keras.utils.load_img(tmp_path / "gallery.png").size[0] > 300 and plt.get_fignums() == figures
    with pytest.raises(ValueError, match="label_map"):
        vis.plot_image_gallery(images, y_true=[0, 1, 2])


def test_galleries_of_boxes_and_masks(plt: Any) -> None:
    images = np.full((2, 60, 70, 3), 0.2)
    boxes = {k: np.repeat(v, 2, axis=0) for k, v in BOX.items()}
    vis.plot_bounding_box_gallery(images, "xyxy", y_true=boxes, value_range=(0, 1), legend=True, show=False)
    shown = plt.gcf().axes[1].images[0].get_array()
    assert shown[30, 10].tolist() == [0, 188, 212] and shown[0, 0].tolist() == [51, 51, 51]
    assert [t.get_text() for t in plt.gcf().legends[0].get_texts()] == ["Ground Truth", "Prediction"]
    masks = np.ones((2, 60, 70))
    vis.plot_segmentation_mask_gallery(images, 2, (0, 1), masks, masks * 0, {0: (0, 0, 0), 1: (255, 0, 0)}, alpha=1.0, show=False)
    assert [a.images[0].get_array()[0, 0].tolist() for a in plt.gcf().axes] == [[51, 51, 51], [255, 0, 0], [0, 0, 0]] * 2
