"""`keras.backend`: what Keras 3 has of it, and the functions of Keras 2, for programs that still use them."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.backend",
    {
        "tenfold.keras.backend.convolutions": (
            "conv1d conv2d conv2d_transpose conv3d depthwise_conv2d pool2d pool3d resize_images resize_volumes separable_conv2d "
            "spatial_2d_padding spatial_3d_padding"
        ),
        "tenfold.keras.backend.functions": (
            "arange batch_dot batch_flatten batch_get_value batch_normalization batch_set_value bias_add binary_crossentropy "
            "binary_focal_crossentropy cast cast_to_floatx categorical_crossentropy categorical_focal_crossentropy constant count_params dot "
            "dropout dtype eval eye flatten function fuzz_factor gather get_value gradients in_test_phase in_top_k in_train_phase int_shape "
            "is_sparse l2_normalize learning_phase moving_average_update ones permute_dimensions pow random_bernoulli random_normal "
            "random_normal_variable random_uniform random_uniform_variable repeat repeat_elements reverse set_learning_phase set_value shape "
            "sparse_categorical_crossentropy switch temporal_padding to_dense transpose truncated_normal update update_add update_sub "
            "variable zeros"
        ),
        "tenfold.keras.backend.sequences": "ctc_batch_cost ctc_decode ctc_label_dense_to_sparse rnn",
        "tenfold.keras.backend.session": "backend clear_session get_uid is_keras_tensor name_scope",
        "tenfold.keras.base.defaults": "epsilon floatx image_data_format set_epsilon set_floatx set_image_data_format",
        "tenfold.keras.base.dtypes": "is_float_dtype is_int_dtype standardize_dtype",
        "tenfold.keras.base.promotion": "result_type",
        "tenfold.keras.ops": (
            "abs all any argmax argmin clip concatenate cos cumprod cumsum elu equal exp expand_dims floor greater greater_equal hard_sigmoid "
            "less less_equal log logsumexp max maximum mean min minimum ndim not_equal one_hot ones_like prod relu reshape round sigmoid sign "
            "sin softmax softplus softsign sqrt square squeeze stack std stop_gradient sum tan tanh tile var zeros_like"
        ),
        "tenfold.keras.base.variables": "Variable",
        "tenfold.transform.control": "foldl foldr map_fn",
    },
    gone={
        "get_session": "There are no sessions: operations run at once, and inside a tf.function.",
        "placeholder": "Try keras.Input.",
        "print_tensor": "Try tf.print.",
        "set_session": "There are no sessions: operations run at once, and inside a tf.function.",
    },
)
