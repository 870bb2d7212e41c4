"""Character n-grams."""

from __future__ import annotations


def ngrams(form: str, n: int = 2) -> list[str]:
    """Cut a form into its overlapping character n-grams.

    Raises:
        ValueError: If `n` is less than 1.

    Example:
        >>> ngrams("Yes"), ngrams("a")
        (['Ye', 'es'], ['a'])
    """
    if n < 1:
        raise ValueError(f"expected an n of at least 1, got {n}")
    if len(form) <= n:
        return [form] if form else []
    return [form[start : start + n] for start in range(len(form) - n + 1)]
