"""Networks as files that other programs compute."""
