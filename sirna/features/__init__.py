"""Checked rows as numbers: tokens, covariates, positions, sibling measurements."""
