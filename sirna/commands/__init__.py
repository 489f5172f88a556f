"""Commands that `sirna.cli` adds to its own, by theme."""
