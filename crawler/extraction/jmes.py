"""JMESPath expressions that are checked when they are written, and never raise when they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, LexerError, ParseError
from jmespath.functions import Functions

Search = Callable[[object], object]

# What a function of JMESPath, or a comparison, does with data that its author did not expect.
_UNEXPECTED = (
    *(JMESPathError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError),
    RecursionError,
)


@lru_cache(maxsize=1_024)
def compile_jmespath(expression: str) -> Search:
    """Return a function that finds what the expression means in a JSON value.

    It gives None where there is nothing, or where a function meets a value that it cannot take.

    Raises:
        ValueError: the expression is wrong; the message says what about it.
    """
    try:
        compiled: Any = jmespath.compile(expression)
    except LexerError as error:
        raise ValueError(f"{error.message} at column {error.lex_position + 1}") from error
    except ParseError as error:
        if error.token_value in (None, ""):
            raise ValueError("something is missing at its end") from error
        where = f"column {error.lex_position + 1}"
        raise ValueError(f"{error.token_value!r} cannot stand at {where}") from error
    except JMESPathError as error:
        raise ValueError(str(error)) from error
    for name, count in _calls(compiled.parsed):
        _check_call(name, count)

    def search(data: object) -> object:
        try:
            found: object = compiled.search(data)
        except _UNEXPECTED:
            return None
        return found

    return search


def _calls(parsed: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each function that an expression calls, with the number of its arguments."""
    if parsed["type"] == "function_expression":
        yield parsed["value"], len(parsed["children"])
    for child in parsed["children"]:
        if isinstance(child, dict):
            yield from _calls(child)


def _check_call(name: str, count: int) -> None:
    """Refuse what JMESPath itself would find only on a page that has the data."""
    known = Functions.FUNCTION_TABLE
    if name not in known:
        raise ValueError(f"no function is called {name!r}; there are {', '.join(sorted(known))}")
    signature = known[name]["signature"]
    least = len(signature)
    most = None if signature and signature[-1].get("variadic") else least
    if count < least or (most is not None and count > most):
        wanted = f"{least} or more" if most is None else str(least)
        raise ValueError(f"{name}() has {count} arguments; it takes {wanted}")
