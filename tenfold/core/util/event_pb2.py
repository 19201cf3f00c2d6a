"""`tensorflow.core.util.event_pb2`: the entries of event files, as programs that read them import it."""

from tenfold.core.events import Event

__all__ = ["Event"]
