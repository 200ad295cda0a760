"""Comparison of results by people's eyes: pages for a browser, ratings, sheets."""
