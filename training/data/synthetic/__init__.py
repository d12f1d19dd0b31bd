"""Synthetic bills and text lines with exact truth, drawn from the fonts installed on this machine."""
