"""Walking over results of another job, page by page, to label what has none yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import TextClause, text

from analysis.runs import CollectionRun

# What no work shows any more, at no address, is left alone; its results stay.
_SHOWN = "EXISTS (SELECT FROM image_sources s WHERE s.image_id = x.image_id AND s.gone_at IS NULL)"
_UNSEEN = """NOT EXISTS (
    SELECT FROM image_results r WHERE r.image_id = x.image_id AND r.model_id = :model_id)"""
_WAITING = text("""
    SELECT count(*) FROM images i
    WHERE EXISTS (SELECT FROM image_sources s WHERE s.image_id = i.id AND s.gone_at IS NULL)
      AND NOT EXISTS (
          SELECT FROM image_results r WHERE r.image_id = i.id AND r.model_id = :input_id)
""")

_STORED = text("SELECT count(*) FROM images")
# A page ends at a key, not after so many pending images: a query that stops early would be planned
# as if it went on to the end.
_END_OF_PAGE = text("SELECT id FROM images WHERE id > :after ORDER BY id OFFSET :span - 1 LIMIT 1")
_LAST: Final = 2**63 - 1


@dataclass(frozen=True)
class Source:
    """The results of another job that are read."""

    rows: str
    """FROM … WHERE, of results `x` of the model :input_id."""
    columns: str
    """Besides `image_id`."""

    def page(self, *, redo: bool) -> TextClause:
        """Return the query of a page of images, by their ids: after one, up to another."""
        return text(
            f"SELECT x.image_id, {self.columns} {self._pending(redo)} AND x.image_id > :after "
            "AND x.image_id <= :until ORDER BY x.image_id LIMIT :page"
        )

    def count(self, *, redo: bool) -> TextClause:
        """Return the query of how many images there are to do."""
        return text(f"SELECT count(*) {self._pending(redo)}")

    def _pending(self, redo: bool) -> str:
        return f"{self.rows} AND {_SHOWN}" + ("" if redo else f" AND {_UNSEEN}")


def pending_pages(
    run: CollectionRun, source: Source, input_id: int, cure: str, *, batch: int
) -> Iterator[Sequence[Any]]:
    """Yield what is pending, at most `batch` images at a time, by their ids.

    A page counts as done when the next one is asked for. Where images wait for the other job,
    `details` says how many, and `cure` what to run next.

    Args:
        run: whose model has not seen the images; all of them where it is to begin anew.
        source: what is read.
        input_id: the model whose results are read; 0: it has none.
        cure: what makes more of these results.
        batch: most images of a page.
    """
    ids = {"input_id": input_id, "model_id": run.model_id}
    with run.timed("read"), run.database.begin() as connection:
        total = int(connection.scalar(source.count(redo=run.redo), ids) or 0)
        waiting = int(connection.scalar(_WAITING, {"input_id": input_id}) or 0)
        # The less is pending, the more images a page spans.
        stored = int(connection.scalar(_STORED) or 0) if total else 0
        span = batch * max(1, stored // max(total, 1))
    if waiting:
        run.details["waiting"] = waiting
        run.details["next"] = cure
    total = total if run.limit is None else min(total, run.limit)
    run.tell(0, total)
    if not total:
        return
    done = after = 0
    while after < _LAST and (run.limit is None or done < run.limit):
        page = batch if run.limit is None else min(batch, run.limit - done)
        with run.timed("read"), run.database.begin() as connection:
            end = connection.scalar(_END_OF_PAGE, {"after": after, "span": span})
            until = _LAST if end is None else int(end)
            values = {**ids, "after": after, "until": until, "page": page}
            rows = connection.execute(source.page(redo=run.redo), values).all()
        if rows:
            yield rows
            done += len(rows)
            run.tell(done, max(done, total))
        after = rows[-1].image_id if len(rows) == page else until
