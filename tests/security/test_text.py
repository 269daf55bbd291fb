"""Text from outside is data: shown as text where people read, exact where machines do."""

from __future__ import annotations

import ast
import csv
import io
import json
import subprocess
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import vampd
from tests.support.builders.settings import make_settings
from tests.support.daemon.running import run_until_idle
from tests.support.daemon.site import Site, make_site
from tests.support.worlds.hostile.hostile_text import write_hostile_night
from vampd.cli import program
from vampd.cli.shared.output import Column, align_columns, write, write_csv, write_error
from vampd.config.transfer import Destination
from vampd.engine.mailing.warnings import send_warning
from vampd.log import LogTarget, configure_log, get_log
from vampd.model.cubes import parse_reasons
from vampd.model.escapes import escape_cell, shell_word, show, unescape_cell
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
DATE = NIGHT.date
HOSTILE = "a\x1b[2J\x07\n\r\u202eb\u200b\udcff\x9b\u3164\U000e0041"
SHOWN = r"a\x1b[2J\x07\n\r\u202eb\u200b\udcff\u009b\u3164\U000e0041"
LOOKING = (
    ["status"],
    ["status", "--problems"],
    ["status", DATE],
    ["watch", "--once"],
    ["why", DATE],
    ["history", DATE],
    ["plan", DATE, "--all"],
    ["audit", DATE],
    ["summary", DATE],
    ["summary", DATE, "--csv"],
    ["summary", DATE, "--runs", "--csv"],
    ["table", "archive"],
    ["table", "archive", "--csv"],
    ["frameids"],
    ["manifest", DATE],
    ["verify", DATE, "--here"],
    ["transfer", DATE, "--print"],
    ["purge", DATE, "--dry-run"],
    ["restore", DATE, "--dry-run"],
    ["recover", DATE],
    ["status", "--wide"],
    ["mail", DATE],
    ["ledger"],
    ["metrics"],
    ["correct", DATE, "--dry-run", "--set", "OBJECT=x", "--where", "OBJECT!=y", "--why", "z"],
)
# What takes seconds, and writes files.
DRAWING = (
    ["plot", DATE, "-o", "plot.png"],
    ["get", DATE, "-o", "got"],
    ["consolidate", DATE, "--out", "plain"],
)

texts = st.text(st.characters(codec=None, categories=None))


def is_plain(text: str) -> bool:
    """Whether a terminal does nothing with a text but show it, line by line."""
    return all(show(line) == line for line in text.split("\n"))


@given(texts)
def test_what_is_shown_is_one_line_of_printable_text_and_plain_text_is_itself(text: str) -> None:
    shown = show(text)
    assert shown.isprintable()
    assert show(shown) == shown
    assert shown == text or not text.isprintable() or not is_plain(text)


def test_what_a_terminal_obeys_reorders_or_hides_is_escaped() -> None:
    assert show(HOSTILE) == SHOWN


@given(texts)
def test_a_cell_of_reasons_is_plain_and_comes_back_exactly(text: str) -> None:
    cell = escape_cell(text)
    assert is_plain(cell)
    assert "\n" not in cell
    assert "\t" not in cell
    assert unescape_cell(cell) == text


@pytest.mark.parametrize("text", [HOSTILE, "$(id)`id`'\"\\", "-rf", "a b"])
def test_a_word_of_a_shown_command_is_what_the_shell_reads(text: str) -> None:
    word = shell_word(text)
    assert is_plain(word)
    read = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert read.stdout == text.encode("utf-8", "surrogateescape")


def test_lines_cells_and_errors_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    write(HOSTILE)
    write_error(f"found {HOSTILE}")
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n"
    first, second = err.splitlines()
    # A line break in a name begins no message of its own.
    assert first.startswith("found a\\x1b")
    assert second.startswith("  ")
    (row,) = align_columns((Column(), Column()), [(HOSTILE, "x")])
    assert row == f"{SHOWN}  x"


def test_no_module_of_the_programs_writes_to_a_terminal_by_itself() -> None:
    """`output` is the only way out; what the demo shows are nights of its own."""
    package = Path(vampd.__file__).parent
    found = {
        path.name
        for room in ("cli", "engine", "daemon", "stages", "store", "ledger", "wiring", "disk")
        for path in (package / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _writes(ast.unparse(node.func))
    }
    assert found == {"output.py", "demo.py"}


def _writes(function: str) -> bool:
    return function in ("print", "typer.echo", "typer.secho", "csv.writer") or function.endswith(
        ("stdout.write", "stderr.write", "console.print")
    )


@pytest.mark.parametrize("path", ["/a|b", "/a\r\nb", "h:/a\nb", "/a\0"])
def test_a_destination_that_manifests_cannot_hold_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="manifests cannot hold"):
        Destination(destination=path)


def test_a_spreadsheet_calculates_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    formulas = ["=1+1", "+cmd", "-x", "@sum", "a;=1", " =1", "＝1", "\t=1"]
    harmless: list[object] = ["-0.5", "-1e-3;-2", -3, "HD 1 - 2", ""]
    write_csv([formulas, harmless])
    out, _ = capsys.readouterr()
    dangerous, same = csv.reader(io.StringIO(out))
    assert dangerous == ["'=1+1", "'+cmd", "'-x", "'@sum", "a;'=1", "' =1", "'＝1", "\\t=1"]
    assert same == [str(cell) for cell in harmless]


def test_the_console_log_has_a_line_for_an_event_whatever_it_quotes() -> None:
    stream = io.StringIO()
    configure_log(LogTarget.CONSOLE, stream=stream, environ={})
    get_log().info("cube.refused", path=HOSTILE, other=Path(HOSTILE), many=[HOSTILE])
    try:
        raise ValueError(f"{HOSTILE}\n2025-11-06T00:00:00Z [info] night.safe")
    except ValueError:
        get_log().exception("night.held")
    event, held, *trace = stream.getvalue().rstrip("\n").split("\n")
    assert SHOWN in event
    assert "night.held" in held
    assert is_plain(stream.getvalue())
    assert all(line.startswith("  ") for line in trace)


def test_the_journal_has_a_plain_message_and_exact_fields() -> None:
    records: list[dict[str, Any]] = []

    def send(MESSAGE: str, **fields: Any) -> None:  # noqa: N803 - systemd's word
        records.append({"MESSAGE": MESSAGE, **fields})

    configure_log(LogTarget.JOURNAL, send=send)
    exact = HOSTILE.replace("\udcff", "")
    get_log().info("cube.refused", path=exact, odd="\x1b")
    (record,) = records
    assert is_plain(record["MESSAGE"])
    assert "\n" not in record["MESSAGE"]
    assert (record["VAMPD_PATH"], record["VAMPD_ODD"]) == (exact, "\x1b")


def test_a_warning_has_the_headers_that_it_was_given_and_no_others() -> None:
    sent: list[bytes] = []

    class Mailer:
        def send(self, sender: str, recipients: tuple[str, ...], mail: bytes) -> None:
            sent.append(mail)

    settings = make_settings().mail.model_copy(update={"sender": "v@example.org"})
    subject = f"x\r\nBcc: b@x\n{HOSTILE}"
    send_warning(settings, ("a@example.org",), lambda _: Mailer(), subject, HOSTILE, at=0.0)  # type: ignore[arg-type, return-value]
    mail = message_from_bytes(sent[0])
    assert mail["Bcc"] is None
    assert "Bcc: b@x" in mail["Subject"]
    assert is_plain(str(mail.get_payload()).replace("\r\n", "\n"))


@pytest.mark.parametrize("number", [24, pytest.param(300, marks=pytest.mark.soak)])
def test_hostile_names_and_headers_pass_a_night_and_every_command(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    site = make_site(tmp_path, sync={"hold_when_unexpected": False})
    names = write_hostile_night(site.folder(NIGHT), number, seed=number)
    ended = run_until_idle(site, "--log", "console")
    assert ended.status == 0, ended.log
    assert is_plain(ended.log)
    (night,) = json.loads(ask(site, "status", "--json"))
    assert (night["status"], night["safe_at"] is not None) == ("done", True)
    for words in (*LOOKING, *(DRAWING if number == 300 else ())):
        shown = ask(site, *words)
        assert is_plain(shown), (words, shown)
        assert all(line == line.strip("\r") for line in shown.split("\n"))
    # Exact for machines: every name is there once, in a product or set aside.
    audit = json.loads(ask(site, "audit", DATE, "--json"))
    assert audit["balanced"] is True, audit["findings"]
    text = (site.folder(NIGHT) / "vbad" / "reasons.tsv").read_text("utf-8")
    assert is_plain(text.replace("\t", ""))
    aside = {path.rpartition("/")[2] for path, *_ in parse_reasons(text)}
    assert aside == {cube["path"].rpartition("/")[2] for cube in audit["rejected"]}
    assert aside < set(names)


def ask(site: Site, *words: str) -> str:
    """What a command writes, to both streams."""
    result = CliRunner().invoke(program.make_app(words[0]), ["--config", str(site.config), *words])
    message = getattr(result.exception, "message", None)
    assert result.exception is None or isinstance(result.exception, SystemExit) or message
    return result.output
