"""What `artworks colors` prints and draws of images that it finds by colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cli.console import (
    on_terminal,
    palette_bar,
    print_json,
    print_table,
    progress,
    remark,
    stderr,
    swatch,
)
from cli.opening import existing_database, load_settings, snapshot
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.colors.asked import ColorSearch
    from analysis.colors.search import FoundImage
    from storage.settings import StorageSettings

BAR = 20
"""Width of a palette in the table, in characters."""


def search_and_print(
    search: ColorSearch, *, out: Path | None = None, force: bool = False, as_json: bool = False
) -> None:
    """Search the collection and print what was found; draw it into `out` as well.

    Raises UsageError where `out` cannot be written, and what `find_images` raises.
    """
    from analysis.colors.search import find_images
    from storage.export import refuse_overwriting

    if out is not None:
        refuse_overwriting(out, force=force)
    elif force:
        raise UsageError("--force is for --out: name a file, or leave it away.")
    settings = load_settings()
    with existing_database(settings) as database, snapshot(database) as connection:
        images = find_images(connection, search)
    if as_json:
        print_json(_document(search, images))
    elif images:
        _print(search, images)
    if not images:
        remark(_nothing(search))
    elif out is not None:
        _draw(settings, search, images, out)


def _document(search: ColorSearch, images: Sequence[FoundImage]) -> dict[str, Any]:
    return {
        "colors": [{"hex": color.hex, "part": color.part} for color in search.colors],
        "harmony": search.harmony,
        "tolerance": search.tolerance,
        "min_share": search.least_share,
        "site": search.site,
        "category": search.category,
        "images": [image.as_dict() for image in images],
    }


def _print(search: ColorSearch, images: Sequence[FoundImage]) -> None:
    scored = len(images[0].matches) > 1 or any(color.part for color in search.colors)
    score = ("Score",) if scored else ()
    distance = ("ΔE",) if search.colors else ()
    palette = ("Palette",) if on_terminal() else ()
    print_table(
        "",
        (*score, "Share", *distance, "Colors", *palette, "Title", "Artist", "Site", "Page"),
        [
            (
                *((f"{image.score:.3f}",) if scored else ()),
                f"{image.share:.1%}" if on_terminal() else f"{image.share:.6f}",
                *((_distances(image),) if distance else ()),
                _colors(image),
                *((_bar(image),) if palette else ()),
                *_work(image),
            )
            for image in images
        ],
        numbers=("Score", "Share", "ΔE"),
        wrap=("Title", "Artist", "Page"),
    )
    if on_terminal():
        remark(f"{_counted(len(images), 'image')} {_asked(search)}, the best first")
    if len(images) == search.limit:
        remark("there may be more: see --limit")


def _distances(image: FoundImage) -> str:
    told = [match.distance for match in image.matches if match.distance is not None]
    return " ".join(f"{distance:.1f}" for distance in told)


def _colors(image: FoundImage) -> Text | str:
    if not on_terminal():
        return " ".join(match.hex for match in image.matches)
    shown = Text()
    for match in image.matches:
        shown.append(" " if shown else "").append_text(swatch(match.hex)).append(f" {match.hex}")
    return shown


def _bar(image: FoundImage) -> Text:
    return palette_bar([(color.hex, color.fraction) for color in image.palette], width=BAR)


def _work(image: FoundImage) -> tuple[str, str | None, str, str]:
    work = image.works[0]
    further = f" (+{len(image.works) - 1})" if len(image.works) > 1 else ""
    gone = " (gone)" if work.gone else ""
    return f"{work.title}{gone}{further}", work.artist, work.site, work.page_url


def _asked(search: ColorSearch) -> str:
    """Say what was searched for, as the end of a sentence that begins with images."""
    colors = " and ".join(
        color.hex if color.part is None else f"{color.part:.0%} {color.hex}"
        for color in search.colors
    )
    near = f"within ΔE {search.tolerance:g}"
    if search.harmony is None:
        return f"with {colors} {near}"
    return f"in {search.harmony} harmony{f' around {colors} {near}' if colors else ''}"


def _nothing(search: ColorSearch) -> str:
    ways = ["a larger --tolerance"] if search.colors else []
    if len(search.colors) > 1:
        ways.append("fewer colours")
    if search.least_share:
        ways.append("a smaller --min-share")
    if search.site is not None or search.category is not None:
        ways.append("no --site or --category")
    tried = f"; try {' or '.join(ways)}" if ways else ""
    return f"no image {_asked(search)}{tried}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _draw(
    settings: StorageSettings, search: ColorSearch, images: Sequence[FoundImage], out: Path
) -> None:
    from analysis.colors.harmony import partners
    from analysis.colors.sheet import color_sheet
    from storage.objects import open_store

    store = open_store(settings.objects_location)
    store.check()
    hexes = [color.hex for color in search.colors]
    if search.harmony is not None:
        hexes += [partner for color in hexes for partner in partners(color, search.harmony)]
    heading = search.harmony.capitalize() if search.harmony else "Colors"
    parts = [_counted(len(images), "image")]
    if search.colors:
        parts.append(f"within ΔE {search.tolerance:g}")
    with progress() as bars:
        bars.add_task("drawing", total=None)
        sheet = color_sheet(store, images, hexes, heading, "  ·  ".join(parts))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(out, "PNG", compress_level=6)
    except OSError as error:
        raise UsageError(
            f"cannot write {out} ({error.strerror or error}): name a file ending in .png in a "
            "folder of yours."
        ) from error
    stderr().print(f"{_counted(len(images), 'image')} → {out}", style="bold")
