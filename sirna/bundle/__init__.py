"""The bundle: all that inference needs, as a folder that runs no code when it is read."""
