"""Splits that are kept: the same images measure again, whatever is trained next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from analysis.errors import NothingToTrain, WrongDataset
from analysis.labels.dataset import Dataset, Split
from analysis.labels.datasets.splitting import PARTS, POLICIES, REMOVED, to_split

_STORED = text("""
    INSERT INTO splits (head, name, query, seed, policy, members, fingerprint)
    VALUES (:head, :name, CAST(:query AS jsonb), :seed, :policy, CAST(:members AS jsonb),
            :fingerprint)
    ON CONFLICT (head, fingerprint) DO UPDATE SET name = coalesce(excluded.name, splits.name)
    RETURNING id
""")
_NAMED = text("SELECT id FROM splits WHERE head = :head AND name = :name AND fingerprint <> :own")
_BY_ID = text("SELECT id, head, seed, policy, members FROM splits WHERE id = :id")
_BY_NAME = text("""
    SELECT id, head, seed, policy, members FROM splits WHERE head = :head AND name = :name
    ORDER BY id
""")
_KNOWN = text("""
    SELECT id, name FROM splits WHERE head = :head ORDER BY id DESC LIMIT 12
""")


def store_split(
    connection: Connection, dataset: Dataset, split: Split, *, name: str | None = None
) -> int:
    """Store a split and return its id; that of the same split, where it is stored already.

    A name is given to it then; the last one counts.

    Raises WrongDataset where another split of the head has the name.
    """
    head = dataset.query.head
    if name is not None:
        name = name.strip()
        if not name or name.isdecimal() or name in POLICIES:
            raise WrongDataset(
                f'a split cannot be called "{name}": choose a word that is no number and no way of '
                "drawing one."
            )
        values = {"head": head, "name": name, "own": split.fingerprint}
        other = connection.scalar(_NAMED, values)
        if other is not None:
            raise WrongDataset(
                f'another split of {head} is called "{name}" (id {other}): choose another name.'
            )
    members = {part: dataset.ids[getattr(split, part)].tolist() for part in (*PARTS, REMOVED)}
    row = connection.execute(
        _STORED,
        {
            "head": head,
            "name": name,
            "query": json.dumps(dataset.query.as_dict(), ensure_ascii=False),
            "seed": split.seed,
            "policy": split.policy,
            "members": json.dumps(members),
            "fingerprint": split.fingerprint,
        },
    ).one()
    return int(row.id)


def load_split(connection: Connection, dataset: Dataset, id_or_name: str) -> tuple[int, Split]:
    """Return a stored split's id, and the split as far as the dataset has its images.

    `gone` counts the images that it names and the dataset does not have, `unassigned` those that
    it does not name: they are in no part. Look-alikes that became known since are removed. By its
    id, a split of another head may be used, so that both measure on the same images.

    Raises WrongDataset where there is none, and NothingToTrain where a part would be empty or a
    label would not be taught.
    """
    row = _find(connection, dataset.query.head, id_or_name.strip())
    place = {one: at for at, one in enumerate(dataset.ids.tolist())}
    parts = np.full(len(dataset), "", dtype="<U10")
    gone = 0
    members: Mapping[str, Sequence[int]] = row.members
    for part in (*PARTS, REMOVED):
        ids = members.get(part, ())
        here = [place[one] for one in ids if one in place]
        parts[here] = part
        gone += len(ids) - len(here)
    if gone and not (parts != "").any():
        raise NothingToTrain(
            f"none of the {gone:,} images of split {row.id} is asked for: widen the query, or let "
            "a split be drawn (--split auto)."
        )
    split = to_split(dataset, parts, policy=row.policy, seed=row.seed, gone=gone)
    return int(row.id), split


def _find(connection: Connection, head: str, id_or_name: str) -> Any:
    if id_or_name.isdecimal():
        # Longer numbers are no ids.
        row = connection.execute(_BY_ID, {"id": int(id_or_name[:18])}).one_or_none()
    else:
        row = connection.execute(_BY_NAME, {"head": head, "name": id_or_name}).first()
    if row is not None:
        return row
    known = [
        f"{one.id}" + (f" ({one.name})" if one.name else "")
        for one in connection.execute(_KNOWN, {"head": head})
    ]
    there = f"there are {', '.join(known)}" if known else f"none is stored for {head}"
    raise WrongDataset(
        f'there is no split "{id_or_name}" of {head}, and {there}: draw one with --split auto, '
        "artists, site or random."
    )
