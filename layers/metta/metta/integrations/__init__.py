"""The systems Metta talks to; each room knows one of them and none of the others."""
