"""An export is the pages of one moment as files, and takes the place of nothing but an export."""

import html
import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.web.served import Served, text_of
from tests.support.worlds.records.varied_nights import HELD, UNSAFE, opened
from vampd.disk.durable import names
from vampd.errors import UsageError
from vampd.model.nights import NightUpdate
from vampd.store.nights import Nights
from vampd.web.export_folder import LIST_NAME, write_export
from vampd.web.pages.sheets import SHEETS


@pytest.fixture(scope="module")
def exported(varied, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("export") / "www"
    with pytest.MonkeyPatch.context() as patch:
        Served(varied, patch).vampctl("export", "--to", str(folder))
    return folder


def main_of(page: str) -> str:
    return text_of(page.partition("<main")[2].partition("</main>")[0])


def test_every_page_is_the_one_that_is_served(exported: Path, served: Served) -> None:
    for kind in SHEETS:
        assert main_of((exported / f"{kind.name}.html").read_text()) == main_of(
            served.get(f"/{kind.name}").text
        )
    for night in (HELD, UNSAFE):
        name = f"{night.date}-{night.kind}"
        assert main_of((exported / f"night/{name}.html").read_text()) == main_of(
            served.get(f"/night/{name}").text
        )
    index = (exported / "index.html").read_text()
    assert text_of(re.findall(r"<caption>.*?</caption>", index)[0]) == (
        "nights 1 to 60 of 107, newest first"
    )


def test_objects_are_those_of_the_commands(exported: Path, served: Served) -> None:
    api = exported / "api" / "v1"
    assert json.loads((api / "nights.json").read_bytes()) == served.status()
    for kind in SHEETS:
        assert json.loads((api / f"{kind.name}.json").read_bytes()) == served.json(
            f"/api/v1/{kind.name}"
        )
    name = f"{HELD.date}-archive"
    assert json.loads((api / "nights" / f"{name}.json").read_bytes()) == served.json(
        f"/api/v1/nights/{name}"
    )


def test_links_lead_to_files_of_the_export_and_nothing_is_left_unlinked(exported: Path) -> None:
    reached, todo = set(), [exported / "index.html"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        if page.suffix != ".html":
            continue
        for link in map(html.unescape, re.findall(r'\b(?:href|src)="([^"]+)"', page.read_text())):
            parts = urlsplit(link)
            if parts.scheme == "data" or not parts.path:
                assert not parts.netloc
                assert not parts.query, (page, link)
                continue
            assert (parts.scheme, parts.netloc) == ("", ""), (page, link)
            target = Path(os.path.normpath(page.parent / unquote(parts.path)))
            assert target.is_file(), (page, link)
            todo.append(target)
    pages = {path for path in exported.rglob("*") if path.suffix in (".html", ".css")}
    assert reached == pages


def test_text_from_outside_is_text_and_nothing_runs(exported: Path) -> None:
    for page in exported.rglob("*.html"):
        text = page.read_text()
        assert "<script" not in text, page
        assert "http-equiv" not in text, page
        assert "\u202e" not in text, page
        assert "<form" not in text, page


def test_the_next_export_takes_the_place_of_the_last_whole(own: Served, tmp_path: Path) -> None:
    folder = tmp_path / "www"
    assert "files in" in own.vampctl("export", "--to", str(folder))
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    with opened(own.site.database) as store:
        Nights(store).update(HELD, NightUpdate(note="said meanwhile"))
    (folder.parent / ".www.999999999.new").mkdir()
    own.vampctl("export", "--to", str(folder))
    assert {path.relative_to(folder) for path in folder.rglob("*")} == before
    assert "said meanwhile" in (folder / "index.html").read_text()
    assert list(tmp_path.glob(".www*")) == []


Files = Iterable[tuple[str, bytes]]


def files(*pairs: tuple[str, bytes]) -> Callable[[Callable[[Files], int]], int]:
    return lambda put: put(pairs)


def state_of(folder: Path) -> dict[str, object]:
    return {
        path.relative_to(folder).as_posix(): path.readlink()
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


def put_file(folder: Path) -> None:
    (folder / "mine.txt").write_text("mine")


def change(folder: Path) -> None:
    (folder / "night" / "a.html").write_text("mine")


def link(folder: Path) -> None:
    (folder / "static").symlink_to("/etc")


def link_over(folder: Path) -> None:
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to("night/a.html")


def add_folder(folder: Path) -> None:
    (folder / "mine").mkdir()


def forget(folder: Path) -> None:
    (folder / LIST_NAME).unlink()


@pytest.mark.parametrize("act", [put_file, change, link, link_over, add_folder, forget])
def test_what_is_not_of_an_export_stays_and_is_named(
    tmp_path: Path, act: Callable[[Path], None]
) -> None:
    folder = tmp_path / "www"
    write_export(folder, files(("index.html", b"1"), ("night/a.html", b"2")))
    act(folder)
    before = state_of(folder)
    with pytest.raises(UsageError) as refused:
        write_export(folder, files(("index.html", b"3")))
    assert refused.value.code == "export_foreign"
    assert state_of(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["www"]


def test_an_empty_folder_is_taken_and_a_file_is_not(tmp_path: Path) -> None:
    folder, file = tmp_path / "www", tmp_path / "file"
    folder.mkdir()
    file.write_text("mine")
    assert write_export(folder, files(("index.html", b"1"))) == 1
    with pytest.raises(UsageError, match="no folder"):
        write_export(file, files(("index.html", b"1")))
    assert file.read_text() == "mine"


def test_a_link_to_the_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("www")
    write_export(tmp_path / "link", files(("index.html", b"1")))
    write_export(tmp_path / "link", files(("index.html", b"2")))
    assert (tmp_path / "www" / "index.html").read_bytes() == b"2"
    assert (tmp_path / "link").is_symlink()


def test_an_export_that_fails_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "www"
    write_export(folder, files(("index.html", b"1")))
    before = state_of(folder)

    def fail() -> Files:
        yield "index.html", b"2"
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        write_export(folder, lambda put: put(fail()))
    assert state_of(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["www"]
    # What is begun again begins from nothing.
    again = [("index.html", b"3")]
    write_export(folder, lambda put: put([("stale.html", b"x")]) and put(again))
    assert sorted(state_of(folder)) == [LIST_NAME, "index.html"]


def test_where_names_cannot_be_exchanged_the_folder_is_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "www"
    write_export(folder, files(("index.html", b"1")))
    # No system knows this flag.
    monkeypatch.setattr(names, "_RENAME_EXCHANGE", 1 << 20)
    write_export(folder, files(("index.html", b"2")))
    assert (folder / "index.html").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["www"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        write_export(tmp_path / "away" / "www", files(("index.html", b"1")))
    assert refused.value.code == "cannot_write"
