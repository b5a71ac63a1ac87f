"""XPath in time that grows with the page, also on pages that are made to hurt.

libxml2 evaluates `//table//a[@href]` by gathering what is within each table, and looks for each
element in all that it has already: in tables within tables, 200 kilobytes keep it busy for minutes.
What is within an inner table is within the outer one too. So an expression is evaluated part by
part, between its `//`, and each part only within the outermost elements that the one before found.
That gives the same where no predicate counts places; other expressions are left to libxml2 whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

FEW = 1_000  # elements whose ancestors are looked at one by one

# lxml's XPath is untyped: it gives a list of elements and strings, or one value.
Evaluate = Callable[[Any], Any]

_DEEPER = re.compile(r"//|/descendant::")
_HEAD = re.compile(r"(?:\.?//|descendant-or-self::|descendant::)?(?=[\w*])")
_NAME = re.compile(r"[^\W\d][\w.-]*|\*")
_END = re.compile(r"@(?:[\w:.-]+|\*)|(?:text|node)\(\)")
# With what is in brackets, parentheses and quotes left out: what is true or false, and no number.
_IS_BOOLEAN = re.compile(
    r"[^=<>]*[=<>].*|.*\s(?:and|or)\s.*|\s*@[\w:.-]+\s*"
    r"|\s*(?:not|contains|starts-with|boolean|re:test)\s*\(\s*\)\s*",
    re.S,
)
_PLACE = re.compile(r"\b(?:position|last)\s*\(")


def compile_path(expression: str, namespaces: Mapping[str, str], *, regexp: bool) -> Evaluate:
    """Return what evaluates an XPath expression on an element.

    Raises:
        etree.XPathError: it is wrong.
    """

    def compiled(part: str) -> Evaluate:
        evaluate: Evaluate = etree.XPath(part, namespaces=dict(namespaces), regexp=regexp)
        return evaluate

    whole = compiled(expression)
    parts = _parts(expression)
    if len(parts) < 2:
        return whole
    head, *others = map(compiled, parts)

    def evaluate(within: Any) -> Any:
        found = head(within)
        for part in others:
            found = [item for element in _outermost(found) for item in part(element)]
        return found

    return evaluate


def _outermost(elements: Sequence[Any]) -> Sequence[Any]:
    """Return the elements that are within no other of them; they are in document order."""
    if len(elements) < 2:
        return elements
    known = set(elements)
    if len(elements) <= FEW:
        return [
            element
            for element in elements
            if not any(ancestor in known for ancestor in element.iterancestors())
        ]
    found = []
    walk = etree.iterwalk(elements[0].getroottree(), events=("start",))
    for _, element in walk:
        if element in known:
            found.append(element)
            walk.skip_subtree()
    return found


def _parts(expression: str) -> list[str]:
    """Return the parts of an expression, each relative to what the one before found.

    One part: it has to be evaluated as a whole.
    """
    expression = expression.strip()
    start = _HEAD.match(expression)
    plain = _without_insides(expression)
    if start is None or plain is None or "|" in plain:
        return [expression]
    cuts = [match.span() for match in _DEEPER.finditer(plain, start.end())]
    begins = [0, *(end for _, end in cuts)]
    ends = [*(begin for begin, _ in cuts), len(expression)]
    parts = [expression[begin:end] for begin, end in zip(begins, ends, strict=True)]
    head = expression[start.end() : ends[0]]
    is_last = not cuts
    if not _is_simple(head, is_last=is_last, counts_places=True):
        return [expression]
    for number, part in enumerate(parts[1:], start=1):
        if not _is_simple(part, is_last=number == len(cuts), counts_places=False):
            return [expression]
        axis = "descendant-or-self::*/" if part.startswith("@") else "descendant::"
        parts[number] = axis + part
    return parts


def _is_simple(part: str, *, is_last: bool, counts_places: bool) -> bool:
    """Whether a part goes down from parent to child only, and ends with elements or is the last.

    `counts_places`: whether the predicates of its first step may count places.
    """
    for number, (name, predicates) in enumerate(_steps(part)):
        if name is None:
            return False
        is_end = _NAME.fullmatch(name) is None
        if is_end and not (is_last and _END.fullmatch(name)):
            return False
        if not number and not counts_places and any(map(_may_count, predicates)):
            return False
    return True


def _steps(part: str) -> Iterator[tuple[str | None, list[str]]]:
    """Yield name and predicates of each step; None for a name that is no plain one."""
    plain = _without_insides(part)
    assert plain is not None
    begin = 0
    for end in (*(match.start() for match in re.finditer("/", plain)), len(part)):
        bracket = plain.find("[", begin, end)
        name = part[begin : end if bracket < 0 else bracket].strip()
        is_plain = _NAME.fullmatch(name) or _END.fullmatch(name)
        predicates = []
        while begin < bracket:
            close = plain.index("]", bracket)
            predicates.append(part[bracket + 1 : close])
            bracket = plain.find("[", close, end)
        yield (name if is_plain else None), predicates
        begin = end + 1


def _may_count(predicate: str) -> bool:
    """Whether a predicate may ask for a place: `[1]`, `[last()]`, `[count(a)]`."""
    plain = _without_insides(predicate)
    return plain is None or _PLACE.search(predicate) is not None or not _IS_BOOLEAN.fullmatch(plain)


def _without_insides(text: str) -> str | None:
    """Return a text with what is within brackets and quotes blanked, at the same places.

    None: its brackets or quotes do not match.
    """
    plain = list(text)
    opened: list[str] = []
    quote = ""
    for place, sign in enumerate(text):
        if quote:
            plain[place] = " "
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
            plain[place] = " "
        elif sign in "([":
            opened.append({"(": ")", "[": "]"}[sign])
            plain[place] = sign if len(opened) == 1 else " "
        elif opened and sign == opened[-1]:
            plain[place] = sign if len(opened) == 1 else " "
            opened.pop()
        elif sign in ")]":
            return None
        elif opened:
            plain[place] = " "
    return None if quote or opened else "".join(plain)
