"""The public names: they exist, `dir` tells the truth, and importing is light."""

import subprocess
import sys
from pathlib import Path

import pytest

import tenfold as tf

LATER = {"data", "initializers", "keras", "losses", "metrics", "optimizers"}  # namespaces that stand above the operations
EXPECTED = {
    "": "constant convert_to_tensor cast zeros ones zeros_like fill eye range linspace one_hot reshape transpose concat stack unstack split tile"
    " repeat pad expand_dims squeeze gather gather_nd scatter_nd where boolean_mask shape size rank identity meshgrid sort argsort unique"
    " Variable Tensor TensorShape TensorSpec"
    " GradientTape function Module name_scope device custom_gradient recompute_grad stop_gradient cond while_loop map_fn scan"
    " float32 int32 bool newaxis print add matmul reduce_mean argmax clip_by_value clip_by_norm clip_by_global_norm norm einsum tensordot"
    " executing_eagerly init_scope is_tensor py_function numpy_function UnconnectedGradients math nn linalg random image signal debugging errors nest"
    " dtypes config version bitwise autodiff experimental",
    "math": "log exp erf lgamma reduce_std top_k confusion_matrix segment_sum unsorted_segment_sum cumsum cumprod divide_no_nan xlogy polyval"
    " squared_difference l2_normalize bincount in_top_k add_n reduce_logsumexp softplus is_nan rsqrt",
    "nn": "relu relu6 leaky_relu elu selu gelu silu swish softplus softsign softmax log_softmax sigmoid tanh conv1d conv2d conv3d conv2d_transpose"
    " depthwise_conv2d separable_conv2d convolution max_pool max_pool2d avg_pool2d bias_add dropout batch_normalization moments l2_loss"
    " sigmoid_cross_entropy_with_logits softmax_cross_entropy_with_logits sparse_softmax_cross_entropy_with_logits embedding_lookup log_poisson_loss",
    "linalg": "matmul matvec inv det cholesky qr svd eigh solve norm trace diag diag_part band_part global_norm einsum",
    "random": "set_seed uniform normal truncated_normal shuffle categorical stateless_uniform stateless_normal Generator",
    "image": "resize flip_left_right rot90 central_crop adjust_brightness rgb_to_grayscale random_flip_left_right resize_with_pad ResizeMethod",
    "debugging": "assert_equal assert_shapes check_numerics Assert",
    "config": "list_physical_devices run_functions_eagerly set_soft_device_placement threading experimental",
    "nest": "flatten map_structure pack_sequence_as assert_same_structure is_nested",
    "signal": "fft ifft rfft irfft stft frame",
}


@pytest.mark.parametrize("namespace", EXPECTED)
def test_names_exist(namespace):
    place = getattr(tf, namespace) if namespace else tf
    missing = [name for name in EXPECTED[namespace].split() if not hasattr(place, name)]
    assert not missing


def test_dir_lists_names_that_can_be_loaded():
    for name in dir(tf):
        if name not in LATER and not name.endswith("_initializer"):
            getattr(tf, name)


def test_every_name_of_tf_is_listed():
    assert {"constant", "math", "GradientTape", "newaxis", "__version__"} <= set(dir(tf))


def test_a_missing_name_names_the_closest():
    with pytest.raises(AttributeError, match=r"no tf\.reduce_meen.*tf\.reduce_mean"):
        _ = tf.reduce_meen


def test_version_is_the_packages():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{tf.__version__}"' in text
    assert tf.version.VERSION == tf.__version__


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])


def test_small_eager_operations_load_no_compiler():
    calls = "tf.constant([1.0]) + 1; tf.sort([3, 1]); tf.math.erf([0.5]); tf.cumsum([1, 2]); tf.sigmoid([1.0]); tf.math.reduce_std([1.0])"
    done = run(f"import tenfold as tf, sys; {calls}; print([m for m in ('llvmlite', 'concurrent.futures', 'tenfold.compiler') if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_import_is_silent_and_loads_no_compiler():
    done = run("import tenfold, sys; print([m for m in ('llvmlite', 'h5py', 'PIL', 'tenfold.ops', 'tenfold.keras') if m in sys.modules])")
    assert done.returncode == 0
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


FIRST = ["tf.nn.silu([1.0])", "tf.math.reduce_mean([1.0])", "tf.random.normal([2])", "tf.constant([1.0]) + 1", "tf.Variable(1.0) * 2"]


@pytest.mark.parametrize("first", FIRST)
def test_any_name_can_be_the_first_one(first):
    done = run(f"import tenfold as tf; {first}")
    assert done.returncode == 0, done.stderr
