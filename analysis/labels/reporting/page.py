"""How good a classifier is, as one HTML file that needs nothing from anywhere.

It holds its charts and its pictures, has no scripts, follows the light or dark scheme of whoever
looks, and names the images that can be recognised in it (`data-image`), so that those that are
taken down later can be found in it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from PIL import Image
from sqlalchemy import Connection

from analysis.labels.measuring.predictions import Predictions
from analysis.labels.reporting.card import cross_validation_sentence, origin, purpose
from analysis.labels.reporting.exhibits import (
    Answered,
    Exhibit,
    Told,
    Wall,
    find_mistakes,
    hang_walls,
)
from analysis.labels.reporting.page_pictures import Gallery, chart_source, find_shown
from analysis.labels.reporting.page_style import STYLE
from analysis.labels.reporting.wording import (
    AVERAGES,
    HEADLINES,
    MEASURE_COLUMNS,
    average_rows,
    best_baseline,
    between,
    calibration_sentence,
    class_columns,
    headline,
    interval_facts,
    left_out_sentences,
    limits,
    measure_rows,
    measure_title,
    number,
    split_sentence,
)
from analysis.plots.classifier_bars import draw_baselines
from analysis.plots.classifier_confusion import MOST_CLASSES, draw_confusion
from analysis.plots.classifier_curves import draw_found, draw_history
from analysis.plots.classifier_reliability import draw_reliability
from analysis.plots.lettering import Canvas
from analysis.plots.page import as_png
from storage.objects import ObjectStore

REPORT: Final = "report.html"
WIDTH: Final = 1180
"""Width of a chart in pixels: 1.3 for each of the page's, for sharp letters."""
MOST_MISTAKES: Final = 24
MOST_WALLS: Final = 10
"""Labels that are shown in pictures, those of most images."""
MOST_TOLD: Final = 3
"""Labels in a line below a picture."""
EACH: Final = 4
"""Pictures of a label at either end."""


def label_report(
    connection: Connection,
    store: ObjectStore,
    name: str,
    version: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    predictions: Predictions,
) -> bytes:
    """Return the page in UTF-8, at most 5 MB.

    Pictures that are not in the collection any more, or cannot be read, are left out and counted.
    Raises ObjectStoreUnavailable and DatabaseUnavailable.
    """
    thresholds = predictions.thresholds
    tested = Answered.of(predictions, metrics["labels"], thresholds)
    mistakes = find_mistakes(tested)
    walls = hang_walls(tested, _shown_labels(metrics), EACH)
    exhibits = [*mistakes[:MOST_MISTAKES], *(one for wall in walls for one in _hung(wall))]
    gallery = Gallery(store, find_shown(connection, (one.sha256 for one in exhibits)))
    sections = (
        _baselines(metrics),
        _classes(metrics),
        _confusion(metrics),
        _curves(metrics),
        _calibration(metrics),
        _history(metrics),
        _mistakes(mistakes, tested, gallery),
        _walls(walls, metrics, gallery),
        _missing(gallery),
        _list("What it cannot tell", limits(params, metrics)),
        _list("Where it comes from", origin(params, metrics)),
    )
    title = f"{name} {version}"
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{html.escape(title)}</h1>\n"
        f'<p class="lead">{html.escape(purpose(params, metrics))}</p>\n{_tiles(metrics)}'
        f"{_facts(metrics)}</header>\n<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"
    )
    return page.encode()


def _tiles(metrics: Mapping[str, Any]) -> str:
    """Return the three headline numbers, the one that tells most first."""
    names = sorted(HEADLINES, key=lambda one: one != headline(metrics))
    tiles = []
    for name in names:
        interval, base = metrics["intervals"].get(name), best_baseline(metrics, name)
        lines = f'<span class="what">{measure_title(name, metrics)}</span>'
        lines += f"<strong>{number(metrics[name])}</strong>"
        if interval:
            lines += f"<span>{between(interval)}</span>"
        if base:
            lines += f'<span class="base">{html.escape(base[0])}: {number(base[1])}</span>'
        tiles.append(f"<div>{lines}</div>")
    return f'<div class="tiles">{"".join(tiles)}</div>\n'


def _facts(metrics: Mapping[str, Any]) -> str:
    facts = [
        ("Split", split_sentence(metrics)),
        ("Intervals", interval_facts(metrics)),
        *(("Left out", said) for said in left_out_sentences(metrics)),
    ]
    if crossed := metrics.get("cross_validation"):
        facts.append(("Folds", cross_validation_sentence(crossed)))
    rows = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(said)}</dd>\n" for name, said in facts
    )
    return f"<dl>\n{rows}</dl>\n"


def _baselines(metrics: Mapping[str, Any]) -> str:
    """Return the measures beside those of what has learned nothing."""
    return _section(
        "Beside what needs no learning",
        _chart(draw_baselines(metrics, width=WIDTH), "Measures beside baselines")
        + _table(MEASURE_COLUMNS, measure_rows(metrics, intervals=False), strong=True)
        + _table(("Averaged over labels", *AVERAGES), average_rows(metrics)),
        "Always the commonest: the label that most images carry which taught. Guessing in "
        "proportion: each label as often as these carry it.",
    )


def _classes(metrics: Mapping[str, Any]) -> str:
    """Return each label with its measures, F1 as a bar as well, the best first."""
    order = sorted(metrics["per_class"], key=lambda one: (-(one["f1"] or 0.0), one["label"]))
    columns = class_columns(metrics)
    names = ("precision", "recall", "f1", "ap", "auc", "threshold")[: len(columns) - 2]
    rows = []
    for one in order:
        cells = [f'<th scope="row">{html.escape(one["label"])}</th>', _cell(f"{one['support']:,}")]
        for name in names:
            said = number(one[name])
            cells.append(_bar(one[name], said) if name == "f1" else _cell(said))
        rows.append(f"<tr>{''.join(cells)}</tr>\n")
    head = "".join(f"<th>{name}</th>" for name in columns)
    table = f'<div class="wide"><table><tr>{head}</tr>\n{"".join(rows)}</table></div>\n'
    return _section("Labels", table, "Images are those that measured.")


def _confusion(metrics: Mapping[str, Any]) -> str:
    """Return what was taken for what, in counts and in shares."""
    if metrics["confusion"] is None:
        return ""
    drawn = "".join(
        _chart(
            draw_confusion(metrics["classes"], metrics["confusion"], shares=shares, width=WIDTH),
            f"Confusion, in {'shares of each label' if shares else 'images'}",
        )
        for shares in (False, True)
    )
    more = len(metrics["classes"]) - MOST_CLASSES
    note = f"The {MOST_CLASSES} labels of most images are shown." if more > 0 else ""
    return _section("What is taken for what", drawn, f"In images, then in percent of a row. {note}")


def _curves(metrics: Mapping[str, Any]) -> str:
    if not metrics["curves"]["precision_recall"]:
        return ""
    return _section(
        "At every threshold",
        _chart(
            draw_found(metrics["curves"], metrics["per_class"], width=WIDTH),
            "ROC and precision-recall curves",
        ),
        "Each line is a label that is told from all others; a threshold runs from where nothing is "
        "said to where everything is.",
    )


def _calibration(metrics: Mapping[str, Any]) -> str:
    return _section(
        "As sure as it is right?",
        _chart(draw_reliability(metrics["calibration"], width=WIDTH), "Reliability"),
        f"{calibration_sentence(metrics)} A dot on the diagonal is as good as its word.",
    )


def _history(metrics: Mapping[str, Any]) -> str:
    drawn = draw_history(metrics["history"], width=WIDTH)
    return "" if drawn is None else _section("How it learned", _chart(drawn, "Training curves"))


def _mistakes(mistakes: Sequence[Exhibit], tested: Answered, gallery: Gallery) -> str:
    """Return the pictures of which something wrong was said, the most confident first."""
    images, mode = len(tested.sha256), tested.mode
    if not mistakes:
        return _section("Errors", f"<p>None of the {images:,} images that measured.</p>")
    figures = "".join(gallery.figure(one, _error(one, mode)) for one in mistakes[:MOST_MISTAKES])
    return _section(
        "Errors, the most confident first",
        f'<div class="pictures">\n{figures}</div>\n',
        f"{len(mistakes):,} of the {images:,} images that measured have some"
        + (f"; {MOST_MISTAKES} are shown. " if len(mistakes) > MOST_MISTAKES else ". ")
        + "Look whether the classifier is wrong, or the page.",
    )


def _walls(walls: Sequence[Wall], metrics: Mapping[str, Any], gallery: Gallery) -> str:
    """Return pictures of each label, those it is surest of and those it is least sure of."""
    parts = []
    for wall in walls:
        rows = ""
        for name, hung in (("surest", wall.surest), ("least sure", wall.least)):
            figures = "".join(gallery.figure(one, _hit(wall.label, one)) for one in hung)
            if figures:
                rows += f'<p class="row">{name}</p>\n<div class="pictures">\n{figures}</div>\n'
        if rows:
            parts.append(f"<h3>{html.escape(wall.label)}</h3>\n{rows}")
    if not parts:
        return ""
    few = len(walls) < len(metrics["classes"])
    note = "Images that measured, by what was said of them and how sure it was."
    return _section(
        "What it calls what",
        "".join(parts),
        f"{note} The labels of most images are shown." if few else note,
    )


def _missing(gallery: Gallery) -> str:
    """Say how many pictures are not there."""
    said = []
    if gallery.gone:
        said.append(f"{gallery.gone:,} pictures are not shown: they are gone, or cannot be read.")
    if gallery.crowded:
        said.append(f"{gallery.crowded:,} pictures are not shown: the page would be too large.")
    return f'<p class="note">{" ".join(said)}</p>\n' if said else ""


def _error(one: Exhibit, mode: str) -> str:
    """Return what was wrong with what was said: too much, missed, and what was right."""
    lines = (
        ("wrong", "said", one.much),
        ("missed" if one.much else "wrong", "is" if mode == "single" else "missed", one.missed),
        ("right", "rightly", one.right),
    )
    return "".join(
        f'<em class="{mark}">{said} {_told(labels)}</em>' for mark, said, labels in lines if labels
    )


def _hit(label: str, one: Exhibit) -> str:
    """Return how sure it was of a label, and what the image is where that was wrong."""
    if label in one.truth:
        return f'<em class="said">{one.weight:.2f}</em>'
    truth = html.escape(", ".join(one.truth)) or "none of the labels"
    return f'<em class="wrong">{one.weight:.2f}, but it is {truth}</em>'


def _told(labels: Told) -> str:
    said = ", ".join(f"{label} {score:.2f}" for label, score in labels[:MOST_TOLD])
    return html.escape(said) + (" …" if len(labels) > MOST_TOLD else "")


def _hung(wall: Wall) -> list[Exhibit]:
    return [*wall.surest, *wall.least]


def _shown_labels(metrics: Mapping[str, Any]) -> list[str]:
    largest = sorted(metrics["per_class"], key=lambda one: (-one["support"], one["label"]))
    return sorted(one["label"] for one in largest[:MOST_WALLS])


def _section(title: str, body: str, note: str = "") -> str:
    lead = f'<p class="note">{html.escape(note.strip())}</p>\n' if note else ""
    return f"<section>\n<h2>{html.escape(title)}</h2>\n{lead}{body}</section>\n"


def _list(title: str, said: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(one)}</li>\n" for one in said)
    return _section(title, f"<ul>\n{items}</ul>\n")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, strong: bool = False) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = ""
    for at, (first, *others) in enumerate(rows):
        mark = ' class="own"' if strong and at == 0 else ""
        cells = "".join(_cell(said) for said in others)
        body += f'<tr{mark}><th scope="row">{html.escape(first)}</th>{cells}</tr>\n'
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>\n'


def _cell(said: str) -> str:
    return f"<td>{html.escape(said)}</td>"


def _bar(value: float | None, said: str) -> str:
    share = 100 * (value or 0.0)
    return f'<td class="bar"><i style="width:{share:.1f}%"></i><span>{said}</span></td>'


def _chart(canvas: Canvas, said: str) -> str:
    """Return a chart as a picture in the page; few colours, and so a small one."""
    image = Image.fromarray(np.ascontiguousarray(canvas))
    flat = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    height = round(canvas.shape[0] / 1.3)
    return (
        f'<div class="chart"><img src="{chart_source(as_png(flat))}" alt="{html.escape(said)}" '
        f'width="{round(canvas.shape[1] / 1.3)}" height="{height}"></div>\n'
    )
