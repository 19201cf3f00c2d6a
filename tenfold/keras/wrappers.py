"""`keras.wrappers`: models as estimators of scikit-learn, which must be installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.keras.models.cloning import clone_model
from tenfold.keras.models.model import Model

try:
    _base: Any = importlib.import_module("sklearn.base")
    _validation: Any = importlib.import_module("sklearn.utils.validation")
except ImportError:
    _base = _validation = None


def _part(name: str) -> Any:
    """A base class of scikit-learn's; a plain class where it is not installed."""
    return type(name, (), {}) if _base is None else getattr(_base, name)


_Estimator, _Regressor, _Classifier, _Transformer = map(_part, ("BaseEstimator", "RegressorMixin", "ClassifierMixin", "TransformerMixin"))


class _Base(_Estimator):  # type: ignore[misc, valid-type]
    """What the wrappers share.

    Args:
        model: a compiled model, of which each fit trains a copy; or a function `model(X, y, **model_kwargs)` that makes one.
        warm_start: whether a second fit goes on with the model of the first.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of the model's `fit`.
    """

    def __init__(self, model: Model | Callable[..., Any], warm_start: bool = False, model_kwargs: Any = None, fit_kwargs: Any = None) -> None:
        if _base is None:
            raise ImportError(f"{type(self).__name__} requires scikit-learn. Try pip install scikit-learn.")
        self.model, self.warm_start, self.model_kwargs, self.fit_kwargs = model, warm_start, model_kwargs, fit_kwargs

    def _made(self, X: Any, y: Any) -> Any:
        if isinstance(self.model, Model):
            made = clone_model(self.model)
            made.compile_from_config(self.model.get_compile_config())
            return made
        return self.model(X, y, **(self.model_kwargs or {}))

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Trains a model."""
        X, y = _validation.validate_data(self, X, y, multi_output=True)
        y = self._targets(y)
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = self._made(X, y)
        self.history_ = self.model_.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        return self

    def _targets(self, y: Any) -> Any:
        """The targets as the model takes them."""
        return y

    def _outputs(self, X: Any) -> Any:
        _validation.check_is_fitted(self, "model_")
        return self.model_.predict(_validation.validate_data(self, X, reset=False), verbose=0)


class SKLearnRegressor(_Regressor, _Base):  # type: ignore[misc, valid-type]
    """A model that predicts numbers, as a scikit-learn regressor."""

    def predict(self, X: Any) -> Any:
        """The model's outputs; a single one without its dimension."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs


class SKLearnClassifier(_Classifier, _Base):  # type: ignore[misc, valid-type]
    """A model that tells classes apart, as a scikit-learn classifier: its targets are one-hot rows."""

    def _targets(self, y: Any) -> Any:
        self.classes_, numbers = np.unique(y, return_inverse=True)
        return np.eye(len(self.classes_), dtype="float32")[numbers.reshape(-1)]

    def predict(self, X: Any) -> Any:
        """The class of each row's largest output."""
        return self.classes_[self._outputs(X).argmax(-1)]


class SKLearnTransformer(_Transformer, _Base):  # type: ignore[misc, valid-type]
    """A model whose outputs are features, as a scikit-learn transformer."""

    def transform(self, X: Any) -> Any:
        """The model's outputs."""
        return self._outputs(X)


__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]
