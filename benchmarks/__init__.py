"""Ours beside a raw baseline in the same run: read the ratios, not the rates."""
