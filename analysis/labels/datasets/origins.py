"""Where labels of works come from, as SQL: what is a label here, and who says so.

A label is in lower case, without blanks around it. What a work says itself counts first: its
terms, then its columns. What it inherits from the page of its artist is weak: it tells what the
artist did, not what this picture is, and counts only where it is asked for and the work says
nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from analysis.errors import WrongDataset
from analysis.labels.datasets.periods import binned, centuries
from analysis.labels.heads import Head, Source

NOBODY: Final = (
    r"\m(anonymous|anonymus|anonyme|anon|unknown|unidentified|unbekannt|inconnu|various)\M"
)
"""Names (`artists.name_key`) that stand for makers whom nobody knows, as PostgreSQL matches."""
NO_HAND: Final = r"\m(publishers?|printers?|dealers?|donors?|lenders?|owners?)\M"
"""Roles of people and firms whose works are not by one hand."""

_TERMS = """
    SELECT at.artwork_id, lower(btrim(t.name)) AS label, at.source = 'artist' AS weak,
           CASE WHEN at.source = 'artist' THEN 3 ELSE 1 END AS step
    FROM terms t JOIN artwork_terms at ON at.term_id = t.id
    WHERE t.kind = :head AND btrim(t.name) <> '' AND {sources}
"""
# Attributed to, workshop of, after …: such a work is not by that hand.
_FIRST_MAKER = f"""
    SELECT DISTINCT ON (m.artwork_id) m.artwork_id, r.name_key, r.nationality
    FROM artwork_artists m JOIN artists r ON r.id = m.artist_id
    WHERE coalesce(btrim(m.qualifier), '') = '' AND lower(btrim(m.role)) = 'artist'
      AND r.name_key !~ '{NOBODY}'
    ORDER BY m.artwork_id, m.position
"""  # noqa: S608 - the fragment is the constant above
# An artist of whom one page knows the year of birth, and another does not, is in two rows.
_ARTIST = f"""
    SELECT first.artwork_id, named.label, false AS weak, 2 AS step
    FROM ({_FIRST_MAKER}) first JOIN (
        SELECT name_key, min(lower(btrim(name))) AS label FROM artists GROUP BY name_key
    ) named USING (name_key)
    WHERE named.label <> ''
"""  # noqa: S608 - the fragment is the constant above
_NATIONALITY = f"""
    SELECT first.artwork_id, lower(btrim(first.nationality)) AS label, false AS weak, 2 AS step
    FROM ({_FIRST_MAKER}) first WHERE btrim(first.nationality) <> ''
"""  # noqa: S608 - the fragment is the constant above
_PERIOD = """
    SELECT a.id AS artwork_id, CASE
               WHEN width_bucket(a.year_from, CAST(:period_starts AS integer[]))
                    = width_bucket(a.year_to, CAST(:period_starts AS integer[]))
               THEN (CAST(:period_names AS text[]))[
                    1 + width_bucket(a.year_from, CAST(:period_starts AS integer[]))]
           END AS label, false AS weak, 2 AS step
    FROM artworks a WHERE a.year_from IS NOT NULL AND a.year_to IS NOT NULL
"""
# The first material: "Oil and tempera on canvas" is oil, "Woodcut in colours" a woodcut. Pen and
# brush are tools, so that "Pen and ink on paper" is ink.
_TOOLS = r"^((quill |reed )?pen|brush)((,| and) ((quill |reed )?pen|brush))?(,| and| in| with) "
_REST = r"\s*([,;/&+(\[]|\m(on|and|in|with|over|under|heightened|mounted|laid)\M).*$"
_MEDIUM = f"""
    SELECT told.id AS artwork_id, told.label, false AS weak, 2 AS step
    FROM (
        SELECT a.id, btrim(regexp_replace(
            regexp_replace(lower(btrim(a.medium)), '{_TOOLS}', ''), '{_REST}', '')) AS label
        FROM artworks a WHERE a.medium IS NOT NULL
    ) told
    WHERE told.label <> ''
"""  # noqa: S608 - the fragments are the constants above
_PLACE = """
    SELECT a.id AS artwork_id, lower(btrim(a.place)) AS label, false AS weak, 2 AS step
    FROM artworks a WHERE btrim(a.place) <> ''
"""
_COLUMNS: Final[Mapping[Source, str]] = MappingProxyType(
    {
        "artist": _ARTIST,
        "nationality": _NATIONALITY,
        "period": _PERIOD,
        "medium": _MEDIUM,
        "place": _PLACE,
    }
)


def said_by(head: Head, *, weak: bool = False, bins: Sequence[int] = ()) -> str:
    """Return `said AS (…)` for a WITH clause: what works are called.

    Its columns are artwork_id, label (null: the work's years lie in two periods) and weak (whether
    it is inherited). It takes the parameters of `said_values`. With `bins`, periods are told by
    years alone, otherwise by terms where works have some.

    Raises WrongDataset for inherited labels of a head that has none.
    """
    by_terms = has_terms(head) and not bins
    if weak and not by_terms:
        raise WrongDataset(
            f"no work inherits its {head.name}{' in years' if bins else ''} from the page of its "
            "artist: leave --weak out."
        )
    steps = []
    if by_terms:
        steps.append(_TERMS.format(sources="true" if weak else "at.source <> 'artist'"))
    if head.source in _COLUMNS:
        steps.append(_COLUMNS[head.source])
    every = " UNION ALL ".join(steps)
    if len(steps) == 1 and not weak:
        return f"said AS (SELECT artwork_id, label, weak FROM ({every}) every)"  # noqa: S608
    return f"""
    said AS (
        SELECT artwork_id, label, weak FROM (
            SELECT artwork_id, label, weak, step,
                   min(step) OVER (PARTITION BY artwork_id) AS first_step
            FROM ({every}) every
        ) told WHERE step = first_step
    )"""  # noqa: S608 - the fragments are the constants above


def said_values(head: Head, *, bins: Sequence[int] = ()) -> dict[str, Any]:
    """Return the parameters of `said_by`. Raises WrongDataset for bins that do not fit."""
    if head.source != "period":
        if bins:
            raise WrongDataset(
                f"bins are spans of years, and {head.name} is told otherwise: leave --bins out, "
                "or ask for the head period."
            )
        return {"head": head.name}
    periods = binned(bins) if bins else centuries()
    return {
        "head": head.name,
        "period_starts": list(periods.starts),
        "period_names": list(periods.names),
    }


def has_terms(head: Head) -> bool:
    """Tell whether works have terms of this head, which they may inherit."""
    return head.source not in ("artist", "place")
