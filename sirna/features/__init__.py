"""Encode checked rows: tokens, covariates, positional features and sibling measurements."""
