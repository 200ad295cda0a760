"""Advice: measures an input, tries models on it, and proposes options."""
