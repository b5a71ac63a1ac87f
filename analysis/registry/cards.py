"""Cards: what a model is for and how far it can be trusted, in Markdown."""

from __future__ import annotations

import json

from analysis.registry.artifacts import CARD, model_key
from analysis.registry.models import Model
from storage.errors import ObjectNotFound
from storage.objects import ObjectStore


def read_card(store: ObjectStore, model: Model) -> str:
    """Return the card that was stored when a model was trained; that of a method is made now."""
    try:
        return store.get(model_key(model.name, model.version, CARD)).decode()
    except ObjectNotFound:
        return _plain_card(model)


def _plain_card(model: Model) -> str:
    what = model.kind if model.head is None else f"{model.kind} of {model.head}"
    origin = (
        "a method: nothing was trained, and all that it depends on is below"
        if model.artifact_key is None
        else f"trained, its artifact is {model.artifact_key}, and its own card is missing"
    )
    documents = {"Parameters": model.params, "Measures": model.metrics}
    parts = [f"# {model.name} {model.version}", f"It makes: {what}. It is {origin}."]
    parts += [
        f"## {title}\n\n```json\n{json.dumps(dict(found), indent=2, ensure_ascii=False)}\n```"
        for title, found in documents.items()
        if found
    ]
    return "\n\n".join(parts) + "\n"
