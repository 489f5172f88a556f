"""Search for the best settings with Optuna: space, objective, study, display and HTML page."""
