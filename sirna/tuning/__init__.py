"""Searching the configuration with Optuna: the space, the objective, the study, its page."""
