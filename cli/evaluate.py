"""`artworks evaluate`: how good what was computed is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import print_facts, print_json, print_table, progress, remark, stderr
from cli.opening import existing_database, load_settings
from cli.options import EmbeddingOption
from storage.errors import UsageError

if TYPE_CHECKING:
    from analysis.evaluation.blind_score import BlindScore
    from analysis.evaluation.intervals import Interval
    from analysis.evaluation.self_retrieval import SelfRetrieval
    from analysis.evaluation.similarity import Evaluation
    from storage.database import Database
    from storage.objects import ObjectStore

HEADS = ("similarity",)
DEFAULT_TERMS = "style,genre"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(evaluate)


def evaluate(
    head: Annotated[str, typer.Argument(metavar="HEAD", help="What to measure: similarity.")],
    model: EmbeddingOption = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="NAME[/VERSION]",
            help="Other embeddings to compare with [default: of a projection, what it reads].",
        ),
    ] = None,
    terms: Annotated[
        str | None,
        typer.Option(
            "--terms",
            metavar="KIND,…",
            help=f"Kinds of terms that works are to share [default: {DEFAULT_TERMS}].",
        ),
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Answers that count.")] = 10,
    without_artist: Annotated[
        bool,
        typer.Option("--without-artist", help="Works of the same artist are no answer: harder."),
    ] = False,
    queries: Annotated[
        int, typer.Option("--queries", min=1, max=10_000, help="At most so many works ask.")
    ] = 2000,
    self_retrieval: Annotated[
        int | None,
        typer.Option(
            "--self-retrieval",
            min=1,
            max=100_000,
            metavar="N",
            help="Cut, turn, mirror and compress N stored images, and look for each.",
        ),
    ] = None,
    blind: Annotated[
        Path | None,
        typer.Option(
            "--blind",
            metavar="HTML",
            help="Write a page on which people choose between two embeddings, and its key.",
        ),
    ] = None,
    questions: Annotated[
        int, typer.Option("--questions", min=1, max=200, help="Questions on that page.")
    ] = 20,
    force: Annotated[bool, typer.Option("--force", help="Replace that page if it exists.")] = False,
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            "--answers", metavar="JSON", help="Count what people chose; may be given repeatedly."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="JSON", help="The key that was written with the page."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**31, help="Of samples and intervals.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure how good similarity is: by shared terms, by altered copies, and by people.

    By terms: each work asks for its like among the others, without what looks the same, beside
    colour alone, the perceptual hash alone, and chance; what a projection has learned from takes
    no part. The measures are kept with the model. With --self-retrieval, --blind or --answers, only
    these are done, unless --terms is given too.

    Example: `artworks evaluate similarity --terms style,genre --k 10`
    """
    if head not in HEADS:
        raise UsageError(f'nothing can be measured for "{head}": choose from {", ".join(HEADS)}.')
    if bool(answers) != (key is not None):
        raise UsageError("--answers and --key belong together: give the key of the page, too.")
    if force and blind is None:
        raise UsageError("--force is for --blind: name a page, or leave it away.")
    if blind is not None:
        _check_writable(blind, force=force)
    document: dict[str, Any] = {}
    if answers and key is not None:
        scored = _score(answers, key)
        document["blind_score"] = scored.as_dict()
        if not as_json:
            _print_score(scored)
    by_terms = terms is not None or not (answers or blind is not None or self_retrieval is not None)
    if by_terms or blind is not None or self_retrieval is not None:
        settings = load_settings()
        with existing_database(settings) as database:
            from storage.objects import open_store

            store = open_store(settings.objects_location)
            store.check()
            if by_terms:
                found = _by_terms(
                    database, store, terms or DEFAULT_TERMS, model=model, against=against, k=k,
                    without_artist=without_artist, queries=queries, seed=seed,
                )  # fmt: skip
                document["terms"] = found.as_dict()
                if not as_json:
                    _print_terms(found)
            if self_retrieval is not None:
                copies = _by_copies(database, store, model, self_retrieval, seed)
                document["self_retrieval"] = copies.as_dict()
                if not as_json:
                    _print_copies(copies)
            if blind is not None:
                document["blind"] = _write_blind(
                    database, store, blind, model, against, questions, seed
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
