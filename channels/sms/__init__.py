"""Complaints by text message.

form (bytes to the provider's fields) · keywords (off and on) · parse (fields to envelope)
segments (what a text costs) · compose (a notice's words)
"""
