"""Column types that keep a value exactly."""

from typing import Any

from sqlalchemy import String, TypeDecorator
from sqlalchemy.engine import Dialect

# 2^256 has 78 digits; one more for a sign.
_DIGITS: int = 79


class Amount(TypeDecorator[int]):
    """An integer of any size as decimal text: amounts go beyond the 64 bits of an SQL integer."""

    impl = String(_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"amount: expected an int, got {type(value).__name__}")
        return str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)
