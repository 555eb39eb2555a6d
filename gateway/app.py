"""The HTTP application: the public pages, the desk, the console, and the doors of the channels."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from fastapi import FastAPI, Request
from fastapi.responses import Response

from channels.web.desk import Choice, WebSettings
from channels.web.pages import Pages
from channels.web.problems import install_error_pages
from channels.web.routes import routes as web_routes
from channels.web.validate import WebLimits
from gateway import console, desk, health, outbox_page
from gateway.site import Site

log = logging.getLogger(__name__)
_HERE = Path(__file__).parent


def create_app(site: Site) -> FastAPI:
    settings = site.settings
    app = FastAPI(title="Huiyin 回音", docs_url=None, redoc_url=None)
    pages = Pages(settings.institution.model_dump(), [_HERE], settings.timezone)
    install_error_pages(app, pages)
    app.middleware("http")(_log_requests)
    app.include_router(health.routes(site))
    app.include_router(web_routes(site.intake.accept, site.public, pages, web_settings(site), site.now))
    app.include_router(desk.routes(site.casework, site.blobs, pages, site.house.key, site.now))
    app.include_router(console.routes(site, pages))
    if settings.embedded:
        app.include_router(outbox_page.routes(site.outgoing, pages))
    return app


def web_settings(site: Site) -> WebSettings:
    """What the public form offers: the products and branches of offices.yaml."""
    web, offices = site.settings.web, list(site.offices)
    products = dict.fromkeys(product for office in offices for product in office.products)
    branches = [office for office in offices if office.email and office.id != site.offices.desk.id]
    return WebSettings(
        institution=site.settings.institution.model_dump(),
        products=tuple(Choice(product, product) for product in products),
        branches=tuple(Choice(office.name("zh"), office.name("en")) for office in branches),
        limits=WebLimits(
            max_request=web.max_request_bytes,
            max_text=web.max_text,
            max_files=web.max_files,
            max_file=web.max_file_bytes,
        ),
        public_url=site.settings.public_url,
        default_region=site.settings.country,
    )


async def _log_requests(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """The route's pattern, never the address itself: that may hold a token."""
    began = monotonic()
    response = await call_next(request)
    route = getattr(request.scope.get("route"), "path", "-")
    about = {"method": request.method, "route": route, "status": response.status_code}
    log.info("request", extra={**about, "ms": round((monotonic() - began) * 1000, 1)})
    return response
