"""Words as the numbers that CLIP's text tower takes.

KerasHub's own CLIPTokenizer needs tensorflow-text, which brings a second TensorFlow with it. This
one is the same without: byte pairs by the library `tokenizers`, set up as in
keras_hub/src/models/clip/clip_tokenizer.py (0.32.0), which follows OpenAI's `simple_tokenizer.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from analysis.embeddings.clip import MERGES, VOCABULARY
from analysis.errors import NetworkUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START: Final = "<|startoftext|>"
END: Final = "<|endoftext|>"
_PIECES: Final = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)
"""Words, single digits and signs; white space is left out."""


def read_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of a preset. Raises NetworkUnavailable where its files are damaged."""
    from tokenizers import Regex, models, normalizers, pre_tokenizers
    from tokenizers import Tokenizer as Made

    try:
        vocabulary: dict[str, int] = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        lines = (folder / MERGES).read_text(encoding="utf-8").splitlines()
        merges: Any = [tuple(line.split()) for line in lines if not line.startswith("#version")]
        absent = {START, END} - vocabulary.keys()
        if absent:
            raise ValueError(f"{', '.join(sorted(absent))} missing")
        made = Made(
            models.BPE(
                vocab=vocabulary,
                merges=merges,
                continuing_subword_prefix="",
                end_of_word_suffix="</w>",
                fuse_unk=False,
                unk_token=END,
            )
        )
    except Exception as error:
        # The library raises a bare Exception for a merge of parts that are no words.
        raise NetworkUnavailable(
            f"the vocabulary in {folder / VOCABULARY} or {folder / MERGES} cannot be used "
            f"({error}): delete {folder}, and let KerasHub fetch the preset again or copy it again."
        ) from error
    made.add_special_tokens([START, END])
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return made


def token_ids(tokenizer: Tokenizer, words: Sequence[str], length: int) -> npt.NDArray[np.int32]:
    """Return texts as (n, length) int32: the start, what fits of the text, and ends.

    The text tower looks at the first end, and never past it, so any number may follow.
    """
    start: Any = tokenizer.token_to_id(START)  # both are special tokens of every tokenizer here
    end: Any = tokenizer.token_to_id(END)
    found = np.full((len(words), length), end, np.int32)
    found[:, 0] = start
    for row, encoded in zip(found, tokenizer.encode_batch(list(words)), strict=True):
        ids = encoded.ids[: length - 2]
        row[1 : 1 + len(ids)] = ids
    return found
