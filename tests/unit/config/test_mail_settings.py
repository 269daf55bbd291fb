"""[manifest] and [mail]: what cannot work is refused when the configuration is read."""

import re
from typing import Any

import pytest

from vampd.config import Settings, load_settings, packaged_file, parse_settings
from vampd.errors import ConfigError

BASE = """
[watch]
root = "/data"
[database]
url = "sqlite:////data/vampd.db"
[transfer.archive]
destination = "/archive"
[transfer.engineering]
destination = "/engineering"
"""
SENDER = 'sender = "a@x.org"\nrecipients = ["b@x.org"]\ndata_host_ip = "192.0.2.6"\n'


def settings(table: str) -> Settings:
    return parse_settings(BASE + table, "test")


@pytest.mark.parametrize(
    ("table", "reported"),
    [
        ('[manifest]\ncolumns = ["md5sum"]', "mkbulk"),
        ('[manifest]\nform = "mkbulk"\ncolumns = ["md5sum", "md5sum"]', "once"),
        ('[manifest]\nform = "mkbulk"\ncolumns = ["crc32"]', "md5sum"),
        ('[manifest]\nform = "csv"', "plain"),
        ('[manifest]\nline_ends = "cr"', "crlf"),
        ('[manifest]\nprefix = "nights"', "absolute path"),
        ('[manifest]\nprefix = "/a|b"', "without"),
        ("[manifest]\nprefx = 1", "did you mean manifest.prefix"),
        ('[mail]\nsender = "VAMPIRES <a@x.org>"', "mail.sender"),
        ('[mail]\nsender = "-oQ/tmp@x.org"', "mail.sender"),
        ('[mail]\nrecipients = ["a@x.org", "b"]', "mail.recipients"),
        ('[mail]\nrecipients = ["a@x.org\\nBcc: c@x.org"]', "mail.recipients"),
        ('[mail]\nrecipients = ["a@x.org,b@x.org"]', "mail.recipients"),
        ('[mail]\ndata_host_ip = "127.0.1.1"', "other hosts"),
        ('[mail]\ndata_host_ip = "::1"', "other hosts"),
        ('[mail]\ndata_host_ip = "0.0.0.0"', "other hosts"),
        ('[mail]\ndata_host_ip = "scexao6"', "mail.data_host_ip"),
        ('[mail]\nway = "by hand"', "mail.way"),
        ('[mail]\ntemplate = "mail.txt"', "absolute path"),
        ('[mail]\ntls = "none"\ncredentials = "/x"', "in the clear"),
        ("[mail]\nautomatic = true", "mail.sender and mail.recipients and mail.data_host_ip"),
        (f'[mail]\nautomatic = true\nway = "smtp"\n{SENDER}', "mail.host"),
        ("[mail]\nport = 0", "mail.port"),
        ("[mail]\ntimeout_s = 0", "mail.timeout_s"),
    ],
)
def test_what_cannot_work_is_refused_by_name(table: str, reported: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(reported)):
        settings(table)


def test_nothing_is_mailed_by_itself_unless_it_is_asked_for() -> None:
    assert settings("").mail.automatic is False
    assert settings(f"[mail]\nautomatic = true\n{SENDER}").mail.automatic is True


def test_manifests_are_plain_and_end_as_todays_unless_it_is_asked_for() -> None:
    form = settings("").manifest.manifest_form
    assert (form.style, form.columns, form.line_end) == ("plain", (), "crlf")


def uncommented(text: str, table: str) -> dict[str, Any]:
    """The commented keys of a table of the example, with the value that is shown."""
    block = text.partition(f"\n[{table}]")[2].partition("\n[")[0]
    shown = [
        line.removeprefix("# ")
        for line in block.splitlines()
        if re.match(r"# \w+ = ", line) and "default: " not in line
    ]
    read = settings("\n".join([f"[{table}]", *shown]))
    return {
        line.split(" = ")[0]: getattr(getattr(read, table), line.split(" = ")[0]) for line in shown
    }


@pytest.mark.parametrize("table", ["manifest", "mail"])
def test_the_commented_example_shows_the_defaults(table: str) -> None:
    text = packaged_file("vampd.toml").read_text()
    defaults = getattr(settings(""), table)
    shown = uncommented(text, table)
    assert shown
    assert shown == {key: getattr(defaults, key) for key in shown}
    for key in type(defaults).model_fields:
        assert re.search(rf"^(# )?{key} = ", text, re.MULTILINE), f"{key} is not in the example"


def test_the_example_can_send() -> None:
    assert load_settings(packaged_file("vampd.toml")).mail.missing == ()
