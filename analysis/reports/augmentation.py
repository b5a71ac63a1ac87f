"""The report `augmentation`: what networks are shown of a work when they learn from its views."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from analysis.errors import NoSuchFile, NothingToShow
from analysis.jobs import RGB
from analysis.labels.networks.augmentation import PRESETS, Augmentation, augment, draw_alteration
from analysis.plots.augmentation_sheet import SheetBlock, SheetRow, draw_views
from analysis.plots.page import compose_page
from analysis.reports.archive import Picture
from analysis.reports.drawing import Drawn, Options, Sources
from analysis.reports.query import SHOWN, Query, check_query, counted, years
from storage.errors import ImageRejected, ObjectNotFound, UsageError
from storage.images import check_image, decode_rgb

WORKS: Final = 4
"""Works of a sheet, where none is named."""
SPARE: Final = 12
"""Works that are tried besides, since pictures may be unreadable."""
VIEWS: Final = 5
SEED: Final = 0
"""Of what is drawn; a training draws by its own."""

_COLUMNS: Final = """
    SELECT a.title, a.date_text, a.year_from, a.year_to, i.sha256, i.preview_key,
           maker.name AS artist
"""
_MAKER: Final = """
    LEFT JOIN LATERAL (
        SELECT ar.name FROM artwork_artists aa JOIN artists ar ON ar.id = aa.artist_id
        WHERE aa.artwork_id = a.id ORDER BY aa.position LIMIT 1
    ) maker ON true
"""
# The same works every time, and none that stand out by their place in the table.
_SOME = text(f"""
    WITH {SHOWN}
    {_COLUMNS}
    FROM shown w JOIN artworks a ON a.id = w.id JOIN images i ON i.id = w.image_id {_MAKER}
    ORDER BY md5(a.site || ' ' || a.source_id) LIMIT :count
""")
_NAMED = text(f"""
    {_COLUMNS}
    FROM artworks a
    JOIN image_sources s ON s.artwork_id = a.id AND s.gone_at IS NULL
    JOIN images i ON i.id = s.image_id {_MAKER}
    WHERE (i.sha256 = :said OR (a.site = :site AND a.source_id = :source_id AND NOT i.placeholder))
    ORDER BY a.gone_at IS NOT NULL, a.id, s.position, s.id LIMIT 1
""")


@dataclass(frozen=True)
class _Shown:
    """A work whose picture could be read."""

    picture: RGB
    sha256: str
    title: str
    maker: str
    stored: bool


def draw_augmentation(sources: Sources, options: Options) -> Drawn:
    """Draw some works with views of each preset, or the one that is named.

    Raises UsageError for a work, site or term that there is not, NothingToShow where no picture can
    be read, ImageRejected for a file that is no image, ObjectStoreUnavailable and
    DatabaseUnavailable.
    """
    works = list(_works(sources, options))
    strengths = {name: preset for name, preset in PRESETS.items() if preset}
    body = draw_views([_block(work, strengths) for work in works])
    one = works[0].title if options.work is not None else ""
    heading = one or str(options.query) or "The collection"
    page = compose_page(
        body,
        f"{heading}: augmentation",
        f"{counted(len(works), 'work')}  ·  {VIEWS} views of each strength",
        (
            "At the left, the picture itself, which is always one of the views; beside it, what a "
            "network may be shown in its place. Below each view stands what was drawn for it. What "
            "comes in from outside is the picture mirrored at its edge.",
        ),
    )
    return Drawn(
        (Picture("augmentation", page),),
        counts={"works": len(works), "views": VIEWS},
        settings={
            "seed": SEED,
            "augmentation": {name: preset.as_dict() for name, preset in strengths.items()},
        },
        images=tuple(work.sha256 for work in works if work.stored),
    )


def _block(work: _Shown, strengths: dict[str, Augmentation]) -> SheetBlock:
    rows = []
    for name, strength in strengths.items():
        drawn = [draw_alteration(work.sha256, view, strength, SEED) for view in _NUMBERS]
        views = tuple(augment(work.picture, work.sha256, view, strength, SEED) for view in _NUMBERS)
        said = tuple(str(one) or "unchanged" for one in drawn)
        rows.append(SheetRow(name, str(strength).replace(",", ", "), views, said))
    return SheetBlock(work.picture, work.title, work.maker, tuple(rows))


_NUMBERS: Final = range(1, VIEWS + 1)


def _works(sources: Sources, options: Options) -> Iterator[_Shown]:
    said = options.work
    if said is not None and options.query != Query():
        raise UsageError("name a work, or ask for works by site, term and year: not both.")
    with sources.reading() as connection:
        if said is None:
            check_query(connection, options.query)
            chosen = {**options.query.parameters, "count": WORKS + SPARE}
            rows = connection.execute(_SOME, chosen).all()
        else:
            rows = connection.execute(_NAMED, _named(said)).all()
    if said is not None and not rows:
        yield _from_file(said)
        return
    found = 0
    for row in rows:
        try:
            picture = decode_rgb(sources.store.get(row.preview_key))
        except (ObjectNotFound, ImageRejected):
            continue
        yield _shown(row, picture)
        found += 1
        if found == WORKS:
            return
    if not rows:
        raise NothingToShow("no work with a stored image fits: crawl first, or ask for less.")
    if not found:
        raise NothingToShow(
            f"none of {counted(len(rows), 'picture')} can be read: run `artworks verify`."
        )


def _named(said: str) -> dict[str, str | None]:
    site, _, source_id = said.partition("/")
    digest = said.lower() if re.fullmatch("[0-9a-fA-F]{64}", said) else None
    return {"said": digest, "site": site, "source_id": source_id}


def _shown(row: Any, picture: RGB) -> _Shown:
    if row.year_from is not None:
        date = years(row.year_from, row.year_to)
    else:
        date = " ".join((row.date_text or "").split())
    title = " ".join((row.title or "").split()) or "Untitled"
    maker = ", ".join(part for part in (row.artist or "Unknown artist", date) if part)
    return _Shown(picture, row.sha256, title, maker, stored=True)


def _from_file(said: str) -> _Shown:
    """Return the picture in a file, as large as a preview of it would be."""
    path = Path(said)
    if not path.is_file():
        raise UsageError(
            f'"{said}" is no work with a picture, no stored image and no file: give SITE/SOURCE_ID '
            "(the view artwork_overview has them), the sha256 of an image, or the path of a file."
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NoSuchFile(f"cannot read {path} ({reason}): give the path of an image.") from error
    checked = check_image(data)
    picture = decode_rgb(data if checked.preview is None else checked.preview)
    return _Shown(picture, hashlib.sha256(data).hexdigest(), path.name, "", stored=False)
