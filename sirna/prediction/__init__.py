"""Predictive distributions and what is made of them: mixtures, calibration, points, scores."""
