"""The console: are all dependencies there, and what would Metta say to this message. For operators alone."""
