"""Explanations: what each position, modification and condition adds to a prediction."""
