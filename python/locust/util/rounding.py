"""Rounding half up, where Python's `round` rounds half to even."""

from __future__ import annotations


def proper_round(val: int | float, digits: int = 0) -> float:
    """`val` rounded half up to `digits` decimals; a float even for 0 digits (it shows as `24.0` in JSON).

    The value is nudged by less than its last written digit, so that a tie is no tie any more.
    """
    exact = float(val)
    return round(exact + 10 ** -(len(str(exact)) + 1), digits)
