"""The options of `artworks train` that are for labels, and what was asked by them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import typer

_IMAGES = "Labels: which images"
_LABELS = "Labels: what counts as one"
_MEASURE = "Labels: how it learns and is measured"
_NETWORKS = "Labels: networks (--method transfer and cnn)"
SIMILARITY = "Similarity"
"""Heading of the options for `artworks train similarity`."""
_OPTION_OF = {"year_from": "--from", "year_to": "--to", "activate": "--activate/--no-activate"}

SiteOption = Annotated[
    str | None,
    typer.Option("--site", metavar="NAME", help="Works of this site.", rich_help_panel=_IMAGES),
]
TermsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--term",
        metavar="KIND=NAME",
        help="Works with this term; may be given repeatedly.",
        rich_help_panel=_IMAGES,
    ),
]
FromOption = Annotated[
    int | None,
    typer.Option(
        "--from",
        metavar="YEAR",
        help="Works not begun before this year.",
        rich_help_panel=_IMAGES,
    ),
]
ToOption = Annotated[
    int | None,
    typer.Option(
        "--to", metavar="YEAR", help="Works not ended after this year.", rich_help_panel=_IMAGES
    ),
]
ModeOption = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="single|multi",
        help="Whether an image has one label or any number (default: as the head is).",
        rich_help_panel=_LABELS,
    ),
]
MinSupportOption = Annotated[
    int | None,
    typer.Option(
        "--min-support",
        min=2,
        metavar="N",
        help="Labels of at least N images that look different (default: 10).",
        rich_help_panel=_LABELS,
    ),
]
TopOption = Annotated[
    int | None,
    typer.Option(
        "--top", min=1, metavar="N", help="The N commonest labels.", rich_help_panel=_LABELS
    ),
]
WeakOption = Annotated[
    bool | None,
    typer.Option(
        "--weak",
        help="Labels that a work has from its artist's page count as well.",
        rich_help_panel=_LABELS,
    ),
]
UndersampleOption = Annotated[
    float | None,
    typer.Option(
        "--undersample",
        min=1,
        metavar="RATIO",
        help="At most RATIO times as many images of a label as the rarest one has.",
        rich_help_panel=_LABELS,
    ),
]
MergeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--merge",
        metavar="OLD=NEW",
        help="Call a label by another name; `OLD=` leaves it out. May be given repeatedly.",
        rich_help_panel=_LABELS,
    ),
]
MergeFileOption = Annotated[
    Path | None,
    typer.Option(
        "--merge-file",
        metavar="TOML",
        help='The same from a file, one `"OLD" = "NEW"` a line.',
        rich_help_panel=_LABELS,
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="LABEL",
        help="This label counts, and others only where they are named as well; after --merge.",
        rich_help_panel=_LABELS,
    ),
]
BinsOption = Annotated[
    str | None,
    typer.Option(
        "--bins",
        metavar="YEAR,…",
        help="period: years in which periods begin, as in 1850,1900 (default: centuries).",
        rich_help_panel=_LABELS,
    ),
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="probe|transfer|cnn",
        help="Logistic regression on embeddings (default: probe), dense layers on them (and "
        "perhaps the top of the network below), or a small network from nothing.",
        rich_help_panel=_MEASURE,
    ),
]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="POLICY",
        help="auto (the default), artists, site or random: what stays in one part; or the id or "
        "name of a stored split.",
        rich_help_panel=_MEASURE,
    ),
]
BalanceOption = Annotated[
    str | None,
    typer.Option(
        "--balance",
        metavar="none|weights|sampling",
        help="Against labels of unequal number: errors in rare ones weigh more, or rare ones are "
        "drawn more often (default: none).",
        rich_help_panel=_MEASURE,
    ),
]
RoundsOption = Annotated[
    int | None,
    typer.Option(
        "--rounds",
        min=1,
        max=20,
        metavar="N",
        help="With --folds: deal the images into folds N times (default: 1).",
        rich_help_panel=_MEASURE,
    ),
]
ActivateOption = Annotated[
    bool | None,
    typer.Option(
        "--activate/--no-activate",
        help="Make it the default of its head, or not (default: where it is no worse).",
        rich_help_panel=_MEASURE,
    ),
]
ViewsOption = Annotated[
    int | None,
    typer.Option(
        "--views",
        metavar="N",
        help="transfer: the image and N - 1 augmented ones to draw from (default: 4).",
        rich_help_panel=_NETWORKS,
    ),
]
AugmentOption = Annotated[
    str | None,
    typer.Option(
        "--augment",
        metavar="HOW",
        help="none, light (the default), standard or strong, or its parts, as in flip,rotation=10.",
        rich_help_panel=_NETWORKS,
    ),
]
FineTuneOption = Annotated[
    int | None,
    typer.Option(
        "--fine-tune",
        metavar="PERCENT",
        help="transfer: teach the top 10, 15, 30 or 100 % of the layers below as well.",
        rich_help_panel=_NETWORKS,
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        metavar="N",
        help="At most so many (default: 60; cnn: 40).",
        rich_help_panel=_NETWORKS,
    ),
]
RateOption = Annotated[
    str | None,
    typer.Option(
        "--learning-rate",
        metavar="auto|NUMBER",
        help="auto (the default) tries a few.",
        rich_help_panel=_NETWORKS,
    ),
]
BatchOption = Annotated[
    int | None,
    typer.Option(
        "--batch", metavar="N", help="Images of a step (default: 32).", rich_help_panel=_NETWORKS
    ),
]
DropoutOption = Annotated[
    float | None,
    typer.Option(
        "--dropout",
        metavar="SHARE",
        help="Numbers left out at random (default: 0.3).",
        rich_help_panel=_NETWORKS,
    ),
]
L1Option = Annotated[
    float | None,
    typer.Option(
        "--l1",
        metavar="NUMBER",
        help="transfer: price of the weights' sizes (default: 0).",
        rich_help_panel=_NETWORKS,
    ),
]
L2Option = Annotated[
    float | None,
    typer.Option(
        "--l2",
        metavar="NUMBER",
        help="Price of the weights' squares (default: 0.0001).",
        rich_help_panel=_NETWORKS,
    ),
]
BatchNormOption = Annotated[
    bool | None,
    typer.Option(
        "--batch-norm",
        help="transfer: batch normalisation between the dense layers.",
        rich_help_panel=_NETWORKS,
    ),
]
SmoothingOption = Annotated[
    float | None,
    typer.Option(
        "--label-smoothing",
        metavar="SHARE",
        help="Single labels: share of the truth spread over all labels (default: 0.05).",
        rich_help_panel=_NETWORKS,
    ),
]


@dataclass(frozen=True)
class LabelOptions:
    """What was asked of a training of labels; None: nobody said."""

    method: str | None = None
    labels: str | None = None
    site: str | None = None
    term: tuple[str, ...] | None = None
    year_from: int | None = None
    year_to: int | None = None
    min_support: int | None = None
    top: int | None = None
    weak: bool | None = None
    undersample: float | None = None
    merge: tuple[str, ...] | None = None
    merge_file: Path | None = None
    only: tuple[str, ...] | None = None
    bins: str | None = None
    split: str | None = None
    balance: str | None = None
    rounds: int | None = None
    activate: bool | None = None
    views: int | None = None
    augment: str | None = None
    fine_tune: int | None = None
    epochs: int | None = None
    learning_rate: str | None = None
    batch: int | None = None
    dropout: float | None = None
    l1: float | None = None
    l2: float | None = None
    batch_norm: bool | None = None
    label_smoothing: float | None = None

    def given(self) -> dict[str, object]:
        """Return all of this by the name of its option."""
        return {option_of(one.name): getattr(self, one.name) for one in fields(self)}


def option_of(name: str) -> str:
    """Return the option that a field is given by."""
    return _OPTION_OF.get(name, f"--{name.replace('_', '-')}")
