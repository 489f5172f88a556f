"""Integrated gradients of a network on its embeddings: a check of effects by substitution.

Sundararajan et al. 2017. The baseline of a place is the mean embedding of what training duplexes
have there, so that an attribution answers nearly the same question as an effect by substitution:
what does this token add to the prediction, compared with what usually stands here? Sibling
measurements are left out of both.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from sirna.bundle.bundle import Bundle
from sirna.explain.effects import effects
from sirna.explain.strand import parsed
from sirna.features.dataset import Batch, tokenize_by
from sirna.features.vocab import PAD_INDEX
from sirna.members.network.encoder import pool
from sirna.members.network.member import NetworkMember

STEPS = 32
ROWS_AT_ONCE = 512


def network_alone(bundle: Bundle) -> tuple[Bundle, NetworkMember]:
    """Return a bundle with one network and nothing else, which finds no sibling measurements."""
    member = cast(NetworkMember, bundle.by_family["network"][0])
    encoder = member.dataset_encoder
    if encoder.siblings is not None:
        siblings = replace(encoder.siblings, measured=encoder.siblings.measured.iloc[:1], _cache=[])
        member = replace(member, dataset_encoder=replace(encoder, siblings=siblings))
    return replace(bundle, members=[member], unseen_postprocess=None), member


def agreement(bundle: Bundle, rows: pd.DataFrame, least: float) -> list[str]:
    """Return lines with the rank correlation of both methods over the base pairs of all rows.

    A substituted base changes both strands, so nucleotides that pair are added up.
    """
    alone, member = network_alone(bundle)
    by_substitution, _ = effects(alone, rows)
    strand = by_substitution["part"].str.extract(r"^(guide|passenger) (?:base|chemistry)$")[0]
    places = by_substitution.assign(strand=strand).dropna(subset="strand")
    substituted = places.groupby(["id", "strand", "position"])["effect"].sum()
    attributed = attributions(member, bundle.training, rows)
    both = pd.DataFrame({"substituted": substituted, "attributed": attributed}).dropna()
    pairs = both.reset_index()
    length = rows.set_index("id")["passenger_modifications"].map(lambda text: len(parsed(text)))
    opposite = length.loc[pairs["id"]].to_numpy() + 1 - pairs["position"]
    pairs["position"] = pairs["position"].where(pairs["strand"] == "guide", opposite)
    sums = pairs.groupby(["id", "position"])[["substituted", "attributed"]].sum()
    large = sums[sums["substituted"].abs() > least]
    return [
        "network alone: substitution and integrated gradients have the rank correlation "
        f"{spearman(some):.3f} over {len(some)} base pairs{which}"
        for which, some in (("", sums), (f" with an effect above {least} points", large))
    ]


def spearman(table: pd.DataFrame) -> float:
    return table["substituted"].corr(table["attributed"], method="spearman")


def attributions(member: NetworkMember, training: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Return percentage points by id, strand and position (from 1)."""
    model, encoder = member.model(), member.dataset_encoder
    model.eval()
    batch, reference = (encoder.encode(table).all_rows for table in (rows, training))
    names = list(batch.tokens)
    embedded, baselines = [], []
    for name in names:
        layer = model.embeddings[name]
        tokens = batch.tokens[name][batch.strand[name]]
        usual = mean_by_place(
            layer(reference.tokens[name]), reference.tokens[name], tokens.shape[1]
        )
        inside = (tokens != PAD_INDEX)[..., None]
        embedded.append(layer(tokens).detach())
        baselines.append((usual * inside).detach())
    lengths = [batch.lengths[name][batch.strand[name]] for name in names]

    def mean(*parts: Tensor) -> Tensor:
        vectors, rest = parts[: len(names)], parts[len(names) :]
        numeric, categorical, siblings = rest[:3]
        summaries = {
            name: pool(
                model.encoders[name](vector, length)[0],
                length,
                model.config.pooling,
                model.config.bidirectional,
            )
            for name, vector, length in zip(names, vectors, rest[3:], strict=True)
        }
        own = {name: torch.arange(len(numeric)) for name in names}
        one = Batch({}, {}, own, numeric, categorical, siblings, torch.zeros(len(numeric)))
        middles = (model.edges[1:] + model.edges[:-1]) / 2
        return model.probabilities(model.combine(summaries, one)) @ middles

    gradients: Callable[..., tuple[Tensor, ...]] = IntegratedGradients(mean).attribute
    found = gradients(
        tuple(embedded),
        baselines=tuple(baselines),
        additional_forward_args=(batch.numeric, batch.categorical, batch.siblings, *lengths),
        n_steps=STEPS,
        internal_batch_size=ROWS_AT_ONCE,
    )
    of_tokens = {
        name: part.sum(dim=2).detach().numpy() for name, part in zip(names, found, strict=True)
    }
    return by_place(of_tokens, member, rows)


def mean_by_place(vectors: Tensor, tokens: Tensor, width: int) -> Tensor:
    """Return the mean embedding at each place, shape (width, size); 0 behind the longest strand."""
    inside = (tokens != PAD_INDEX)[..., None]
    means = (vectors * inside).sum(dim=0) / inside.sum(dim=0).clamp_min(1)
    return torch.cat([means, torch.zeros(max(0, width - len(means)), means.shape[1])])[:width]


def by_place(
    of_tokens: dict[str, np.ndarray], member: NetworkMember, rows: pd.DataFrame
) -> pd.Series:
    """Add up tokens of a nucleotide; a word of several bases counts for each of them alike."""
    lines = []
    ids = rows["id"].to_numpy()
    for name, values in of_tokens.items():
        stream = member.dataset_encoder.streams[name]
        strand = stream.role.split("_")[0]
        for row, text in enumerate(rows[stream.role]):
            if pd.isna(text):
                continue
            if stream.kind == "modifications":
                spans = [len(one.tokens) for one in parsed(text)]
                ends = np.cumsum([0, *spans])
                parts = [values[row, low:high].sum() for low, high in pairwise(ends)]
                lines += [(ids[row], strand, at, part) for at, part in enumerate(parts, 1)]
            else:
                for word in range(len(tokenize_by(stream)(text))):
                    start = word * stream.stride
                    covered = range(start, min(start + stream.ngram, len(text)))
                    share = values[row, word] / len(covered)
                    lines += [(ids[row], strand, at + 1, share) for at in covered]
    table = pd.DataFrame(lines, columns=["id", "strand", "position", "points"])
    return table.groupby(["id", "strand", "position"])["points"].sum()
