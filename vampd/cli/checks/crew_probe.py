"""Whether packing can go on between hosts: what each of them finds when it is asked to try."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.cli.shared.words import format_size
from vampd.model.roll_call import SIGN_EVERY_S, Answer, Fault

if TYPE_CHECKING:
    from pathlib import Path

_CLOCK_SLACK_S = 2.0
# A host looks as often as it shows its sign; a client may keep what it knows of a folder a while.
_ANSWER_WITHIN_S = 5 * SIGN_EVERY_S
_WHY = {
    Fault.NO_LINK: "no file can have a second name there, so that none gets its name whole",
    Fault.LINK_OVERWRITES: "a name that is taken is given again there, over the file that has it",
    Fault.NO_RENAME: "what is renamed there does not replace the file that has the name",
    Fault.NO_LOCK: "no file can be locked there",
    Fault.LOCK_UNSEEN: "a lock of this host is not seen there, so that two pack one cube",
}


def probe_hosts(
    root: Path, hosts: Collection[str], judge_mount: Callable[[str, list[str]], Finding]
) -> Iterator[Finding]:
    """A line for each host, by name; nothing where there is none."""
    from vampd.adapters.crew import ask_hosts
    from vampd.disk.machine import clock_ahead_s

    if not hosts:
        return
    try:
        answers = ask_hosts(root, hosts, _ANSWER_WITHIN_S)
        ahead_s = clock_ahead_s(root)
    except OSError as error:
        found = f"{error.filename or root}: {error.strerror}; no host was asked"
        yield Finding("crew root there", BAD, found)
        return
    for host in sorted(hosts):
        check = f"crew root on {host}"
        if host in answers:
            yield judge_answer(check, answers[host], ahead_s, judge_mount)
        else:
            found = "no answer to a probe on the root: look at vampd-worker there"
            yield Finding(check, BAD, found)


def judge_answer(
    check: str,
    answer: Answer,
    ahead_s: float,
    judge_mount: Callable[[str, list[str]], Finding],
) -> Finding:
    """What a host's answer means; the disk's clock is ``ahead_s`` ahead of this machine's."""
    if answer.faults:
        why = "; ".join(_WHY[fault] for fault in answer.faults)
        return Finding(check, BAD, f"{why}: hosts cannot share this {answer.kind} as it is mounted")
    mount = judge_mount(answer.kind, answer.options.split(","))
    if mount.state == BAD:
        return Finding(check, BAD, mount.found)
    if answer.free_bytes == 0:
        return Finding(check, BAD, "no space for this user there: look at quotas of that host")
    off_s = ahead_s - answer.ahead_s
    found = (
        f"link, rename and lock hold; {format_size(answer.free_bytes)} free, clock"
        f" {off_s:+.1f} s off this machine's"
    )
    if abs(off_s) > _CLOCK_SLACK_S:
        return Finding(check, WARN, f"{found}: synchronize both")
    if mount.state == WARN:
        return Finding(check, WARN, f"{found}; {mount.found}")
    return Finding(check, OK, found)
