"""`artworks evaluate similarity`: by shared terms, by altered copies, and by people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import print_facts, print_json, print_table, progress, remark, stderr
from cli.evaluate import DEFAULT_TERMS
from cli.opening import existing_database, load_settings
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.evaluation.blind_score import BlindScore
    from analysis.evaluation.intervals import Interval
    from analysis.evaluation.self_retrieval import SelfRetrieval
    from analysis.evaluation.similarity import Evaluation
    from storage.database import Database
    from storage.objects import ObjectStore


@dataclass(frozen=True)
class Asked:
    """What is to be measured, as the options of the command say it."""

    model: str | None
    against: str | None
    terms: str | None
    k: int
    without_artist: bool
    queries: int
    self_retrieval: int | None
    blind: Path | None
    questions: int
    force: bool
    answers: tuple[Path, ...]
    key: Path | None
    seed: int


def measure_similarity(asked: Asked, *, as_json: bool) -> None:
    """Measure what is asked for, and print it."""
    if bool(asked.answers) != (asked.key is not None):
        raise UsageError("--answers and --key belong together: give the key of the page, too.")
    if asked.force and asked.blind is None:
        raise UsageError("--force is for --blind: name a page, or leave it away.")
    if asked.blind is not None:
        _check_writable(asked.blind, force=asked.force)
    document: dict[str, Any] = {}
    if asked.answers and asked.key is not None:
        scored = _score(asked.answers, asked.key)
        document["blind_score"] = scored.as_dict()
        if not as_json:
            _print_score(scored)
    others = asked.blind is not None or asked.self_retrieval is not None
    by_terms = asked.terms is not None or not (asked.answers or others)
    if by_terms or others:
        settings = load_settings()
        with existing_database(settings) as database:
            from storage.objects import open_store

            store = open_store(settings.objects_location)
            store.check()
            if by_terms:
                found = _by_terms(
                    database,
                    store,
                    asked.terms or DEFAULT_TERMS,
                    model=asked.model,
                    against=asked.against,
                    k=asked.k,
                    without_artist=asked.without_artist,
                    queries=asked.queries,
                    seed=asked.seed,
                )
                document["terms"] = found.as_dict()
                if not as_json:
                    _print_terms(found)
            if asked.self_retrieval is not None:
                copies = _by_copies(database, store, asked.model, asked.self_retrieval, asked.seed)
                document["self_retrieval"] = copies.as_dict()
                if not as_json:
                    _print_copies(copies)
            if asked.blind is not None:
                document["blind"] = _write_blind(
                    database,
                    store,
                    asked.blind,
                    asked.model,
                    asked.against,
                    asked.questions,
                    asked.seed,
                )
                if not as_json:
                    _print_blind(document["blind"])
    if as_json:
        print_json(document)


def _by_terms(database: Database, store: ObjectStore, terms: str, **options: Any) -> Evaluation:
    from analysis.evaluation.collection import chosen_kinds
    from analysis.evaluation.similarity import evaluate_similarity

    return evaluate_similarity(database, store, kinds=chosen_kinds(terms), **options)


def _by_copies(
    database: Database, store: ObjectStore, model: str | None, images: int, seed: int
) -> SelfRetrieval:
    from analysis.evaluation.self_retrieval import measure_self_retrieval

    with progress() as bars:
        task = bars.add_task("looking for copies", total=images)
        return measure_self_retrieval(
            database,
            store,
            model=model,
            images=images,
            seed=seed,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )


def _print_terms(found: Evaluation) -> None:
    names = list(found.measures[found.model])
    titles = [_title(name, found.k) for name in names]
    print_table(
        "Works that share terms",
        ("Ranked by", *titles),
        [
            (ranking, *(_about(measures[name]) for name in names))
            for ranking, measures in found.measures.items()
        ],
        numbers=titles,
    )
    if found.against is not None:
        print_table(
            f"{found.model} less {found.against}, query by query",
            ("Measure", "Difference", "from", "to"),
            [
                (title, *(f"{end:+.3f}" for end in (one.mean, one.low, one.high)))
                for title, one in zip(titles, found.differences.values(), strict=True)
            ],
            numbers=("Difference", "from", "to"),
        )
    print_facts(
        "",
        [
            ("terms", ", ".join(found.kinds)),
            (
                "asked",
                f"{found.queries:,} works among {found.images:,}"
                + (", none by the same artist" if found.without_artist else "")
                + f", seed {found.seed}",
            ),
            ("intervals", f"±: half of the 95 % interval, drawn by {found.drawn_by}"),
            *(
                [("left out", f"{found.learned_from:,} that a projection has learned from")]
                if found.learned_from
                else []
            ),
            *(("not known", one) for one in found.missing),
        ],
    )


def _title(name: str, k: int) -> str:
    """Return the heading of a column."""
    from analysis.similarity.learned.card import measure_title

    if name.startswith("precision "):
        return f"… {name.removeprefix('precision ')} alone"
    return measure_title(name, k)


def _about(found: Interval) -> str:
    """Return a mean and half the width of its interval; --json has both ends."""
    return f"{found.mean:.3f} ± {(found.high - found.low) / 2:.3f}"


def _print_copies(found: SelfRetrieval) -> None:
    document = found.as_dict()
    print_table(
        "Altered copies that found themselves",
        ("Alteration", "Recall@1", "Recall@10", "Median rank"),
        [
            (
                name,
                f"{one['recall@1']:.3f}",
                f"{one['recall@10']:.3f}",
                f"{one['median_rank']:,.0f}",
            )
            for name, one in document["alterations"].items()
        ],
        numbers=("Recall@1", "Recall@10", "Median rank"),
    )
    said = f"{found.images:,} images of {found.model}, looked for among {found.among:,}"
    print_facts("", [("asked", f"{said}, seed {found.seed}")])
    if found.unreadable:
        remark(f"{found.unreadable:,} images could not be read: see `artworks verify`")


def _check_writable(page: Path, *, force: bool) -> None:
    from storage.export import refuse_overwriting

    refuse_overwriting(page, force=force)
    refuse_overwriting(_key_of(page), force=force)


def _key_of(page: Path) -> Path:
    return page.with_name(f"{page.stem}.key.json")


def _write_blind(
    database: Database,
    store: ObjectStore,
    page: Path,
    model: str | None,
    against: str | None,
    questions: int,
    seed: int,
) -> dict[str, Any]:
    from analysis.embeddings.stored import embedding_model
    from analysis.evaluation.blind_answers import make_study
    from analysis.evaluation.blind_sheet import blind_key, blind_page
    from analysis.similarity.learned.job import base_label, learned_by

    with database.begin() as connection:
        first = embedding_model(connection, model)
        second = against or base_label(first)
        if second is None:
            raise UsageError(
                f"--blind compares {first.label} with other embeddings: name them with --against."
            )
        compared = (first, embedding_model(connection, second))
        study = make_study(
            connection,
            first.label,
            second,
            queries=questions,
            seed=seed,
            without=learned_by(store, compared),
        )
        text = blind_page(connection, store, study)
    key = blind_key(study)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
        _key_of(page).write_text(json.dumps(key, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {page} ({error.strerror}): name a file in a folder of yours."
        ) from error
    return {
        "page": str(page),
        "key": str(_key_of(page)),
        "models": key["models"],
        "questions": len(study.questions),
    }


def _print_blind(written: dict[str, Any]) -> None:
    stderr().print(
        f"{written['questions']} questions → {written['page']}, their key → {written['key']}",
        style="bold",
    )
    remark("next: let people answer, and keep the key from them until they have")


def _score(answers: Sequence[Path], key: Path) -> BlindScore:
    from analysis.evaluation.blind_score import read_document, score_answers

    opened = read_document(key, ("sheet", "models", "questions"))
    return score_answers(opened, [read_document(one, ("sheet", "answers")) for one in answers])


def _print_score(scored: BlindScore) -> None:
    print_table(
        "What people prefer",
        ("Embeddings", "Questions won", "Votes"),
        [
            (model, wins, votes)
            for model, wins, votes in zip(scored.models, scored.wins, scored.votes, strict=True)
        ],
        numbers=("Questions won", "Votes"),
    )
    people = "1 person" if scored.people == 1 else f"{scored.people:,} people"
    print_facts(
        "",
        [
            ("answered", f"{scored.questions:,} questions by {people}"),
            ("undecided", scored.undecided),
            ("sign test", f"p = {scored.p_value:.3f}"),
        ],
    )
