"""The stages behind the commands: each reads files, calls the library and writes files."""
