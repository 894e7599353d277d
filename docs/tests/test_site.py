"""The site as a reader gets it: complete, without a warning, and without loading anything from another host."""

import re
from html.parser import HTMLParser

from headgate_docs.pages import DOCS
from headgate_docs.site import Site

_LOADING = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "use": "href",
    "image": "href",
}
_FOREIGN = re.compile(r"^\s*(?:[a-z]+:)?//", re.IGNORECASE)
_CSS_FOREIGN = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])\s*(?:[a-z]+:)?//[^)"']*""", re.IGNORECASE)


class _Loads(HTMLParser):
    """What a page makes the browser fetch by itself; a link that a person may follow is not among it."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        place = given.get(_LOADING.get(tag, ""))
        if place:
            self.places.append(place)


def test_the_site_builds_without_a_warning(site: Site) -> None:
    assert (site.exit_code, site.warnings) == (0, "")


def test_every_page_is_built(site: Site) -> None:
    sources = {path.stem for path in DOCS.glob("*.md")} - {"README"}
    assert {"index", "getting-started", "the-gate", "running"} <= sources
    assert sources <= {path.stem for path in site.folder.glob("*.html")}


def test_every_decision_is_built(site: Site) -> None:
    decisions = {path.stem for path in (DOCS / "decisions").glob("0*.md")}
    assert "0001-record-decisions" in decisions
    assert decisions <= {path.stem for path in (site.folder / "decisions").glob("*.html")}


def test_nothing_is_loaded_from_another_host(site: Site) -> None:
    loaded = 0
    for path in site.folder.rglob("*.html"):
        reader = _Loads()
        reader.feed(path.read_text(encoding="utf-8"))
        loaded += len(reader.places)
        foreign = [place for place in reader.places if _FOREIGN.match(place)]
        assert not foreign, f"{path.name} loads {foreign}"
    for path in site.folder.rglob("*.css"):
        foreign = _CSS_FOREIGN.findall(path.read_text(encoding="utf-8"))
        assert not foreign, f"{path.name} loads {foreign}"
    assert loaded > 100


def test_a_foreign_address_would_be_found() -> None:
    reader = _Loads()
    reader.feed('<a href="https://x.org">x</a><script src="//x.org/a.js"></script><link href="https://x.org/a.css">')
    assert [bool(_FOREIGN.match(place)) for place in reader.places] == [True, True]
    assert _CSS_FOREIGN.search("@import 'https://x.org/a.css'") and _CSS_FOREIGN.search("src: url(//x.org/a.woff2)")
    assert not _CSS_FOREIGN.search("src: url(fonts/a.woff2)")
