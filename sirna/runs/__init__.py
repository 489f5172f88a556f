"""The folder of a training run, and the state that `--resume` reads."""
