"""The recurrent encoder, the regressor and its losses; knows no files."""
