"""The size of a network and the memory of its training, computed before anything is built."""

from sirna.config.config import Config
from sirna.config.schema import ModelConfig
from sirna.members.network.regressor import InputSizes
from sirna.system.memory import check_memory

STRANDS_AT_ONCE = 256
"""Number of strands that are encoded at once in a prediction: their states fit a core's cache."""

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
"""Number of matrices in a recurrent cell."""
COPIES = 6
"""Copies of the weights in a training: weights, gradients, two moments, the best epoch, a draft."""
STEPS = 25
"""Typical number of tokens of a strand."""
BYTES = 4.0


def count_weights(sizes: InputSizes, config: Config, outputs: int) -> int:
    """Return the number of values in a network's weights; an encoder that is shared counts often.

    Parameters
    ----------
    sizes : InputSizes
    config : Config
    outputs : int
        Number of bins, or 1.
    """
    model = config.model
    directions = 2 if model.bidirectional else 1
    embeddings = sum(sizes.vocabs.values()) * model.embedding
    embeddings += sum(sizes.categories) * model.covariate_embedding
    encoders = len(sizes.vocabs) * _count_encoder(model)
    summary = model.hidden * directions * (2 if model.pooling == "last_mean" else 1)
    features = summary * len(sizes.vocabs) + sizes.numbers
    features += len(sizes.categories) * model.covariate_embedding
    siblings = 0
    if sizes.siblings:
        width = config.siblings.size
        siblings = (sizes.siblings + 1) * width + (width + 1) * width + width + 1
        features += width + 1
    head = 0
    for _ in range(model.head_layers):
        head += (features + 1) * model.head_hidden
        features = model.head_hidden
    scales = 3  # mean and sd of the labels, sd of the residuals
    return embeddings + encoders + siblings + head + (features + 1) * outputs + scales


def check_training_memory(sizes: InputSizes, config: Config, outputs: int) -> None:
    """Refuse a network whose training needs more memory than there is.

    Raises
    ------
    SirnaError
    """
    rows = config.train.batch_rows
    weights = count_weights(sizes, config, outputs)
    networks = config.train.networks * (max(1, config.split.folds) + config.train.refit)
    of_row = _values_of_row(sizes, config, outputs)
    of_row += len(sizes.vocabs) * _values_of_strand(config, STEPS)
    check_memory(
        BYTES * ((COPIES + networks) * weights + 2.0 * rows * of_row),
        f"the training of this network, with {weights:,} weights, {networks:,} networks in all and "
        f"{rows:,} rows in a batch,",
        "lower model.hidden, model.embedding, model.head_hidden, siblings.size, train.networks or "
        "train.batch_rows",
    )


def check_prediction_memory(sizes: InputSizes, config: Config, rows: int, tokens: int) -> None:
    """Refuse a prediction that needs more memory than there is.

    Parameters
    ----------
    sizes : InputSizes
    config : Config
    rows : int
        Rows that are predicted at once.
    tokens : int
        Tokens of the longest strand.

    Raises
    ------
    SirnaError
    """
    strands = STRANDS_AT_ONCE * _values_of_strand(config, tokens)
    check_memory(
        BYTES * (strands + rows * _values_of_row(sizes, config, config.model.bins)),
        f"a prediction of {rows:,} rows at once with this network",
        "divide the file into several, or train again with a lower predict.batch_rows",
    )


def _values_of_strand(config: Config, tokens: int) -> float:
    """Return how many numbers a strand needs while it is encoded."""
    model = config.model
    recurrent = (2 if model.bidirectional else 1) * model.layers * model.hidden
    return tokens * (model.embedding + recurrent * (GATES[model.encoder] + 2))


def _values_of_row(sizes: InputSizes, config: Config, outputs: int) -> float:
    """Return how many numbers a row needs besides its strands."""
    of_row = 2 * config.model.head_layers * config.model.head_hidden + outputs
    return of_row + (config.siblings.most * config.siblings.size * 4 if sizes.siblings else 0)


def _count_encoder(model: ModelConfig) -> int:
    directions = 2 if model.bidirectional else 1
    rows = GATES[model.encoder] * model.hidden
    total, inputs = 0, model.embedding
    for _ in range(model.layers):
        total += directions * rows * (inputs + model.hidden + 2)  # two biases
        inputs = directions * model.hidden
    return total
