"""What a run depends on besides its data: sections, roles of columns, reading and writing TOML."""
