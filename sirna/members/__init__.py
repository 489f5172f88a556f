"""The model families whose predictions are mixed; each has a folder."""
