"""Complaints by text message."""
