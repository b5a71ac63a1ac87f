"""How good a classifier of labels is, in pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from analysis.errors import NothingToShow
from analysis.labels.heads import HEADS, find_head
from analysis.labels.measuring.evaluation import KIND, classifier_of, mode_of
from analysis.labels.measuring.predictions import from_store
from analysis.labels.reporting.exhibits import Answered, Exhibit, Told, find_mistakes, hang_walls
from analysis.labels.reporting.page_pictures import Shown, find_shown, read_picture
from analysis.labels.reporting.wording import (
    calibration_sentence,
    headline_sentence,
    interval_sentence,
    split_sentence,
)
from analysis.plots.classifier_bars import draw_baselines
from analysis.plots.classifier_bars import draw_classes as class_bars
from analysis.plots.classifier_confusion import draw_confusion
from analysis.plots.classifier_curves import draw_found, draw_history
from analysis.plots.classifier_reliability import draw_reliability
from analysis.plots.classifier_sheet import COLUMNS, Piece, Row, draw_rows
from analysis.plots.lettering import Canvas
from analysis.plots.page import compose_page
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources
from storage.objects import ObjectStore

MOST_MISTAKES: Final = 3 * COLUMNS
MOST_WALLS: Final = 12
"""Labels that are shown in pictures, those of most images."""

_IN_USE = text("""
    SELECT head FROM models
    WHERE kind = :kind AND is_default AND active AND head = ANY(:heads) ORDER BY head
""")


def draw_classifier(sources: Sources, options: Options) -> Drawn:
    """Draw the measures of the classifier of a head, its errors, and what it calls what."""
    with sources.reading() as connection:
        model = classifier_of(connection, _head(connection, options.by))
        predictions = from_store(sources.store, model)
        tested = Answered.of(predictions, mode_of(model), predictions.thresholds)
        exhibits = _Exhibits.of(tested, model.metrics)
        shown = find_shown(connection, exhibits.sha256)
    pages = [*_charts(model.metrics), *exhibits.pages(sources.store, shown)]
    line = f"{model.label}  ·  {model.metrics['images']['test']:,} images measured"
    notes = (f"Split: {split_sentence(model.metrics)}.",)
    return Drawn(
        tuple(
            Picture(
                f"classifier-{name}",
                compose_page(canvas, f"{model.head}: {title}", line, (*said, *notes)),
            )
            for name, title, canvas, said in pages
        ),
        counts={"images": len(tested.sha256), "classes": len(tested.classes)},
        models=(model.label,),
        images=tuple(one for one in dict.fromkeys(exhibits.sha256) if one in shown),
    )


def _head(connection: Connection, by: str | None) -> str:
    """Return the head that is asked for, or the only one that has a classifier."""
    if by is not None:
        return find_head(by).name
    found = list(connection.scalars(_IN_USE, {"kind": KIND, "heads": list(HEADS)}))
    if not found:
        raise NothingToShow(
            "no classifier of labels is in use: train one, with `artworks train style` or another "
            "head."
        )
    if len(found) > 1:
        raise NothingToShow(
            f"there are classifiers of {', '.join(found)}: say which with --by, as in --by "
            f"{found[0]}."
        )
    return str(found[0])


Page = tuple[str, str, Canvas, Sequence[str]]
"""Name of the picture, its heading, what it shows, and notes."""


def _charts(metrics: Mapping[str, Any]) -> list[Page]:
    said = (headline_sentence(metrics), interval_sentence(metrics))
    pages: list[Page] = [
        ("measures", "measures", draw_baselines(metrics), said),
        ("labels", "label by label", class_bars(metrics["per_class"]), ()),
    ]
    if metrics["confusion"] is not None:
        classes, counts = metrics["classes"], metrics["confusion"]
        shares = draw_confusion(classes, counts, shares=True)
        pages += [
            ("confusion", "what is taken for what", draw_confusion(classes, counts), ()),
            ("confusion-shares", "what is taken for what, in percent of a row", shares, ()),
        ]
    if metrics["curves"]["precision_recall"]:
        found = draw_found(metrics["curves"], metrics["per_class"])
        pages.append(("curves", "at every threshold", found, ()))
    reliable = draw_reliability(metrics["calibration"])
    pages.append(
        ("reliability", "as sure as it is right", reliable, (calibration_sentence(metrics),))
    )
    if (learned := draw_history(metrics["history"])) is not None:
        pages.append(("history", "how it learned", learned, ()))
    return pages


class _Exhibits:
    """Images of a report, and the sheets that they make."""

    def __init__(
        self, tested: Answered, mistakes: Sequence[Exhibit], walls: Mapping[str, Sequence[Exhibit]]
    ) -> None:
        self.tested, self.mistakes, self.walls = tested, mistakes, walls
        self.sha256 = [one.sha256 for group in (mistakes, *walls.values()) for one in group]

    @classmethod
    def of(cls, tested: Answered, metrics: Mapping[str, Any]) -> _Exhibits:
        """Choose what is shown."""
        largest = sorted(metrics["per_class"], key=lambda one: (-one["support"], one["label"]))
        labels = sorted(one["label"] for one in largest[:MOST_WALLS])
        walls = {
            wall.label: (*wall.surest, *wall.least)
            for wall in hang_walls(tested, labels, COLUMNS // 2)
        }
        return cls(tested, find_mistakes(tested)[:MOST_MISTAKES], walls)

    def pages(self, store: ObjectStore, shown: Mapping[str, Shown]) -> list[Page]:
        """Return the sheets; pictures that are gone or cannot be read are left out."""
        single = self.tested.mode == "single"
        errors = Row(
            "", _pieces(store, shown, [(one, _error(one, single)) for one in self.mistakes])
        )
        rows = [
            Row(label, _pieces(store, shown, [(one, _hit(label, one)) for one in hung]))
            for label, hung in self.walls.items()
        ]
        rows = [row for row in rows if row.pieces]
        pages: list[Page] = []
        if errors.pieces:
            pages.append(("errors", "errors, the most confident first", draw_rows([errors]), ()))
        if rows:
            said = ("Of each label, first what it is surest of, then what it is least sure of.",)
            pages.append(("gallery", "what it calls what", draw_rows(rows), said))
        return pages


Lines = tuple[tuple[str, str], ...]


def _pieces(
    store: ObjectStore, shown: Mapping[str, Shown], exhibits: Sequence[tuple[Exhibit, Lines]]
) -> tuple[Piece, ...]:
    found = []
    for one, lines in exhibits:
        if one.sha256 not in shown:
            continue
        picture = read_picture(store, shown[one.sha256].preview_key)
        if picture is not None:
            work = shown[one.sha256].work
            title = " ".join(work.title.split()) or "Untitled"
            named = (("title", title), ("plain", work.artist or "Unknown artist"))
            found.append(Piece(picture, (*lines, *named)))
    return tuple(found)


def _error(one: Exhibit, single: bool) -> Lines:
    lines = (
        ("wrong", "said", one.much),
        ("plain" if one.much else "wrong", "is" if single else "missed", one.missed),
        ("plain", "rightly", one.right),
    )
    return tuple((role, f"{said} {_told(labels)}") for role, said, labels in lines if labels)


def _hit(label: str, one: Exhibit) -> Lines:
    if label in one.truth:
        return (("said", f"{one.weight:.2f}"),)
    truth = ", ".join(one.truth) or "none of the labels"
    return (("wrong", f"{one.weight:.2f}, but it is {truth}"),)


def _told(labels: Told) -> str:
    return ", ".join(f"{label} {score:.2f}" for label, score in labels)
