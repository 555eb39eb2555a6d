"""Complaints by web form and JSON API; receipt and tracking pages."""
