"""Complaints by web form and JSON API, and the public pages.

submission, multipart (bytes to fields and files) · parse (fields to envelope) · validate (what may be accepted)
desk (what the gateway provides) · routes with form, api, tracking, revisit, api_docs (the addresses)
pages, words, problems, templates, huiyin.css (the page kit, which the gateway's own pages use too)
"""
