"""Decimal numbers in a byte text to float64, exactly as Python reads them.

A decimal with a mantissa below 2**53 and a power of ten up to 22 is the quotient or product of two exact doubles, and
one rounding gives the nearest double (Clinger 1990, doi:10.1145/93542.93557). Every other word is handed back by its
place and left to Python.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["HARD_WORDS", "POWERS", "parse_numbers"]

POWERS = 10.0 ** np.arange(23)
"""Powers of ten that are exact in float64."""

HARD_WORDS = 1 << 14
"""Words a batch may hand back; with more it is read another way."""

_MARK = 0x1E
_EXACT = 1 << 53


@njit(cache=True, nogil=True)
def parse_numbers(
    data: np.ndarray, powers: np.ndarray, values: np.ndarray, ends: np.ndarray, hard: np.ndarray
) -> tuple[int, int]:
    """Parse all words of a text.

    Parameters
    ----------
    data : numpy.ndarray
        uint8 text; words separated by bytes up to 32, the mark 30 ends a ring.
    powers : numpy.ndarray
        :data:`POWERS`.
    values : numpy.ndarray
        float64, at least half as long as the text; takes the numbers.
    ends : numpy.ndarray
        int64, one a ring; takes the count of numbers up to the end of each ring.
    hard : numpy.ndarray
        int64 (n, 3); takes start, stop and place of words left to the caller.

    Returns
    -------
    tuple of int
        How many numbers, and how many hard words there are (more than ``len(hard)`` means that some are lost).
    """
    count = 0
    ring = 0
    hard_count = 0
    i = 0
    n = len(data)
    while i < n:
        c = data[i]
        if c <= 32:
            if c == _MARK:
                ends[ring] = count
                ring += 1
            i += 1
            continue
        start = i
        negative = c == 45
        if c == 45 or c == 43:
            i += 1
        mantissa = np.int64(0)
        digits = 0
        after = 0
        pointed = False
        easy = True
        while i < n and data[i] > 32:
            c = data[i]
            if 48 <= c <= 57:
                if mantissa < _EXACT // 10:
                    mantissa = mantissa * 10 + (c - 48)
                else:
                    easy = False
                digits += 1
                if pointed:
                    after += 1
            elif c == 46 and not pointed:
                pointed = True
            else:
                easy = False
            i += 1
        if easy and digits > 0 and after <= 22:
            value = mantissa / powers[after]
            values[count] = -value if negative else value
        else:
            if hard_count < len(hard):
                hard[hard_count, 0] = start
                hard[hard_count, 1] = i
                hard[hard_count, 2] = count
            hard_count += 1
        count += 1
    return count, hard_count
