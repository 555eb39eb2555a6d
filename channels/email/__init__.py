"""Complaints by e-mail (RFC 5322, IMAP, SMTP)."""
