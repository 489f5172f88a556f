"""The configuration of a run: its sections, the roles of columns, reading and writing TOML."""
