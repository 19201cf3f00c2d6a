"""Operations: functions that call primitives and have no rules of their own. One file per public namespace, or per idea within it."""

from tenfold.ops import parts as parts
from tenfold.primitives import operators as operators
