"""What is on a page, which names it can have, and what is left when it cannot be written. Figures are tested where Plotly is."""

import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from headgate.environment import Settings
from headgate.pages import Chart, PageError, write_page


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path, home=tmp_path)


def test_a_page_of_text_needs_nothing_beside_it(settings: Settings, tmp_path: Path) -> None:
    content = ["<p>12 rides</p>", "<p>of 3 riders</p>"]
    page = write_page("fit", "week-7", content, title="Rides & more", as_of=date(2026, 2, 15), settings=settings)
    assert page.path == tmp_path / "pages" / "dev" / "fit" / "week-7.html"
    assert page.url == "/pages/fit/week-7.html"
    text = page.path.read_text(encoding="utf-8")
    assert "<h1>Rides &amp; more</h1>" in text and "as of 2026-02-15" in text
    assert text.index("12 rides") < text.index("of 3 riders")
    assert "<script" not in text
    assert [path.name for path in page.path.parent.iterdir()] == ["week-7.html"]


def test_a_page_is_replaced_and_a_branch_has_its_own(tmp_path: Path) -> None:
    ours, branch = Settings(root=tmp_path, home=tmp_path), Settings(root=tmp_path, home=tmp_path, branch="try")
    at = datetime(2026, 2, 15, 6, 30, tzinfo=UTC)
    write_page("fit", "week", "<p>old</p>", title="Week", settings=ours)
    first = write_page("fit", "week", "<p>new</p>", title="Week", as_of=at, settings=ours)
    other = write_page("fit", "week", "<p>tried</p>", title="Week", settings=branch)
    assert "<p>new</p>" in first.path.read_text(encoding="utf-8")
    assert "as of 2026-02-15 06:30+00:00" in first.path.read_text(encoding="utf-8")
    assert "<p>tried</p>" in other.path.read_text(encoding="utf-8")
    assert first.url == other.url


def test_metadata_links_to_the_running_platform_and_to_the_file(settings: Settings) -> None:
    page = write_page("fit", "week", "<p>1</p>", title="Week", settings=settings)
    metadata = {name: value.value for name, value in page.metadata().items()}
    assert metadata == {"page": "/pages/fit/week.html", "page_file": str(page.path)}


@pytest.mark.parametrize("name", ["", "../week", "a/b", "Week", "wéek", ".week", "week.html", "a" * 81])
def test_names_that_no_page_can_have(settings: Settings, tmp_path: Path, name: str) -> None:
    with pytest.raises(PageError, match="no page can be named") as error:
        write_page("fit", name, "<p>1</p>", title="Week", settings=settings)
    assert len(str(error.value).splitlines()) == 3
    with pytest.raises(PageError, match="no team can be named"):
        write_page("../fit", "week", "<p>1</p>", title="Week", settings=settings)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_figure_is_named(settings: Settings) -> None:
    with pytest.raises(PageError, match="not of int"):
        write_page("fit", "week", ["<p>1</p>", 42], title="Week", settings=settings)
    with pytest.raises(PageError, match="not of str"):
        write_page("fit", "week", [Chart("<p>1</p>")], title="Week", settings=settings)


def test_a_figure_without_plotly_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Figure:
        def to_plotly_json(self) -> dict[str, object]:
            return {"data": [], "layout": {}}

    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(PageError, match="Plotly is not in the team's environment") as error:
        write_page("fit", "week", [Figure()], title="Week", settings=settings)
    assert "add plotly" in error.value.next_step


def test_a_place_that_cannot_be_written_leaves_the_page_before(settings: Settings) -> None:
    page = write_page("fit", "week", "<p>good</p>", title="Week", settings=settings)
    page.path.with_name("month.html").mkdir()
    with pytest.raises(PageError, match="page month of team fit cannot be written"):
        write_page("fit", "month", "<p>1</p>", title="Month", settings=settings)
    assert sorted(path.name for path in page.path.parent.iterdir()) == ["month.html", "week.html"]


def test_writers_at_once_leave_one_whole_page(settings: Settings) -> None:
    texts = [f"<p>{letter * 200_000}</p>" for letter in "abcd"]
    writers = [
        threading.Thread(target=write_page, args=("fit", "week", text), kwargs={"title": "Week", "settings": settings})
        for text in texts
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    folder = settings.state_folder / "pages" / "dev" / "fit"
    assert [path.name for path in folder.iterdir()] == ["week.html"]
    written = (folder / "week.html").read_text(encoding="utf-8")
    assert [text in written for text in texts].count(True) == 1 and written.endswith("</html>\n")
