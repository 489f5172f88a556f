"""The bundle: a folder with all that inference needs; reading it runs no code from it."""
