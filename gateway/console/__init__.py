"""The compliance console: who was owed what, what was sent, and what proves it."""

from gateway.console.routes import routes

__all__ = ["routes"]
