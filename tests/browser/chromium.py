"""Which browser the tests drive: the system's own Chromium; none is ever downloaded."""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--lang=en-GB",
)
"""No name but loopback's is resolved, whatever a page asks for."""


def executable() -> str:
    """Path of the browser: ``METTA_CHROMIUM``, or the first of ``NAMES`` on PATH.

    Where there is none the test is skipped, except in CI (``METTA_CI``), which installs it.
    """
    named = os.environ.get("METTA_CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing = (
            f"METTA_CHROMIUM names {named}, which cannot be run"
            if named
            else "no Chromium is installed (Debian: apt-get install chromium; or name one in METTA_CHROMIUM)"
        )
        if os.environ.get("METTA_CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found
