"""Encode rows as tensors, with every distinct strand stored once.

A file of 20,000 rows holds some 7,000 distinct guides. Rows therefore hold the indices of their
strands, and a batch holds each distinct strand of its rows once.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from sirna.config.config import Config
from sirna.config.fields import one_of
from sirna.config.roles import SEQUENCES
from sirna.config.schema import StreamConfig
from sirna.config.stored import Index, StoredForm, Text, read_stored
from sirna.errors import SirnaError
from sirna.features.covariates import Covariates
from sirna.features.siblings import Siblings
from sirna.features.tokenizer import GenomicTokenizer
from sirna.features.vocab import PAD_INDEX, UNK_INDEX, GenomicVocab
from sirna.table.sequence import duplex_codes


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
    siblings : Tensor, float32, shape (rows, siblings, features)
        See `Siblings.features`; (rows, 0, 0) if siblings are not looked up.
    label : Tensor, float32, shape (rows,)
        Percentage of mRNA that remains; NaN if missing.
    """

    tokens: dict[str, Tensor]
    lengths: dict[str, Tensor]
    strand: dict[str, Tensor]
    numeric: Tensor
    categorical: Tensor
    siblings: Tensor
    label: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device; lengths stay on the CPU, where packing reads them."""
        return Batch(
            {name: value.to(device) for name, value in self.tokens.items()},
            self.lengths,
            {name: value.to(device) for name, value in self.strand.items()},
            self.numeric.to(device),
            self.categorical.to(device),
            self.siblings.to(device),
            self.label.to(device),
        )


class SiRNADataset:
    """n encoded rows.

    Parameters
    ----------
    all_rows : Batch
        All rows.
    duplex : array of int, shape (n,)
        The index of each row's duplex; see `duplex_codes`.
    """

    def __init__(self, all_rows: Batch, duplex: np.ndarray) -> None:
        self.all_rows = all_rows
        self.duplex = duplex

    def __len__(self) -> int:
        return len(self.all_rows.label)

    def take(self, rows: np.ndarray) -> Batch:
        """Return the given rows with their distinct strands, trimmed to the longest of them."""
        chosen = torch.from_numpy(rows)
        tokens, lengths, strand = {}, {}, {}
        for name, index in self.all_rows.strand.items():
            used, strand[name] = torch.unique(index[chosen], return_inverse=True)
            lengths[name] = self.all_rows.lengths[name][used]
            tokens[name] = self.all_rows.tokens[name][used][:, : int(lengths[name].max())]
        all_rows = self.all_rows
        return Batch(
            tokens,
            lengths,
            strand,
            all_rows.numeric[chosen],
            all_rows.categorical[chosen],
            all_rows.siblings[chosen],
            all_rows.label[chosen],
        )

    def first(self, rows: int) -> "SiRNADataset":
        """Return the first rows as a data set."""
        some = np.arange(min(rows, len(self)))
        return SiRNADataset(self.take(some), self.duplex[some])

    def batches(
        self, size: int, rng: np.random.Generator, by: Literal["duplex", "row"] = "duplex"
    ) -> Iterator[Batch]:
        """Yield shuffled batches of about `size` rows; "duplex" keeps a duplex in one batch."""
        key = self.duplex if by == "duplex" else np.arange(len(self))
        rank = rng.permutation(int(key.max()) + 1)[key]
        order = np.argsort(rank, kind="stable")
        edges = np.flatnonzero(np.diff(rank[order])) + 1
        cuts = np.unique(np.searchsorted(edges, np.arange(size, len(self), size)))
        for rows in np.split(order, edges[cuts[cuts < len(edges)]]):
            yield self.take(rows)


class SiblingsForm(StoredForm):
    """The sibling look-up as plain data, without its rows."""

    roles: tuple[Annotated[str, one_of(SEQUENCES)], ...]
    most: Annotated[Index, Field(ge=1)]


class EncoderForm(StoredForm):
    """`DatasetEncoder` as plain data."""

    streams: dict[Text, StreamConfig]
    vocabs: dict[Literal["bases", "modifications"], list[Text]]
    covariates: dict[str, Any]
    siblings: SiblingsForm | None


@dataclass(frozen=True)
class DatasetEncoder:
    """Turns rows into tensors; fitted on training rows only.

    Attributes
    ----------
    streams : dict of str to StreamConfig
        The enabled streams; streams whose column is not in the training table are left out.
    vocabs : dict of str to GenomicVocab
        By kind of stream: `bases`, `modifications`.
    covariates : Covariates
    siblings : Siblings, optional
        The training rows among which sibling measurements are looked up.
    """

    streams: dict[str, StreamConfig]
    vocabs: dict[str, GenomicVocab]
    covariates: Covariates
    siblings: Siblings | None

    @classmethod
    def fit(cls, rows: pd.DataFrame, config: Config) -> Self:
        """Fit vocabularies and covariates on training rows.

        Raises
        ------
        SirnaError
            If the table has no column for any enabled stream.
        """
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
            tokenize = tokenize_by(stream)
            for sequence, rows_with in rows[stream.role].dropna().value_counts().items():
                for token in tokenize(str(sequence)):
                    counter[token] += int(rows_with)
        limits = config.vocab
        vocabs = {
            kind: GenomicVocab.fit(counter, limits.max_size, limits.min_freq)
            for kind, counter in counts.items()
        }
        covariates = Covariates.fit(rows, config.covariates, config.protocol)
        siblings = None
        if config.siblings.lookup:
            roles = tuple(sorted({stream.role for stream in streams.values()}))
            siblings = Siblings.from_rows(rows, roles, covariates, config.siblings.most)
        return cls(streams, vocabs, covariates, siblings)

    def with_sibling_rows(self, rows: pd.DataFrame) -> Self:
        """Return a copy for inference that looks up siblings among these rows."""
        if self.siblings is None:
            return self
        present = self.siblings
        siblings = Siblings.from_rows(rows, present.roles, self.covariates, present.most)
        return replace(self, siblings=siblings)

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return {stream.role for stream in self.streams.values()} | self.covariates.reads

    def vocab_of(self, stream: str) -> GenomicVocab:
        """Return the vocabulary of a stream."""
        return self.vocabs[self.streams[stream].kind]

    def encode(self, rows: pd.DataFrame, training: bool = False) -> SiRNADataset:
        """Encode n checked rows; a missing sequence becomes one `<unk>`.

        Parameters
        ----------
        rows : DataFrame of n rows
        training : bool
            Whether these are the rows that the encoder was fitted on. If so, a row is not shown
            itself as a sibling, and the covariates in `training_only` are read.
        """
        tokens, lengths, strand = {}, {}, {}
        for name, stream in self.streams.items():
            codes, distinct = pd.factorize(rows[stream.role].fillna("").astype(str))
            vocab, tokenize = self.vocab_of(name), tokenize_by(stream)
            encoded = [vocab.encode(tokenize(sequence)) for sequence in distinct]
            encoded = [e if len(e) else np.array([UNK_INDEX]) for e in encoded]
            lengths[name] = torch.tensor([len(indices) for indices in encoded], dtype=torch.int64)
            longest = max(map(len, encoded), default=0)
            tokens[name] = torch.full((len(encoded), longest), PAD_INDEX)
            for row, indices in enumerate(encoded):
                tokens[name][row, : len(indices)] = torch.from_numpy(indices)
            strand[name] = torch.from_numpy(codes.astype(np.int64))
        siblings = np.zeros((len(rows), 0, 0), np.float32)
        if self.siblings is not None:
            siblings = self.siblings.features(rows, self.covariates, training)
        label = rows["label"] if "label" in rows else pd.Series(np.nan, index=rows.index)
        all_rows = Batch(
            tokens,
            lengths,
            strand,
            torch.from_numpy(self.covariates.numbers(rows)),
            torch.from_numpy(self.covariates.categories(rows, training)),
            torch.from_numpy(siblings),
            torch.from_numpy(label.to_numpy(dtype=np.float32)),
        )
        roles = [stream.role for stream in self.streams.values()]
        return SiRNADataset(all_rows, duplex_codes(rows, roles))

    def unknown_tokens(self, rows: pd.DataFrame) -> dict[str, tuple[np.ndarray, list[str]]]:
        """Return, by stream, the rows with tokens that no training row has, and these tokens.

        Returns
        -------
        dict of str to (array of bool, shape (n,), sorted list of str)
            Without the streams in which the vocabulary has every token.
        """
        found = {}
        for name, stream in self.streams.items():
            codes, distinct = pd.factorize(rows[stream.role].fillna("").astype(str))
            vocab, tokenize = self.vocab_of(name), tokenize_by(stream)
            unknown = [{t for t in tokenize(text) if t not in vocab} for text in distinct]
            tokens = sorted(set().union(*unknown))
            if tokens:
                found[name] = (np.array([bool(some) for some in unknown])[codes], tokens)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without the measured rows of the sibling look-up."""
        return {
            "streams": {name: stream.model_dump() for name, stream in self.streams.items()},
            "vocabs": {kind: vocab.to_list() for kind, vocab in self.vocabs.items()},
            "covariates": self.covariates.to_dict(),
            "siblings": None
            if self.siblings is None
            else {"roles": self.siblings.roles, "most": self.siblings.most},
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any], measured: pd.DataFrame) -> Self:
        """Rebuild from `to_dict` and the measured rows of the sibling look-up."""
        form = read_stored(EncoderForm, raw)
        covariates = Covariates.from_dict(form.covariates)
        siblings = None
        if form.siblings is not None:
            roles, most = form.siblings.roles, form.siblings.most
            siblings = Siblings.from_rows(measured, roles, covariates, most)
        vocabs = {str(kind): GenomicVocab(tokens) for kind, tokens in form.vocabs.items()}
        return cls(form.streams, vocabs, covariates, siblings)


def tokenizer_of(stream: StreamConfig) -> GenomicTokenizer:
    """Return the tokenizer that a stream of plain bases describes."""
    return GenomicTokenizer(stream.ngram, stream.stride, stream.tail)


def tokenize_by(stream: StreamConfig) -> Callable[[str], list[str]]:
    """Return the function that cuts a stream's sequences into tokens.

    A modification list is split at its blanks, even if it has a single entry.
    """
    return str.split if stream.kind == "modifications" else tokenizer_of(stream).tokens
