"""The table of measurements: reading, checking, normalising and splitting it."""
