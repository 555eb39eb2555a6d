from importlib.resources import files
from pathlib import Path

import pytest

from router.offices import Offices
from router.table import Table

EXAMPLES = Path(str(files("router"))) / "examples"


@pytest.fixture(scope="session")
def offices() -> Offices:
    return Offices.load(EXAMPLES / "offices.yaml")


@pytest.fixture(scope="session")
def table(offices: Offices) -> Table:
    return Table.load(EXAMPLES / "rules.yaml", offices)
