"""FeatureSpace: the columns of a table, each encoded in its own way, as one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tenfold.core.dtypes import string
from tenfold.data.dataset import Dataset
from tenfold.keras import saving
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import array, as_tensor
from tenfold.keras.layers.base import Layer
from tenfold.keras.layers.preprocessing.category_encoding import CategoryEncoding
from tenfold.keras.layers.preprocessing.discretization import Discretization
from tenfold.keras.layers.preprocessing.hashing import HashedCrossing, Hashing
from tenfold.keras.layers.preprocessing.lookups import IntegerLookup, StringLookup
from tenfold.keras.layers.preprocessing.normalization import Normalization
from tenfold.keras.layers.preprocessing.rescaling import Rescaling
from tenfold.keras.layers.preprocessing.text_vectorization import TextVectorization
from tenfold.keras.models.input_layer import Input
from tenfold.keras.saving import serialization
from tenfold.primitives.movement import expand_dims, reshape

_HERE = "keras.src.layers.preprocessing.feature_space"  # where Keras defines the parts that it does not export


@register(_HERE)
class Cross:
    """Features to be crossed: their combinations fall into buckets."""

    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> None:
        _allowed("output_mode", output_mode, ("int", "one_hot"))
        self.feature_names, self.crossing_dim, self.output_mode = tuple(feature_names), crossing_dim, output_mode

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """What it is made from."""
        return {"feature_names": self.feature_names, "crossing_dim": self.crossing_dim, "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cross:
        """One from its config."""
        return cls(**config)


@register(_HERE)
class Feature:
    """A feature: its type, the layer that prepares it, and whether the result is one-hot encoded."""

    def __init__(self, dtype: Any, preprocessor: Any, output_mode: str) -> None:
        _allowed("output_mode", output_mode, ("int", "one_hot", "float"))
        self.dtype, self.output_mode = dtype, output_mode
        self.preprocessor = serialization.deserialize_keras_object(preprocessor) if isinstance(preprocessor, dict) else preprocessor

    def get_config(self) -> dict[str, Any]:
        """What it is made from."""
        return {"dtype": self.dtype, "preprocessor": serialization.serialize_keras_object(self.preprocessor), "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        """One from its config."""
        return cls(**config)


@register(_HERE)
class TFDIdentity(Layer):
    """The input as it is."""

    def call(self, x: Any) -> Any:
        return x


@register(_HERE)
class TFDConcat(Layer):
    """The inputs one after the other."""

    def __init__(self, axis: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, xs: Any) -> Any:
        return array.concat(xs, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


@register("keras.utils")
class FeatureSpace(Layer):
    """The columns of a table, each encoded in its own way, and their crosses, as one vector (or a dict of them).

    Args:
        features: the kind of each column: "float", "float_normalized", "float_rescaled", "float_discretized", "integer_categorical",
            "string_categorical", "integer_hashed", "string_hashed", or what the methods of these names (and `feature`) return.
        output_mode: "concat": one vector; "dict": one for each feature.
        crosses: tuples of names of features to be crossed, or what `cross` returns.
        crossing_dim: the number of buckets of a cross.
        hashing_dim: the number of buckets of a hashed feature.
        num_discretization_bins: the number of bins of a discretized feature.

    Example:
        >>> space = FeatureSpace({"age": "float_normalized", "city": "string_categorical"})
        >>> space.adapt({"age": [20.0, 40.0], "city": ["Rome", "Oslo"]})
        >>> space({"age": 40.0, "city": "Oslo"}).numpy()
        array([1., 0., 0., 1.], dtype=float32)
    """

    # --- kinds of features ---
    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """A cross of features."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: Any, preprocessor: Any, output_mode: str) -> Feature:
        """A feature with a layer of your own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return Feature("float32", TFDIdentity(dtype="float32", name=_name(name, "float")), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """scale * numbers + offset."""
        return Feature("float32", Rescaling(scale=scale, offset=offset, name=_name(name, "float_rescaled")), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers with mean 0 and variance 1."""
        return Feature("float32", Normalization(axis=-1, name=_name(name, "float_normalized")), "float")

    @classmethod
    def float_discretized(cls, num_bins: Any, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Numbers as the bins that they fall into."""
        layer = Discretization(num_bins=num_bins, bin_boundaries=bin_boundaries, name=_name(name, "float_discretized"))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
                            name: str | None = None) -> Feature:  # fmt: skip
        """Integers as their numbers in a vocabulary."""
        layer = IntegerLookup(name=_name(name, "integer_categorical"), max_tokens=max_tokens, num_oov_indices=num_oov_indices)
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
                           name: str | None = None) -> Feature:  # fmt: skip
        """Strings as their numbers in a vocabulary."""
        layer = StringLookup(name=_name(name, "string_categorical"), max_tokens=max_tokens, num_oov_indices=num_oov_indices)
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Strings in buckets."""
        return Feature("string", Hashing(name=_name(name, "string_hashed"), num_bins=num_bins), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Integers in buckets."""
        return Feature("int32", Hashing(name=_name(name, "integer_hashed"), num_bins=num_bins), output_mode)

    # --- making one ---
    def __init__(self, features: Any, output_mode: str = "concat", crosses: Any = None, crossing_dim: int = 32, hashing_dim: int = 32,
                 num_discretization_bins: int = 32, name: str | None = None) -> None:  # fmt: skip
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        self.crossing_dim, self.hashing_dim, self.num_discretization_bins = crossing_dim, hashing_dim, num_discretization_bins
        self.features: dict[str, Feature] = {name: self._feature_of(name, kind) for name, kind in features.items()}
        self.crosses: list[Cross] = [self._cross_of(c) for c in crosses or ()]
        self.crosses_by_name = {c.name: c for c in self.crosses}
        self.output_mode = _allowed("output_mode", output_mode, ("dict", "concat"))
        self.inputs = {name: Input((1,), dtype=feature.dtype, name=name) for name, feature in self.features.items()}
        self.preprocessors = {name: feature.preprocessor for name, feature in self.features.items()}
        self.crossers = {c.name: HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self.one_hot_encoders: dict[str, CategoryEncoding] = {}
        self.concat: Any = None
        self.encoded_features: Any = None
        self._is_adapted = False

    def _feature_of(self, name: str, kind: Any) -> Feature:
        if isinstance(kind, Feature):
            return kind
        if isinstance(kind, dict):
            made: Feature = serialization.deserialize_keras_object(kind)
            return made
        options = {"float_discretized": {"num_bins": self.num_discretization_bins}, "integer_hashed": {"num_bins": self.hashing_dim},
                   "string_hashed": {"num_bins": self.hashing_dim}}  # fmt: skip
        known = ("float", "float_normalized", "float_rescaled", "float_discretized", "integer_categorical", "string_categorical",
                 "integer_hashed", "string_hashed")  # fmt: skip
        if kind not in known:
            raise ValueError(f"Invalid feature type: {kind}. Expected one of {known}, or FeatureSpace.feature(...).")
        found: Feature = getattr(type(self), kind)(name=name, **options.get(kind, {}))
        return found

    def _cross_of(self, cross: Any) -> Cross:
        if isinstance(cross, dict):
            cross = serialization.deserialize_keras_object(cross)
        if isinstance(cross, Cross):
            return cross
        if not self.crossing_dim:
            raise ValueError("When specifying `crosses`, the argument `crossing_dim` (dimensionality of the crossing space) should be "
                             "specified as well.")  # fmt: skip
        if any(name not in self.features for name in cross):
            raise ValueError("All features referenced in the `crosses` argument should be present in the `features` dict. "
                             f"Received unknown features: {cross}")  # fmt: skip
        return Cross(cross, crossing_dim=self.crossing_dim)

    # --- learning ---
    def _learning(self) -> list[str]:
        """The features whose layers learn from data."""
        settled = {name for name, layer in self.preprocessors.items()
                   if (isinstance(layer, Normalization) and layer.input_mean is not None)
                   or (isinstance(layer, TextVectorization) and layer._has_input_vocabulary)
                   or (isinstance(layer, Discretization) and layer.num_bins is None)}  # fmt: skip
        return [name for name, layer in self.preprocessors.items() if hasattr(layer, "adapt") and name not in settled]

    def adapt(self, dataset: Any, verbose: Any = 1) -> None:
        """Lets the layers learn from a data set of dicts (or a dict of whole columns), in one pass (two with normalized features)."""
        if isinstance(dataset, dict):
            dataset = Dataset.from_tensor_slices(dataset)
        if not isinstance(dataset, Iterable):
            raise ValueError("`adapt()` can only be called on a tf.data.Dataset or a dict of arrays/lists. "
                             f"Received instead: {dataset} (of type {type(dataset)})")  # fmt: skip
        learning = self._learning()
        if learning and isinstance(dataset, Dataset) and not next(iter(dataset))[learning[0]].shape:
            dataset = dataset.batch(32)
        counting = [n for n in learning if hasattr(self.preprocessors[n], "update_state")]
        for name in counting:
            self.preprocessors[name].reset_state()
        for batch in dataset if counting else ():
            for name in counting:
                self.preprocessors[name].update_state(_column(batch[name]))
        for name in counting:
            self.preprocessors[name].finalize_state()
        for name in learning:
            if name not in counting:
                self.preprocessors[name].adapt(_columns(dataset, name))
        self._is_adapted = True
        self.encoded_features = None
        self.get_encoded_features()

    def _check_adapted(self) -> None:
        if not self._is_adapted and self._learning():
            raise ValueError("You need to call `.adapt(dataset)` on the FeatureSpace before you can start using it.")
        self._is_adapted = True

    # --- encoding ---
    def get_inputs(self) -> Any:
        """The inputs of a functional model: a dict of KerasTensors."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """What the inputs become: the start of a functional model."""
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
            self.built = True
        return self.encoded_features

    def _encoded(self, inputs: Any) -> Any:
        prepared = {name: self.preprocessors[name](x) for name, x in inputs.items()}
        crossed = {c.name: self.crossers[c.name]([prepared[name] for name in c.feature_names]) for c in self.crosses}
        specs: dict[str, Any] = {**{n: self.features[n] for n in sorted(prepared)}, **{n: self.crosses_by_name[n] for n in sorted(crossed)}}
        made = {name: self._vector(name, spec, {**prepared, **crossed}[name]) for name, spec in specs.items()}
        if self.output_mode == "dict":
            return made
        for name, x in made.items():
            if x.dtype.is_integer or x.dtype is string:
                raise ValueError(f"Cannot concatenate features because feature '{name}' has not been encoded (it has dtype {x.dtype.name}). "
                                 "Consider using `output_mode='dict'`.")  # fmt: skip
        if self.concat is None:
            self.concat = TFDConcat(axis=-1)
        return self.concat(list(made.values()))

    def _vector(self, name: str, spec: Any, x: Any) -> Any:
        """A feature, one-hot encoded if it is to be."""
        if spec.output_mode != "one_hot":
            return x
        if not x.dtype.is_integer:
            raise ValueError(f"Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor should return an integer dtype. "
                             f"Instead it returns a {x.dtype.name} dtype.")  # fmt: skip
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers.get(name)
            self.one_hot_encoders[name] = CategoryEncoding(num_tokens=_cardinality(name, layer), output_mode="multi_hot")
        return self.one_hot_encoders[name](x)

    def __call__(self, data: Any) -> Any:
        """Encodes a dict of columns (or of single values, or of KerasTensors)."""
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(f"A FeatureSpace can only be called with a dict. Received: data={data} (of type {type(data)}")
        tensors = {name: x if hasattr(x, "_keras_history") and not hasattr(x, "numpy") else as_tensor(x) for name, x in data.items()}
        single = any(x.ndim == 0 for x in tensors.values())
        result = self._encoded({name: _column(tensors[name]) for name in self.features})
        if not single:
            return result
        if self.output_mode == "concat":
            return reshape(result, result.sizes[1:])
        return {name: reshape(x, x.sizes[1:]) if x.ndim == 2 else x for name, x in result.items()}

    # --- files ---
    def get_config(self) -> dict[str, Any]:
        keep = serialization.serialize_keras_object
        return {"features": keep(self.features), "output_mode": self.output_mode, "crosses": keep(self.crosses), "crossing_dim": self.crossing_dim,
                "hashing_dim": self.hashing_dim, "num_discretization_bins": self.num_discretization_bins}  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)

    def get_build_config(self) -> dict[str, Any]:
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        for name, own in config.items():
            if own and not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(own)
        self._is_adapted = True

    def save(self, filepath: Any) -> None:
        """Writes it to a `.keras` file, which `keras.models.load_model` reads."""
        saving.save_model(self, filepath)

    def save_own_variables(self, store: Any) -> None:
        """It has none itself."""

    def load_own_variables(self, store: Any) -> None:
        """It has none itself."""


def _allowed(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"Invalid value for argument `{name}`. Expected one of {allowed}. Received: {name}={value}")
    return value


def _name(name: str | None, kind: str) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _column(x: Any) -> Any:
    """Values as a column: [n, 1]."""
    x = x if hasattr(x, "ndim") else as_tensor(x)
    return reshape(as_tensor(x), (1, 1)) if x.ndim == 0 else expand_dims(as_tensor(x), 1) if x.ndim == 1 else x


def _columns(batches: Iterable[Any], name: str) -> Iterator[Any]:
    return (_column(batch[name]) for batch in batches)


def _cardinality(name: str, layer: Any) -> int:
    """How many different numbers a layer gives."""
    if isinstance(layer, (IntegerLookup, StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, Discretization):
        return layer.num_bins or layer._depth()  # few data may have made fewer bins; the vector keeps its length
    if isinstance(layer, (HashedCrossing, Hashing)):
        return layer.num_bins
    raise ValueError(f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard feature and the dimensionality of its output space "
                     "is not known, thus it cannot be one-hot encoded. Try using `output_mode='int'`.")  # fmt: skip
