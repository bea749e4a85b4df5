"""``metta audit``: reads the audit log for people and programs, checks that it says what was written, and erases."""
