"""Access to the operating system: complete files and folders, signals, the computing device."""
