"""doctor asks the archive host for each program that is run there."""

import re
import subprocess

from vampd.adapters.archive import scripts as archive_scripts

SCRIPTS = {
    name: text
    for name, text in vars(archive_scripts).items()
    if name.isupper() and isinstance(text, str) and "vampd ends" in text
}
# Where a shell expects a command.
COMMAND = re.compile(r"(?:[;|({]|&&|\|\||\b(?:if|then|else|do))\s*([a-z][a-z0-9]*)(?=[ ;]|$)")


def test_doctor_asks_for_each_program_that_a_script_runs() -> None:
    known = subprocess.run(
        ["bash", "-c", "compgen -b; compgen -k"], capture_output=True, text=True, check=True
    )
    commands = [re.sub(r"\$\(\([^)]*\)\)", "", text) for text in SCRIPTS.values()]
    run = {word for text in commands for word in COMMAND.findall(text)}
    (asked,) = re.findall(r"for program in ([^;]*);", SCRIPTS["PROGRAMS"])
    assert {"ln", "mkdir", "sync"} <= run
    own, not_needed = {"beat", "digest"}, {"openssl"}
    assert run - set(known.stdout.split()) - own - not_needed <= set(asked.split())
