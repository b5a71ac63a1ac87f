"""A blind comparison as one HTML file: which of two rows is more like the picture above?

Which embedding is row A is drawn for each question, and written into a separate file, the key.
The page holds its pictures and needs nothing from anywhere; a button saves what was chosen.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import random
from collections.abc import Iterable
from typing import Any

from PIL import Image
from sqlalchemy import Connection, text

from analysis.evaluation.blind_answers import Question, Study
from storage.errors import ImageRejected, ObjectNotFound
from storage.images import decode_rgb
from storage.objects import ObjectStore

SIDES = ("A", "B")
HEIGHT = 190
"""Height of the answers, pixels."""
QUERY_HEIGHT = 260

_IMAGES = text("SELECT id, preview_key FROM images WHERE id = ANY(:ids)")

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1b19; background: #faf9f6;
       max-width: 1180px; margin: 0 auto; padding: 2.5rem 1.5rem 6rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
p.lead { color: #6b675f; margin: 0 0 2rem; max-width: 46rem; }
section { border-top: 1px solid #deded2; padding: 1.6rem 0 1.2rem; }
h2 { font-size: 1rem; margin: 0 0 .7rem; color: #6b675f; font-weight: 600; }
.query img { height: 260px; }
.row { display: flex; align-items: center; gap: 10px; margin-top: 14px; }
.row b { flex: 0 0 1.4rem; font-size: 1.1rem; }
.pictures { display: flex; flex: 1 1 auto; gap: 8px; align-items: center;
            min-width: 0; }
.pictures img { min-width: 0; width: 0; height: auto; }
img { display: block; background: #f0eded; border-radius: 2px; }
fieldset { border: 0; padding: 0; margin: 1rem 0 0 1.9rem; display: flex; gap: 1.6rem; }
label { cursor: pointer; }
.gone { display: grid; place-items: center; min-height: 110px; color: #8a857b;
        background: #f0eded; font-size: .85rem; text-align: center; }
footer { position: fixed; inset: auto 0 0 0; background: #fff; border-top: 1px solid #deded2;
         padding: .8rem 1.5rem; display: flex; gap: 1rem; align-items: center;
         justify-content: center; }
button { font: inherit; padding: .45rem 1.1rem; border: 0; border-radius: 4px; color: #fff;
         background: #24566b; cursor: pointer; }
input[type=text] { font: inherit; padding: .35rem .6rem; border: 1px solid #cfcabf;
                   border-radius: 4px; }
"""

_SCRIPT = """
const sheet = document.body.dataset.sheet, total = Number(document.body.dataset.questions);
function chosen() {
  const found = {};
  for (const box of document.querySelectorAll('input[type=radio]:checked'))
    found[box.name] = box.value;
  return found;
}
document.addEventListener('change', () => {
  document.getElementById('count').textContent = Object.keys(chosen()).length + ' of ' + total;
});
document.getElementById('save').addEventListener('click', () => {
  const who = document.getElementById('who').value.trim();
  const data = JSON.stringify({sheet, who, answers: chosen()}, null, 2);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([data], {type: 'application/json'}));
  link.download = 'answers-' + sheet + (who ? '-' + who.replace(/\\W+/g, '_') : '') + '.json';
  link.click();
});
"""


def draw_sides(study: Study) -> list[tuple[str, str]]:
    """Return, for each question, which embedding is row A and which is row B."""
    lot = random.Random(f"{study.seed} {study.first} {study.second}")
    return [
        (study.first, study.second) if lot.random() < 0.5 else (study.second, study.first)
        for _ in study.questions
    ]


def sheet_name(study: Study) -> str:
    """Return what ties answers to their key: eight digits over all that is asked."""
    asked = json.dumps(
        [
            study.first,
            study.second,
            study.seed,
            [[one.sha256, one.first, one.second] for one in study.questions],
        ]
    )
    return hashlib.sha256(asked.encode()).hexdigest()[:8]


def blind_key(study: Study) -> dict[str, Any]:
    """Return the key: which embedding is on which side of each question. Not for the people."""
    return {
        "sheet": sheet_name(study),
        "seed": study.seed,
        "models": [study.first, study.second],
        "questions": {
            str(number): {"query": one.sha256, **dict(zip(SIDES, sides, strict=True))}
            for number, (one, sides) in enumerate(
                zip(study.questions, draw_sides(study), strict=True), start=1
            )
        },
    }


def blind_page(connection: Connection, store: ObjectStore, study: Study) -> str:
    """Return the HTML page; it does not say what answered. Raises ObjectStoreUnavailable."""
    keys = _preview_keys(connection, study.questions)
    sides = draw_sides(study)
    sections = "".join(
        _section(number, one, first == study.first, keys, store)
        for number, (one, (first, _)) in enumerate(
            zip(study.questions, sides, strict=True), start=1
        )
    )
    count = len(study.questions)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Which is more like it?</title>\n<style>{_STYLE}</style>\n</head>\n"
        f'<body data-sheet="{sheet_name(study)}" data-questions="{count}">\n'
        "<h1>Which row is more like the picture above it?</h1>\n"
        '<p class="lead">Look at each row as a whole, and choose what you would rather be shown. '
        "There is no right answer; where you see no difference, say so. At the end, save your "
        "answers and send the file to whoever asked you.</p>\n"
        f"<main>\n{sections}</main>\n"
        '<footer><span id="count">'
        f"0 of {count}</span>"
        '<input type="text" id="who" placeholder="your name, if you like" maxlength="60">'
        '<button id="save" type="button">Save answers</button></footer>\n'
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _section(
    number: int, question: Question, in_order: bool, keys: dict[int, str], store: ObjectStore
) -> str:
    rows = (question.first, question.second)
    shown = "".join(
        f'<div class="row"><b>{side}</b>{_row(store, keys, ids)}</div>\n'
        for side, ids in zip(SIDES, rows if in_order else rows[::-1], strict=True)
    )
    choices = "".join(
        f'<label><input type="radio" name="{number}" value="{value}"> {html.escape(said)}</label>\n'
        for value, said in (("A", "A is more like it"), ("same", "no difference"),
                            ("B", "B is more like it"))
    )  # fmt: skip
    query, _ = _picture(store, keys.get(question.query), QUERY_HEIGHT)
    return (
        f'<section>\n<h2>{number}</h2>\n<div class="query">{query}</div>\n'
        f"{shown}<fieldset>{choices}</fieldset>\n</section>\n"
    )


def _row(store: ObjectStore, keys: dict[int, str], ids: Iterable[int]) -> str:
    """Return pictures of one height, as large as the page is wide, but not larger than HEIGHT."""
    found = [_picture(store, keys.get(one), HEIGHT) for one in ids]
    widest = round(HEIGHT * sum(shape for _, shape in found))
    shown = "".join(
        picture.replace(" ", f' style="flex: {shape:.4f} 1 0" ', 1) for picture, shape in found
    )
    return f'<div class="pictures" style="max-width: {widest}px">{shown}</div>'


def _picture(store: ObjectStore, key: str | None, height: int) -> tuple[str, float]:
    """Return an image with its bytes inside, or words where it cannot be read; and its shape.

    The shape is width / height.
    """
    try:
        picture = None if key is None else Image.fromarray(decode_rgb(store.get(key)))
    except (ObjectNotFound, ImageRejected):
        picture = None
    if picture is None:
        return '<span class="gone">not readable</span>', 1.0
    shape = picture.width / picture.height
    buffer = io.BytesIO()
    size = (max(1, round(height * shape)), height)
    picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=82)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{data}">', shape


def _preview_keys(connection: Connection, questions: Iterable[Question]) -> dict[int, str]:
    ids = sorted({image for one in questions for image in (one.query, *one.first, *one.second)})
    return {row.id: row.preview_key for row in connection.execute(_IMAGES, {"ids": ids})}
