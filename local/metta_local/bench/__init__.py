"""``metta bench``: what Metta costs beside what it stands on, as ratios taken side by side in one run."""
