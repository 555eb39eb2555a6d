"""A site with an administrator and an auditor, on each database."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from casefile.store.engine import Store
from gateway import settings
from gateway.accounts import add_account
from gateway.app import create_app
from gateway.new_site import make_site
from gateway.site import assemble
from notifier.doorbell import Doorbell
from notifier.doorbell import settings as redis_settings
from tests.gateway.world import PASSWORD, Clock, World

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="session")
def _site_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("template") / "site"
    make_site(data, "http://127.0.0.1:8000")
    for name, role in (("admin", "admin"), ("auditor", "auditor")):
        add_account(data / "accounts.yaml", name, PASSWORD, role)
    return data


@pytest.fixture
async def world(tmp_path: Path, database_url: str, _site_template: Path) -> AsyncIterator[World]:
    data = shutil.copytree(_site_template, tmp_path / "site")
    configured = settings.load(data).model_copy(update={"database": database_url})
    store, clock = Store(configured.database_url), Clock()
    doorbell = Doorbell(redis_settings(NOBODY))
    site = assemble(configured, store, doorbell, NOBODY, clock)
    app = create_app(site)

    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8000")

    async with client() as http:
        yield World(site, clock, http, client)
    await doorbell.close()
    await store.close()
