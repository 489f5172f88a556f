"""Predict how well chemically modified siRNAs silence their targets."""

from importlib import import_module
from typing import Any

from sirna.system.garbage_collector import collector_paused

__version__ = "0.3.0"

_MODULES = {
    "Config": "sirna.config.config",
    "GenomicTokenizer": "sirna.features.tokenizer",
    "GenomicVocab": "sirna.features.vocab",
    "SiRNADataset": "sirna.features.dataset",
    "SiRNAModel": "sirna.members.network.regressor",
    "SiRNARegressor": "sirna.api.regressor",
    "SirnaError": "sirna.errors",
    "competition_score": "sirna.prediction.score",
    "load": "sirna.api.model",
    "load_bundle": "sirna.bundle.store",
}
__all__ = ["__version__", *sorted(_MODULES)]  # noqa: PLE0604 - names resolved lazily below


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import sirna` stays fast."""
    if name in _MODULES:
        with collector_paused():
            return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'sirna' has no attribute {name!r}")
