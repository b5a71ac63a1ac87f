"""Options that several commands take, in one wording."""

from __future__ import annotations

from typing import Annotated

import typer

SiteOption = Annotated[
    str | None, typer.Option("--site", metavar="NAME", help="Works of this site.")
]
TermsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--term", metavar="KIND=NAME", help="Works with this term; may be given repeatedly."
    ),
]
FromOption = Annotated[
    int | None, typer.Option("--from", metavar="YEAR", help="Works not begun before this year.")
]
ToOption = Annotated[
    int | None, typer.Option("--to", metavar="YEAR", help="Works not ended after this year.")
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="PART=NUMBER,…",
        help="How much meaning, color and composition count, in any proportion; without it, "
        "meaning=0.8,color=0.1,composition=0.1.",
    ),
]
EmbeddingOption = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME[/VERSION]", help="Embeddings other than the default ones."
    ),
]
