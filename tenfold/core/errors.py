"""Every exception that a user can see.

    Exception
    ├── OpError                       tf.errors.OpError: an operation failed
    │   ├── InvalidArgumentError      also a ValueError
    │   │   ├── ShapeError
    │   │   └── DTypeError            also a TypeError
    │   ├── NotFoundError             also a FileNotFoundError
    │   ├── AlreadyExistsError, PermissionDeniedError, DataLossError, OutOfRangeError (also IndexError), UnavailableError,
    │   ├── UnimplementedError        also a NotImplementedError
    │   ├── FailedPreconditionError, ResourceExhaustedError (also MemoryError), CancelledError, AbortedError, DeadlineExceededError
    │   └── InternalError             Tenfold's own mistake: please report it
    └── TraceError                    also a TypeError: Python asked a traced tensor for its value

A message reads `[operation] what is wrong. Expected …; received …. Try ….`
"""

from __future__ import annotations

from typing import Any

# what `error_code` is: gRPC's status codes
OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED = range(9)
FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS, UNAUTHENTICATED = range(9, 17)


class OpError(Exception):
    """An operation could not run; `.message` says why, `.op` names the operation."""

    error_code = 2

    def __init__(self, message: str = "", *rest: Any) -> None:
        if rest and isinstance(rest[-1], str):  # TensorFlow's order: (node_def, op, message)
            message = rest[-1]
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    @property
    def op(self) -> str | None:
        """The operation's name: what stands in brackets at the message's start."""
        return self.message[1 : self.message.index("]")] if self.message.startswith("[") and "]" in self.message else None

    @property
    def node_def(self) -> None:
        """TensorFlow's graph proto; there is none here."""
        return None


class InvalidArgumentError(OpError, ValueError):
    """An argument's value, shape or type does not fit the operation."""

    error_code = 3


class ShapeError(InvalidArgumentError):
    """Shapes do not fit together."""


class DTypeError(InvalidArgumentError, TypeError):
    """Data types do not fit together, or an operation does not take one."""


class NotFoundError(OpError, FileNotFoundError):
    """A file or an entry does not exist."""

    error_code = 5


class MissingFileError(NotFoundError, ValueError):
    """A file to load does not exist: what Keras reports as a ValueError."""


class AlreadyExistsError(OpError, FileExistsError):
    """Something of this name exists already."""

    error_code = 6


class PermissionDeniedError(OpError, PermissionError):
    """The system refused access."""

    error_code = 7


class ResourceExhaustedError(OpError, MemoryError):
    """Out of memory or disk."""

    error_code = 8


class FailedPreconditionError(OpError, RuntimeError):
    """The state is not the one that the operation needs (e.g. a variable without a value)."""

    error_code = 9


class AbortedError(OpError, RuntimeError):
    """The operation was aborted."""

    error_code = 10


class OutOfRangeError(OpError, IndexError):
    """An index or an iterator is past the end."""

    error_code = 11


class UnimplementedError(OpError, NotImplementedError):
    """Tenfold does not do this; the message says what to use instead."""

    error_code = 12


class InternalError(OpError, RuntimeError):
    """Tenfold broke its own rules: a bug. Please report it with the message."""

    error_code = 13


class UnavailableError(OpError, OSError):
    """A service or a network address did not answer."""

    error_code = 14


class DataLossError(OpError, ValueError):
    """A file is truncated, corrupted or not what it claims to be."""

    error_code = 15


class CancelledError(OpError):
    """The operation was cancelled."""

    error_code = 1


class DeadlineExceededError(OpError, TimeoutError):
    """The operation took longer than allowed."""

    error_code = 4


class TraceError(TypeError):
    """Python asked for the value of a tensor that exists only while a function is traced."""
