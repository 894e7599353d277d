"""The documentation, built once for all tests."""

import pytest

from headgate_docs.pages import read_pages
from headgate_docs.site import Site, build_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return build_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def pages() -> dict[str, str]:
    return read_pages()
