"""Labels of images that nobody stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.evaluation.relevance import Labels


def labelled(
    *,
    groups: Sequence[int] | None = None,
    artists: Sequence[int] | None = None,
    **terms: Sequence[str],
) -> Labels:
    """Images with terms, several of a kind written as `a|b`, none as an empty text."""
    count = len(next(iter(terms.values())))
    own = np.arange(count) if groups is None else np.array(groups)
    return Labels(
        ids=np.arange(count) + 1,
        sha256=tuple(f"{at:064x}" for at in range(count)),
        terms={
            kind: tuple(tuple(one for one in said.split("|") if one) for said in names)
            for kind, names in terms.items()
        },
        groups=own.astype(np.int64),
        artists=(own + 1000 if artists is None else np.array(artists)).astype(np.int64),
    )
