"""The whole of Metta on one machine: embedded services, emulators and the ``metta`` command. Never shipped."""
