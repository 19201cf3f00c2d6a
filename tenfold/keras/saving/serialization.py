"""Objects <-> the JSON of Keras 3's files. From a name to an object leads only the closed registry, and what the user put in a scope."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import TensorShape
from tenfold.keras.base.lazy import load_class
from tenfold.keras.base.operation import Function
from tenfold.keras.base.registry import OBJECTS, public_module
from tenfold.keras.base.symbolic import MODULES, KerasTensor, operation_named
from tenfold.keras.saving.safe_mode import reading_config
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.tensor.variable import Variable

T = TypeVar("T")
MAX_DEPTH = 200  # of nested configs; a file that goes deeper is not a model
_registered: dict[str, Any] = {}  # "package>Name" -> class or function
_names: dict[Any, str] = {}
_custom: dict[str, Any] = {}  # get_custom_objects()
_scopes: list[dict[str, Any]] = []
_PLAIN = (str, int, float, bool)


class WrongTypeError(InvalidArgumentError, TypeError):
    """A config holds a value of another type than its form asks for."""


class UnknownObjectError(InvalidArgumentError, TypeError):
    """A config names a class or function that nobody registered."""


# --- what users register ---
def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorator: files may name this class or function, as `package>name`.

    Example:
        >>> @register_keras_serializable("mine")
        ... def double(x):
        ...     return 2 * x
        >>> get_registered_name(double)
        'mine>double'
    """

    def register(thing: T) -> T:
        full = f"{package}>{name or thing.__name__}"  # type: ignore[attr-defined]
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError("Cannot register a class that does not have a get_config() method.")
        _registered[full] = thing
        _names[thing] = full
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered; else its own."""
    return str(_names.get(obj, obj.__name__))


def get_custom_objects() -> dict[str, Any]:
    """The global table of custom objects; change it in place."""
    return _custom


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None) -> Any:
    """The custom or registered object of this name; None if there is none."""
    places: list[Mapping[str, Any]] = [custom_objects or {}, *reversed(_scopes), _custom, _registered, module_objects or {}]
    return next((place[name] for place in places if name in place), None)


class CustomObjectScope:
    """Inside `with CustomObjectScope({"Name": Class}):` configs may name these objects."""

    def __init__(self, custom_objects: Mapping[str, Any] | None = None, **more: Any) -> None:
        self.custom_objects = {**(custom_objects or {}), **more}

    def __enter__(self) -> CustomObjectScope:
        _scopes.append(self.custom_objects)
        return self

    def __exit__(self, *error: Any) -> None:
        _scopes.remove(self.custom_objects)


custom_object_scope = CustomObjectScope


# --- objects -> JSON ---
def serialize_keras_object(obj: Any) -> Any:
    """The JSON form of a layer, a function, a tensor, or a structure of them."""
    if obj is None or isinstance(obj, bool) or type(obj) in _PLAIN:
        return obj
    if isinstance(obj, (list, tuple, Mapping, TensorShape)) and not hasattr(obj, "get_config"):
        return _serialize_structure(obj)
    special = _serialize_special(obj)
    if special is not None:
        return special
    if inspect.isfunction(obj) or inspect.isbuiltin(obj) or (callable(obj) and not hasattr(obj, "get_config") and hasattr(obj, "__name__")):
        return _serialize_function(obj)
    if inspect.isclass(obj) or not hasattr(obj, "get_config"):
        raise TypeError(f"[serialize] Cannot serialize object {obj!r} of type {type(obj)}. Try giving the class a `get_config()` method.")
    return _serialize_instance(obj)


def _serialize_structure(obj: Any) -> Any:
    if isinstance(obj, TensorShape):
        return list(obj)
    if isinstance(obj, Mapping):
        return {str(k): serialize_keras_object(v) for k, v in obj.items()}
    return [serialize_keras_object(v) for v in obj]


def _serialize_special(obj: Any) -> Any:
    if isinstance(obj, DType):
        return obj.name
    if isinstance(obj, KerasTensor):
        history = None if obj._keras_history is None else [obj._keras_history[0].name, *obj._keras_history[1:]]
        return _tagged("__keras_tensor__", shape=list(obj.shape), dtype=obj.dtype.name, keras_history=history)
    if isinstance(obj, (Tensor, Variable)):
        return _tagged("__tensor__", value=obj.numpy().tolist(), dtype=obj.dtype.name)
    if isinstance(obj, (np.ndarray, np.generic)):
        return _tagged("__numpy__", value=obj.tolist(), dtype=obj.dtype.name)
    if isinstance(obj, slice):
        return _tagged("__slice__", **{k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")})
    if isinstance(obj, bytes):
        return _tagged("__bytes__", value=obj.decode("latin-1"))
    if obj is Ellipsis:
        return _tagged("__ellipsis__")
    if isinstance(obj, (int, float, str)):
        return obj.__class__.__mro__[1](obj)
    return None


def _tagged(tag: str, **config: Any) -> dict[str, Any]:
    return {"class_name": tag, "config": config}


def _serialize_function(obj: Any) -> dict[str, Any]:
    if getattr(obj, "__name__", "") == "<lambda>":
        raise ValueError("[serialize] a lambda cannot be saved: files hold no code. Try a named function decorated with "
                         "@keras.saving.register_keras_serializable().")  # fmt: skip
    name = obj.__name__ if public_module(obj) is not None else get_registered_name(obj)
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}  # as Keras 3.15 writes and reads it


_PRIVATE = {"Functional": "keras.src.models.functional"}  # classes that Keras itself does not export


def _serialize_instance(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    config = serialize_dict(obj.get_config())
    if isinstance(obj, Function):
        return {"module": MODULES[obj.kind], "class_name": obj.kind, "config": config, "registered_name": obj.kind}
    module = public_module(cls)
    if module is not None:
        private = _PRIVATE.get(cls.__name__)
        result = {"module": private or module, "class_name": cls.__name__, "config": config, "registered_name": cls.__name__ if private else None}
    else:
        where = None if cls.__module__ in ("__main__", "builtins") else cls.__module__
        result = {"module": where, "class_name": cls.__name__, "config": config, "registered_name": get_registered_name(cls)}
    for key, method in (("build_config", "get_build_config"), ("compile_config", "get_compile_config")):
        value = getattr(obj, method)() if hasattr(obj, method) else None
        if value is not None:
            result[key] = serialize_dict(value)
    return result


def serialize_dict(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config with its values serialized; tuples become lists, as in Keras's configs."""
    return {k: serialize_keras_object(v) for k, v in config.items()}


# --- JSON -> objects ---
def refuse_code() -> None:
    """Raises InvalidArgumentError: a file holds Python code."""
    raise InvalidArgumentError(_CODE)


_CODE = (
    "[deserialize] the file holds Python code (a lambda or a Lambda layer), which Tenfold never runs from a file, safe_mode or not. Try replacing "
    "it by a layer class, or by a named function registered with @keras.saving.register_keras_serializable(), and saving again."
)


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **unused: Any) -> Any:
    """The object of a JSON form.

    Args:
        config: the form.
        custom_objects: what it may name besides the registered classes and functions.
        safe_mode: whether it may not have other files read, such as vocabularies. Code never runs from it in any case.

    Raises:
        ValueError: the config is malformed, names something unknown, or holds code.
    """
    with reading_config(safe_mode), CustomObjectScope(custom_objects):
        return _deserialize(config, 0)


def _deserialize(config: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidArgumentError(f"[deserialize] the config is nested deeper than {MAX_DEPTH} levels: this is no model.")
    if config is None or isinstance(config, bool) or type(config) in (int, float):
        return config
    if isinstance(config, str):
        found = get_registered_object(config)
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return [_deserialize(v, depth + 1) for v in config]
    if not isinstance(config, Mapping):
        raise InvalidArgumentError(f"[deserialize] expected a JSON value; received {type(config).__name__}.")
    if "class_name" not in config or "config" not in config:
        return {k: _deserialize(v, depth + 1) for k, v in config.items()}
    name, inner = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise InvalidArgumentError(f"[deserialize] class_name must be a string; received {type(name).__name__}.")
    if name.startswith("__"):
        return _deserialize_special(name, inner, depth)
    if name == "function":
        return _find(config.get("module"), inner, config.get("registered_name"))
    return _instance(config, name, inner)


def _deserialize_special(tag: str, inner: Any, depth: int) -> Any:
    if tag == "__lambda__":
        refuse_code()
    if tag == "__keras_tensor__" and isinstance(inner, Mapping):
        return KerasTensor(inner["shape"], inner["dtype"])
    if tag == "__typespec__" and not isinstance(inner, (list, tuple)):
        raise WrongTypeError(f"[deserialize] malformed type. Expected 'config' to be a list or a tuple; received {type(inner).__name__}.")
    value = _deserialize(inner, depth + 1)
    if isinstance(value, dict):
        if tag == "__tuple__":
            return tuple(value["value"])
        if tag == "__tensor__":
            return as_tensor(value["value"], value["dtype"])
        if tag == "__numpy__":
            return np.array(value["value"], dtype=value["dtype"])
        if tag == "__slice__":
            return slice(value["start"], value["stop"], value["step"])
        if tag == "__bytes__":
            return str(value["value"]).encode("latin-1")
        if tag == "__ellipsis__":
            return ...
    raise InvalidArgumentError(f"[deserialize] unknown form {tag!r} in the config.")


def _instance(config: Mapping[str, Any], name: str, inner: Any) -> Any:
    module = config.get("module")
    if isinstance(module, str) and module.startswith("keras.src.ops"):
        known = inspect.signature(operation_named(name)).parameters
        return Function(name, **{str(k): _deserialize(v, 0) for k, v in dict(inner or {}).items() if v is not None and (k in known or k == "name")})
    cls = _find(module, name, config.get("registered_name"))
    if not inspect.isclass(cls) or not hasattr(cls, "from_config"):
        raise UnknownObjectError(f"[deserialize] Unable to reconstruct an instance of {name!r}: it is not a class with a from_config() method.")
    if not isinstance(inner, Mapping):
        raise WrongTypeError(f"[deserialize] the config of {name} must be a dictionary. Expected 'config' to be a dict; received "
                             f"{type(inner).__name__}.")  # fmt: skip
    try:
        made = cls.from_config(_without_unknown(cls, inner))
    except (KeyError, AttributeError, RecursionError) as error:
        raise InvalidArgumentError(f"[deserialize] the config of {name} is malformed: {type(error).__name__}: {error}.") from None
    except TypeError as error:
        raise UnknownObjectError(f"[deserialize] {name} could not be made from its config: {error}. Received config={_short(inner)}. If it holds "
                                 "layers, make sure that they are explicitly deserialized in `from_config()`.") from None  # fmt: skip
    build = config.get("build_config")
    if build and hasattr(made, "build_from_config") and not getattr(made, "built", False):
        made.build_from_config(build)
    if config.get("compile_config") and hasattr(made, "compile_from_config"):
        try:
            made.compile_from_config(config["compile_config"])
        except UnknownObjectError as error:
            raise UnknownObjectError(f"{error.message} Or load it without its loss, metrics and optimizer: compile=False.") from None
    return made


_UNUSED = frozenset({"renorm_momentum"})


def _without_unknown(cls: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without the options that newer versions of Keras know and that are not used there."""
    if public_module(cls) is None:
        return dict(config)
    known = {name for base in cls.__mro__ if "__init__" in vars(base) for name in inspect.signature(base.__init__).parameters}
    return {k: v for k, v in config.items() if k in known or (v is not None and v is not False and k not in _UNUSED)}


def _find(module: Any, name: Any, registered: Any) -> Any:
    """The class or function that a config names.

    Raises:
        UnknownObjectError: the registry and the scopes do not know it.
    """
    if not isinstance(name, str):
        raise WrongTypeError(f"[deserialize] a function's config must be its name. Expected 'config' to be a non-null str; received {name!r}.")
    for candidate in (registered, name):
        found = get_registered_object(candidate) if isinstance(candidate, str) else None
        if found is not None:
            return found
    load_class(name)
    found = _builtin(module, name)
    if found is None:
        return _find_registered(module, name, registered)
    if isinstance(registered, str) and registered not in ("", name, getattr(found, "__name__", name), "function"):
        raise UnknownObjectError(f"[deserialize] {name!r} resolved to a Keras built-in, but its registered_name is {registered!r}, which nobody "
                                 "registered. Try custom_objects.")  # fmt: skip
    return found


def _builtin(module: Any, name: str) -> Any:
    """The class or function of this package; None if there is none."""
    if isinstance(module, str) and (module == "keras" or module.startswith("keras.") or module == "builtins"):
        if (module, name) in OBJECTS:
            return OBJECTS[module, name]
        if module in ("keras", "builtins") or module.startswith("keras.src"):
            topic = module.split(".")[2] if module.count(".") >= 2 else ""
            known = [(m, thing) for (m, n), thing in OBJECTS.items() if n == name]
            known.sort(key=lambda item: not (topic and topic in item[0]))
            if known:
                return known[0][1]
    if module is None:  # of Keras 2, which wrote no modules
        places = ("keras.layers", "keras", "keras.initializers", "keras.regularizers", "keras.constraints", "keras.activations")
        return next((OBJECTS[place, name] for place in places if (place, name) in OBJECTS), None)
    return None


def _find_registered(module: Any, name: str, registered: Any) -> Any:
    """What users registered under this name in some package, as Keras 3.6 wrote functions.

    Raises:
        UnknownObjectError: nobody did.
    """
    found = [thing for full, thing in _registered.items() if full.rpartition(">")[2] == name]
    if len(found) == 1 and module == "builtins" and registered == "function":
        return found[0]
    if name == "Lambda":
        raise UnknownObjectError(_CODE)
    raise UnknownObjectError(
        f"[deserialize] Could not locate {name!r} (module {module!r}). Files may name Keras's own classes and registered ones only. Try "
        f"decorating it "
        f"with `@keras.saving.register_keras_serializable()`, or pass `custom_objects={{'{name}': ...}}`."
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else text[:297] + "..."


FunctionTypes = (types.FunctionType, types.BuiltinFunctionType)
