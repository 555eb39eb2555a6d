"""Complaints by telephone: transcripts of calls."""
