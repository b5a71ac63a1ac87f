"""Licences and rights statements, by whatever words or addresses a site names them.

Known are the licences and public-domain tools of Creative Commons and the twelve statements of
rightsstatements.org. Short names are those of SPDX where it has one (`CC-BY-SA-4.0`, `CC0-1.0`),
and made like them elsewhere (`PDM-1.0`, `InC-1.0`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

LONGEST = 2_000  # characters of a text that are looked at
LONGEST_CREDIT = 300  # characters of a text that may name a licence among other words

PUBLIC_DOMAIN = "Public-Domain"


class License(NamedTuple):
    """A licence or rights statement that is known.

    `url` is its address as its owner writes it; None where the words do not say which version is
    meant, or name no licence (`Public-Domain`).
    """

    url: str | None
    name: str


def normalise_license(text: str | None) -> License | None:
    """Return the licence that a text or address names; None if it is not known, or not certain.

    A text may have other words around the licence (a credit line), but names no second one, and
    none that restrict what is said to a part, or deny it.
    """
    written = " ".join((text or "")[:LONGEST].split())
    if not written:
        return None
    if re.fullmatch(r"(?:https?:)?//\S+", written, re.IGNORECASE):
        return _in_address(written)
    if (known := _EXACT.get(_plain(written))) is not None:
        return known
    if len(written) > LONGEST_CREDIT:
        return None
    named, others = _named_in(written)
    return None if _DOUBTFUL.search(others) else _only(named)


def settle_license(
    license_url: str | None, rights_text: str | None
) -> tuple[str | None, str | None]:
    """Return the address of a licence in one spelling, and its short name.

    What the link says counts before the words. Where there is no link, the words give it; a link
    that is not known stays as it is.
    """
    linked = normalise_license(license_url)
    if linked is not None:
        return linked.url or license_url, linked.name
    said = normalise_license(rights_text)
    if said is None:
        return license_url, None
    return license_url or said.url, said.name


# Creative Commons

_VERSIONS = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")
_ATTRIBUTION_FREE = frozenset({"nc", "nd", "sa", "nc-sa", "nd-nc"})  # of version 1.0 only
# Countries whose law the licences up to 3.0 were also written for, by code.
_PORT_TABLE = """
    ar Argentina; au Australia; at Austria; az Azerbaijan; be Belgium; br Brazil; bg Bulgaria;
    ca Canada; cl Chile; cn China Mainland; co Colombia; cr Costa Rica; hr Croatia;
    cz Czech Republic; dk Denmark; ec Ecuador; eg Egypt; ee Estonia; fi Finland; fr France;
    ge Georgia; de Germany; gr Greece; gt Guatemala; hk Hong Kong; hu Hungary; igo IGO; in India;
    ie Ireland; il Israel; it Italy; jp Japan; lu Luxembourg; mk Macedonia; my Malaysia;
    mt Malta; mx Mexico; nl Netherlands; nz New Zealand; no Norway; pe Peru; ph Philippines;
    pl Poland; pt Portugal; pr Puerto Rico; ro Romania; rs Serbia; scotland Scotland;
    sg Singapore; si Slovenia; za South Africa; kr South Korea; es Spain; se Sweden;
    ch Switzerland; tw Taiwan; th Thailand; ug Uganda; uk England and Wales; us United States;
    ve Venezuela; vn Vietnam
"""
_PORTS: Mapping[str, str] = {
    code: name.strip() for code, name in (port.split(maxsplit=1) for port in _PORT_TABLE.split(";"))
}
_PORT_NAMES = {name.casefold(): code for code, name in _PORTS.items()}

CC0 = License("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0")
MARK = License("https://creativecommons.org/publicdomain/mark/1.0/", "PDM-1.0")
# The dedication that came before CC0; SPDX calls it so.
_DEDICATION = License("https://creativecommons.org/licenses/publicdomain/", "CC-PDDC")


def _creative_commons(elements: str, version: str | None, port: str | None) -> License | None:
    """Return the licence of `elements` (such as `by-nc-sa`, in any order) if there is one."""
    parts = set(elements.split("-"))
    if {"nd", "sa"} <= parts or not parts <= {"by", "nc", "nd", "sa"}:
        return None
    code = "-".join(part for part in ("by", "nc", "nd", "sa") if part in parts)
    path = code.replace("nc-nd", "nd-nc") if version == "1.0" else code
    if "by" not in parts and (version != "1.0" or path not in _ATTRIBUTION_FREE):
        return None
    if version is None:
        return License(None, f"CC-{code.upper()}")
    if version not in _VERSIONS:
        return None
    # From 4.0 on there are no ports: what stands there is a language.
    port = None if version == "4.0" else port
    if port is not None and port not in _PORTS:
        return None
    return License(
        f"https://creativecommons.org/licenses/{path}/{version}/{port + '/' if port else ''}",
        f"CC-{code.upper()}-{version}{'-' + port.upper() if port else ''}",
    )


# rightsstatements.org

_STATEMENTS = {
    "InC": "In Copyright",
    "InC-OW-EU": "In Copyright - EU Orphan Work",
    "InC-EDU": "In Copyright - Educational Use Permitted",
    "InC-NC": "In Copyright - Non-Commercial Use Permitted",
    "InC-RUU": "In Copyright - Rights-holder(s) Unlocatable or Unidentifiable",
    "NoC-CR": "No Copyright - Contractual Restrictions",
    "NoC-NC": "No Copyright - Non-Commercial Use Only",
    "NoC-OKLR": "No Copyright - Other Known Legal Restrictions",
    "NoC-US": "No Copyright - United States",
    "CNE": "Copyright Not Evaluated",
    "UND": "Copyright Undetermined",
    "NKC": "No Known Copyright",
}
_BY_CODE = {
    code.casefold(): License(f"http://rightsstatements.org/vocab/{code}/1.0/", f"{code}-1.0")
    for code in _STATEMENTS
}

# Addresses

_CC_ADDRESS = re.compile(
    r"""(?:(?:https?:)?//)?
    (?:(?:www\.)?creativecommons\.org/+licen[cs]es|(?:i\.creativecommons\.org|licensebuttons\.net)/+l)
    /+(?P<elements>[a-z]+(?:-[a-z]+)*)
    (?:/+(?P<version>\d\.\d)(?:/+(?P<port>[a-z]{2,8})(?![\w.-]))?)?(?P<rest>[^\s<>"')\]]*)""",
    re.IGNORECASE | re.VERBOSE,
)
_CC_TOOL_ADDRESS = re.compile(
    r"""(?:(?:https?:)?//)?
    (?:(?:www\.)?creativecommons\.org/+publicdomain|(?:i\.creativecommons\.org|licensebuttons\.net)/+p)
    /+(?P<tool>zero|mark)(?:/+1\.0)?(?P<rest>[^\s<>"')\]]*)""",
    re.IGNORECASE | re.VERBOSE,
)
_STATEMENT_ADDRESS = re.compile(
    r"""(?:(?:https?:)?//)?(?:www\.)?rightsstatements\.org/+(?:vocab|page|data)
    /+(?P<code>[a-z]+(?:-[a-z]+)*)(?:/+1\.0)(?P<rest>[^\s<>"')\]]*)""",
    re.IGNORECASE | re.VERBOSE,
)
# What may follow: nothing, the deed or the legal code in some language, a button, a query.
_REST = re.compile(
    r"/*(?:(?:deed|legalcode|rdf|rdf\.xml|html|xml|json|ttl|jsonld)?(?:[._/-][a-z]{2}(?:[-_][a-z]+)?)?"
    r"|[a-z]{2}(?:[-_][a-z]+)?|\d+x\d+\.\w+)/*(?:[?#].*)?[.,;:]*",
    re.IGNORECASE,
)
_ADDRESSES = (_CC_ADDRESS, _CC_TOOL_ADDRESS, _STATEMENT_ADDRESS)


def _in_address(text: str) -> License | None:
    return next((_of_address(found) for one in _ADDRESSES if (found := one.fullmatch(text))), None)


def _of_address(found: re.Match[str]) -> License | None:
    if not _REST.fullmatch(found["rest"]):
        return None
    if found.re is _STATEMENT_ADDRESS:
        return _BY_CODE.get(found["code"].casefold())
    if found.re is _CC_TOOL_ADDRESS:
        return CC0 if found["tool"].casefold() == "zero" else MARK
    elements = found["elements"].casefold()
    if elements == "publicdomain":
        return _DEDICATION
    port = found["port"]
    if port is not None and port.casefold() in ("deed", "rdf"):
        port = None
    return _creative_commons(elements, found["version"], port and port.casefold())


# Words

_ELEMENT = r"by|nc|nd|sa"
_LONG_ELEMENTS = (
    ("attribution", "by"),
    ("noncommercial", "nc"),
    ("sharealike", "sa"),
    (r"noderiv(?:ative)?s?(?:works)?", "nd"),
)
_JOIN = r"[\s,/_–—-]*"
_PORT = "|".join(
    sorted((re.escape(name) for name in (*_PORT_NAMES, *_PORTS)), key=len, reverse=True)
)
_VERSION = (
    rf"(?:{_JOIN}(?:licen[cs]e)?{_JOIN}(?:version\s*|v\.?\s*)?(?P<version>[0-9]\.[0-9])"
    rf"(?![.\d])(?:{_JOIN}(?P<port>(?:{_PORT})(?![\w])))?)?"
)
_SHORT = re.compile(
    rf"(?<![\w-])cc[\s:_-]*(?P<elements>by(?:{_JOIN}(?:{_ELEMENT})(?![a-z]))*)(?![a-z]){_VERSION}",
    re.IGNORECASE,
)
_LONG = re.compile(
    rf"creative\s+commons{_JOIN}(?P<elements>attribution(?:{_JOIN}(?:non{_JOIN}commercial"
    rf"|share{_JOIN}alike|no{_JOIN}deriv(?:ative)?s?(?:{_JOIN}works)?)(?![a-z]))*)(?![a-z])"
    rf"{_VERSION}",
    re.IGNORECASE,
)
_ZERO = re.compile(
    r"(?<![\w-])cc[\s_-]*(?:0|zero)(?!\w)(?:[\s_-]*1\.0)?|creative\s+commons\s+(?:zero|0)(?!\w)",
    re.IGNORECASE,
)
_MARK = re.compile(r"public\s+domain\s+mark(?!\w)|(?<![\w-])pdm[\s_-]*1\.0(?!\w)", re.IGNORECASE)

_ANY_ADDRESS = re.compile(
    r"(?<![^\s<>()\[\]\"'])(?:(?:https?:)?//|(?:[a-z]+\.)?(?:creativecommons|rightsstatements)\.org/)"
    r"[^\s<>()\[\]\"']+",
    re.IGNORECASE,
)

# What makes a licence one of something else than the work, or denies it.
_DOUBTFUL = re.compile(
    r"\b(?:no|not|non(?![\s-]*commercial)|never|except|unless|without|other|some|part(?:ly|s)?|only"
    r"|(?:meta)?data|texts?|descriptions?|website|catalogues?|unknown|reserved|formerly|until"
    r"|nicht|kein\w*|außer|ohne|metadaten|texte?|vorbehalten|pas|sauf|sans|réservés|données"
    r"|sin|excepto|salvo|datos|metadatos|reservados|senza|tranne|dati|riservati|niet|behalve"
    r"|geen|voorbehouden)\b",
    re.IGNORECASE,
)
_PUBLIC_DOMAIN_WORDS = (
    *("public domain", "in the public domain", "this work is in the public domain"),
    *("this image is in the public domain", "gemeinfrei", "domaine public", "dominio público"),
    *("domínio público", "dominio pubblico", "pubblico dominio", "publiek domein"),
)


def _plain(text: str) -> str:
    """Return a text as the exact ones are compared: lower case, one kind of dash, no full stop."""
    dashed = re.sub(r"\s*[‐-―−-]\s*", "-", text.casefold())
    return dashed.strip(" .;,()")


_EXACT = {
    **{_plain(words): License(None, PUBLIC_DOMAIN) for words in _PUBLIC_DOMAIN_WORDS},
    _plain(PUBLIC_DOMAIN): License(None, PUBLIC_DOMAIN),
    **{_plain(label): _BY_CODE[code.casefold()] for code, label in _STATEMENTS.items()},
    **{_plain(known.name): known for known in (*_BY_CODE.values(), CC0, MARK, _DEDICATION)},
    # Of version 1.0 alone, and named by nobody but SPDX's readers.
    **{
        _plain(known.name): known
        for code in _ATTRIBUTION_FREE
        if (known := _creative_commons(code, "1.0", None)) is not None
    },
}


def _named_in(text: str) -> tuple[set[License | None], str]:
    """Return every licence that a text names, None for one that does not exist, and what is left.

    An address that is part of another one names nothing.
    """
    named: set[License | None] = set()

    def address(found: re.Match[str]) -> str:
        known = _in_address(found[0].rstrip(".,;:"))
        if known is not None:
            named.add(known)
        return " "

    def words(found: re.Match[str]) -> str:
        port = (found["port"] or "").casefold()
        elements = _elements(found["elements"])
        code = _PORT_NAMES.get(port, port) or None
        named.add(_creative_commons(elements, found["version"], code))
        return " "

    def tool(known: License) -> Callable[[re.Match[str]], str]:
        def note(_: re.Match[str]) -> str:
            named.add(known)
            return " "

        return note

    text = _ANY_ADDRESS.sub(address, text)
    for pattern in (_SHORT, _LONG):
        text = pattern.sub(words, text)
    text = _ZERO.sub(tool(CC0), text)
    return named, _MARK.sub(tool(MARK), text)


def _elements(words: str) -> str:
    """Return the elements of a licence, `by-nc-sa`, from its short or long name."""
    plain = re.sub(r"[^a-z]", "", words.casefold())
    for long, short in _LONG_ELEMENTS:
        plain = re.sub(long, short, plain)
    return "-".join(plain[at : at + 2] for at in range(0, len(plain), 2))


def _only(named: Collection[License | None]) -> License | None:
    """Return the one licence that is named; one without its version is the same as one with it."""
    if None in named:
        return None
    known = [one for one in named if one is not None]
    whole = [one for one in known if one.url is not None]
    others = [one for one in known if one.url is None]
    if len(whole) == 1 and all(whole[0].name.startswith(f"{one.name}-") for one in others):
        return whole[0]
    return known[0] if len(known) == 1 else None
