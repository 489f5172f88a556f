"""Rows as tensors: encoded once, every distinct strand stored once.

A file of 20,000 rows holds some 7,000 distinct guides. A row therefore points at its strands, and
a batch carries each distinct strand of its rows once.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.load import Config
from sirna.config.schema import Protocol, StreamConfig
from sirna.errors import SirnaError
from sirna.features.covariates import Covariates
from sirna.features.siblings import Known
from sirna.features.tokenizer import GenomicTokenizer
from sirna.features.vocab import PAD_INDEX, UNK_INDEX, GenomicVocab


@dataclass(frozen=True)
class Batch:
    """Some rows, ready for `SiRNAModel`.

    Attributes
    ----------
    tokens : dict of Tensor, int64, shape (strands, length)
        By stream: the distinct strands of these rows, padded with 0.
    lengths : dict of Tensor, int64, shape (strands,)
    strand : dict of Tensor, int64, shape (rows,)
        By stream: which strand each row has.
    numeric : Tensor, float32, shape (rows, 2 * numeric roles)
    categorical : Tensor, int64, shape (rows, categorical roles)
    known : Tensor, float32, shape (rows, measurements, features)
        Other measurements of each row's duplex; see `Known.features`. (rows, 0, 0) without any.
    label : Tensor, float32, shape (rows,)
        Percentage of mRNA that remains; NaN where unknown.
    """

    tokens: dict[str, Tensor]
    lengths: dict[str, Tensor]
    strand: dict[str, Tensor]
    numeric: Tensor
    categorical: Tensor
    known: Tensor
    label: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device; lengths stay on the CPU, where packing reads them."""
        return Batch(
            {name: value.to(device) for name, value in self.tokens.items()},
            self.lengths,
            {name: value.to(device) for name, value in self.strand.items()},
            self.numeric.to(device),
            self.categorical.to(device),
            self.known.to(device),
            self.label.to(device),
        )


class SiRNADataset:
    """n encoded rows.

    Parameters
    ----------
    whole : Batch
        All rows.
    unknown : dict of str to int
        By stream: the number of rows with a token that the vocabulary lacks.
    """

    def __init__(self, whole: Batch, unknown: dict[str, int]) -> None:
        self.whole = whole
        self.unknown = unknown
        strands = np.stack([index.numpy() for index in whole.strand.values()], axis=1)
        _, duplex = np.unique(strands, axis=0, return_inverse=True)
        self.duplex = duplex.reshape(-1)

    def __len__(self) -> int:
        return len(self.whole.label)

    def take(self, rows: np.ndarray) -> Batch:
        """Return the given rows with their distinct strands, trimmed to the longest of them."""
        chosen = torch.from_numpy(rows)
        tokens, lengths, strand = {}, {}, {}
        for name, index in self.whole.strand.items():
            used, strand[name] = torch.unique(index[chosen], return_inverse=True)
            lengths[name] = self.whole.lengths[name][used]
            tokens[name] = self.whole.tokens[name][used][:, : int(lengths[name].max())]
        whole = self.whole
        return Batch(
            tokens,
            lengths,
            strand,
            whole.numeric[chosen],
            whole.categorical[chosen],
            whole.known[chosen],
            whole.label[chosen],
        )

    def first(self, rows: int) -> "SiRNADataset":
        """Return the first rows as a data set of their own."""
        return SiRNADataset(self.take(np.arange(min(rows, len(self)))), {})

    def batches(
        self, size: int, rng: np.random.Generator, by: Literal["duplex", "row"] = "duplex"
    ) -> Iterator[Batch]:
        """Yield shuffled batches of about `size` rows; no duplex is torn apart by "duplex"."""
        key = self.duplex if by == "duplex" else np.arange(len(self))
        rank = rng.permutation(int(key.max()) + 1)[key]
        order = np.argsort(rank, kind="stable")
        edges = np.flatnonzero(np.diff(rank[order])) + 1
        cuts = np.unique(np.searchsorted(edges, np.arange(size, len(self), size)))
        for rows in np.split(order, edges[cuts[cuts < len(edges)]]):
            yield self.take(rows)


@dataclass(frozen=True)
class Encoding:
    """All that turns rows into tensors, fitted on training rows only.

    Attributes
    ----------
    streams : dict of str to StreamConfig
        The streams whose column the training table has.
    vocabs : dict of str to GenomicVocab
        By kind of stream: `bases`, `modifications`.
    covariates : Covariates
    known : Known, optional
    """

    streams: dict[str, StreamConfig]
    vocabs: dict[str, GenomicVocab]
    covariates: Covariates
    known: Known | None

    @classmethod
    def fit(cls, rows: pd.DataFrame, config: Config, protocol: Protocol) -> Self:
        """Fit vocabularies and covariates on training rows."""
        streams = {name: s for name, s in config.streams.items() if s.enabled and s.role in rows}
        if not streams:
            wanted = sorted({stream.role for stream in config.streams.values()})
            raise SirnaError(
                f"the table has no column for any stream ({', '.join(wanted)}); "
                "see [columns] and [streams] in the configuration."
            )
        counts: dict[str, Counter[str]] = {}
        for stream in streams.values():
            counter = counts.setdefault(stream.kind, Counter())
            tokenize = _cutter(stream)
            for sequence, rows_with in rows[stream.role].dropna().value_counts().items():
                for token in tokenize(str(sequence)):
                    counter[token] += int(rows_with)
        limits = config.vocab
        vocabs = {
            kind: GenomicVocab.fit(counter, limits.max_size, limits.min_freq)
            for kind, counter in counts.items()
        }
        covariates = Covariates.fit(rows, config.covariates, protocol)
        known = None
        if protocol == "rows" and config.known.measurements:
            roles = tuple(sorted({stream.role for stream in streams.values()}))
            known = Known.of(rows, roles, covariates, config.known.most)
        return cls(streams, vocabs, covariates, known)

    def knowing(self, rows: pd.DataFrame) -> Self:
        """Return the same encoding with other rows known: all that were measured, for inference."""
        if self.known is None:
            return self
        known = Known.of(rows, self.known.roles, self.covariates, self.known.most)
        return replace(self, known=known)

    def vocab_of(self, stream: str) -> GenomicVocab:
        """Return the vocabulary of a stream."""
        return self.vocabs[self.streams[stream].kind]

    def encode(self, rows: pd.DataFrame, own: bool = False) -> SiRNADataset:
        """Encode n checked rows; a sequence that is missing becomes one `<unk>`.

        `own`: these are the rows that the encoding was fitted on: none is known to itself, and the
        groups of covariates are read.
        """
        tokens, lengths, strand, unknown = {}, {}, {}, {}
        for name, stream in self.streams.items():
            text = rows[stream.role].fillna("").astype(str)
            codes, distinct = pd.factorize(text)
            vocab, tokenize = self.vocab_of(name), _cutter(stream)
            encoded = [vocab.encode(tokenize(sequence)) for sequence in distinct]
            encoded = [e if len(e) else np.array([UNK_INDEX]) for e in encoded]
            lengths[name] = torch.tensor([len(indices) for indices in encoded], dtype=torch.int64)
            longest = max(map(len, encoded), default=0)
            tokens[name] = torch.full((len(encoded), longest), PAD_INDEX)
            for row, indices in enumerate(encoded):
                tokens[name][row, : len(indices)] = torch.from_numpy(indices)
            strand[name] = torch.from_numpy(codes.astype(np.int64))
            has_unknown = (tokens[name] == UNK_INDEX).any(dim=1).numpy() & (distinct != "")
            unknown[name] = int(has_unknown[codes].sum())
        known = np.zeros((len(rows), 0, 0), np.float32)
        if self.known is not None:
            known = self.known.features(rows, self.covariates, own)
        label = rows["label"] if "label" in rows else pd.Series(np.nan, index=rows.index)
        whole = Batch(
            tokens,
            lengths,
            strand,
            torch.from_numpy(self.covariates.numbers(rows)),
            torch.from_numpy(self.covariates.categories(rows, own)),
            torch.from_numpy(known),
            torch.from_numpy(label.to_numpy(dtype=np.float32)),
        )
        return SiRNADataset(whole, unknown)

    def strangers(self, stream: str, rows: pd.DataFrame) -> list[str]:
        """Return the tokens of rows that a stream's vocabulary lacks, in order."""
        tokenize, vocab = _cutter(self.streams[stream]), self.vocab_of(stream)
        distinct = rows[self.streams[stream].role].dropna().unique()
        found = {token for sequence in distinct for token in tokenize(sequence)}
        return sorted(token for token in found if token not in vocab)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "streams": {name: stream.model_dump() for name, stream in self.streams.items()},
            "vocabs": {kind: vocab.to_list() for kind, vocab in self.vocabs.items()},
            "covariates": self.covariates.to_dict(),
            "known": None
            if self.known is None
            else {"roles": self.known.roles, "most": self.known.most},
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any], measured: pd.DataFrame) -> Self:
        """Rebuild from `to_dict` and the rows that are known; unused where none were."""
        covariates = Covariates.from_dict(raw["covariates"])
        known = None
        if raw["known"] is not None:
            roles = tuple(raw["known"]["roles"])
            known = Known.of(measured, roles, covariates, int(raw["known"]["most"]))
        return cls(
            {name: StreamConfig.model_validate(stream) for name, stream in raw["streams"].items()},
            {kind: GenomicVocab(tokens) for kind, tokens in raw["vocabs"].items()},
            covariates,
            known,
        )


def tokenizer_of(stream: StreamConfig) -> GenomicTokenizer:
    """Return the tokenizer that a stream of plain bases describes."""
    return GenomicTokenizer(stream.ngram, stream.stride, stream.tail)


def _cutter(stream: StreamConfig) -> Callable[[str], list[str]]:
    """Return what cuts a stream's sequences: a list of a single modification is a list too."""
    return str.split if stream.kind == "modifications" else tokenizer_of(stream).tokens
