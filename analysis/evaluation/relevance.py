"""What is relevant to what: works that share a term, graded by how many kinds agree."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Images and what is known of them, each by its place 0 … n-1."""

    ids: Numbers
    """(n,) ids in `images`."""
    sha256: tuple[str, ...]
    terms: Mapping[str, tuple[tuple[str, ...], ...]]
    """Kind of term to the names that each image has of it, sorted; none: it does not say."""
    groups: Numbers
    """(n,) Images that look the same, or show one work, are of one group."""
    artists: Numbers
    """(n,) Images of one group, or by one artist, have one number; where nobody says who made
    them, a number of their own."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of terms that count, in the order in which they were asked for."""
        return tuple(self.terms)

    @property
    def fingerprint(self) -> str:
        """The sha256 over image and terms, line by line, sorted."""
        lines = [
            " ".join((sha256, *(f"{kind}:{'|'.join(self.terms[kind][at])}" for kind in self.terms)))
            for at, sha256 in enumerate(self.sha256)
        ]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

    def subset(self, chosen: npt.NDArray[np.bool_] | Numbers) -> Labels:
        """Return those images that are chosen, (n,) bool or their places."""
        at = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return replace(
            self,
            ids=self.ids[at],
            sha256=tuple(self.sha256[one] for one in at),
            terms={kind: tuple(names[one] for one in at) for kind, names in self.terms.items()},
            groups=self.groups[at],
            artists=self.artists[at],
        )

    def said(self) -> npt.NDArray[np.bool_]:
        """Tell which images have a term of any kind, (n,) bool."""
        told = np.zeros(len(self), dtype=np.bool_)
        for names in self.terms.values():
            told |= np.array([bool(one) for one in names], dtype=np.bool_)
        return told


@dataclass(frozen=True)
class Relevance:
    """Who shares terms with whom, ready to be asked block by block."""

    kinds: tuple[str, ...]
    matrices: tuple[csr_array, ...]
    """One for each kind: (n, terms) float32, 1 where the image has the term."""

    @classmethod
    def of(cls, labels: Labels) -> Relevance:
        """Return who shares terms with whom among these images."""
        return cls(labels.kinds, tuple(term_matrix(names) for names in labels.terms.values()))

    def shared(self, queries: Numbers, kind: str) -> npt.NDArray[np.bool_]:
        """Tell of each query and each image whether they share a term of a kind: (q, n) bool."""
        matrix = self.matrices[self.kinds.index(kind)]
        found: npt.NDArray[np.bool_] = (matrix[queries] @ matrix.T).toarray() > 0
        return found

    def gains(self, queries: Numbers) -> npt.NDArray[np.int16]:
        """Return in how many kinds each query and each image share a term: (q, n) int16."""
        total = np.zeros((len(queries), self.matrices[0].shape[0]), dtype=np.int16)
        for kind in self.kinds:
            total += self.shared(queries, kind)
        return total


def term_matrix(names: Sequence[Sequence[str]]) -> csr_array:
    """Return (n, terms) float32 with 1 where an image has a term; terms in their sorted order."""
    column = {name: at for at, name in enumerate(sorted({one for said in names for one in said}))}
    columns = [column[one] for said in names for one in sorted(set(said))]
    ends = np.concatenate(([0], np.cumsum([len(set(said)) for said in names]))).astype(np.int64)
    ones = np.ones(len(columns), dtype=np.float32)
    return csr_array((ones, np.array(columns, np.int64), ends), shape=(len(names), len(column)))
