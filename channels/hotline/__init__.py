"""Complaints by telephone: transcripts of calls.

decode (bytes to text) · dialogue, with header and clock (text to a transcript) · parse (transcript to envelope)
"""
