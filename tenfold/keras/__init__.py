"""`tf.keras`: layers, models, training and saving, as Keras 3 has them. Modules are loaded when they are first used."""

from tenfold.keras import lazy as _lazy

__version__ = "3.15.1"
__getattr__, __dir__ = _lazy.names(
    "tenfold.keras",
    {
        "tenfold.keras.models": "Model Sequential models=*",
        "tenfold.keras.model": "Functional",
        "tenfold.keras.input_layer": "Input InputLayer",
        "tenfold.keras.symbolic": "KerasTensor",
        "tenfold.keras.operation": "Operation",
        "tenfold.keras.function": "Function",
        "tenfold.keras.layers.base": "Layer",
        "tenfold.keras.layers.input_spec": "InputSpec",
        "tenfold.keras.variables": "Variable name_scope",
        "tenfold.keras.dtype_policies": "DTypePolicy FloatDTypePolicy dtype_policies=*",
        "tenfold.keras.activations": "activations=*",
        "tenfold.keras.backend": "backend=*",
        "tenfold.keras.callbacks": "callbacks=*",
        "tenfold.keras.config": "config=*",
        "tenfold.keras.constraints": "constraints=* Constraint",
        "tenfold.keras.datasets": "datasets=*",
        "tenfold.keras.distribution": "distribution=*",
        "tenfold.keras.scopes": "SymbolicScope device version",
        "tenfold.keras.initializers": "initializers=* Initializer",
        "tenfold.keras.layers": "layers=*",
        "tenfold.keras.losses": "losses=* Loss",
        "tenfold.keras.metrics": "metrics=* Metric",
        "tenfold.keras.mixed_precision": "mixed_precision=*",
        "tenfold.keras.ops": "ops=*",
        "tenfold.keras.optimizers": "optimizers=* Optimizer",
        "tenfold.keras.preprocessing": "preprocessing=*",
        "tenfold.keras.quantizers": "quantizers=* Quantizer",
        "tenfold.keras.random": "random=*",
        "tenfold.keras.regularizers": "regularizers=* Regularizer",
        "tenfold.keras.rematerialization": "RematScope remat",
        "tenfold.keras.saving": "saving=*",
        "tenfold.keras.stateless": "StatelessScope",
        "tenfold.keras.tree": "tree=*",
        "tenfold.keras.utils": "utils=*",
    },
    gone={
        "estimator": "Estimators ended with TensorFlow 2.15. Try model.fit.",
        "experimental": "Try the public names of keras.layers, keras.optimizers and keras.utils.",
        "src": "It is the inside of another implementation. Try the public names of keras.",
    },
)
