"""The table of measurements: read, checked, normalised once, and split."""
