"""Gradient-boosted regression trees, for rows of unseen targets."""
