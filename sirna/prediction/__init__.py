"""Predictive distributions: histograms, mixtures, calibration, decision and score."""
