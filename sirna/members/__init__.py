"""The model families whose predictions are mixed, each in a folder of its own."""
