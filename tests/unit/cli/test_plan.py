"""`vampctl plan` shows the plan that vampd would execute."""

import json

import pytest

from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.cli.look.plan import kind_of, plan_lines, plan_object, subject_of
from vampd.model.cubes import (
    ChangedRaw,
    FrameRange,
    Generation,
    Product,
    ProductOrder,
    RawFinding,
    SyncCounts,
)
from vampd.model.delivery import ManifestFile
from vampd.model.frame_ids import FrameId
from vampd.model.headers import Dictionary
from vampd.model.nights import (
    FileStamp,
    Kind,
    NightId,
    NightRecord,
    Ready,
    StageName,
    State,
    Status,
    Wait,
    WaitCode,
)
from vampd.model.plan import (
    AcceptRaw,
    Action,
    CommitGeneration,
    Compare,
    CompareRaw,
    EditCards,
    EndReceipts,
    Hash,
    LinkSetAside,
    MarkApplied,
    Pack,
    Plan,
    PutAway,
    ReadGrown,
    RebuildFramelists,
    RecordReceipts,
    Remark,
    RenewReceipts,
    ReserveFrameIds,
    Retire,
    Send,
    SendAhead,
    SendMail,
    StampFrameId,
    TakeOver,
    WriteFramelist,
    WriteHeaderTable,
    WriteText,
)
from vampd.model.proofs import PackingReceipt, Place

NIGHT = NightId("20251106", Kind.ARCHIVE)
PRODUCT = Product(
    "vcam1_x", ProductOrder(0, 1, ""), False, (FrameRange("c", 0, 9),), (), 0, 0, 0, 0, 0
)
ACTIONS: dict[type, tuple[Action, str, str]] = {
    type(action): (action, kind, subject)
    for action, kind, subject in (
        (
            CommitGeneration(Generation(1, "0", (), (PRODUCT,), (), SyncCounts())),
            "commit generation",
            "vgen2/generation_0001.json: 0 raw cubes, 1 product, 0 set aside",
        ),
        (
            WriteFramelist(PRODUCT, "0", form=1),
            "write framelist",
            "vgen2/vcam1_x.framelist, 9 frames",
        ),
        (WriteHeaderTable("t.csv", "/a", ("b",)), "write header table", "t.csv, 1 product"),
        (WriteText("vbad/reasons.tsv", "text"), "write text", "vbad/reasons.tsv"),
        (TakeOver("vgen2/a.fits.fz", 9), "take over", "vgen2/a.fits.fz"),
        (
            LinkSetAside("vbad/vcam1/x.fits", "vcam1/x.fits"),
            "link set aside",
            "vbad/vcam1/x.fits",
        ),
        (
            EditCards("vgen2/x.framelist", 1, Dictionary({})),
            "edit cards",
            "vgen2/x.framelist, 1 card",
        ),
        (ReserveFrameIds(("a", "b")), "reserve frame ids", "2 frame IDs"),
        (
            StampFrameId("vgen2/x.framelist", "a", FrameId(7)),
            "stamp frame id",
            "vgen2/x.framelist as VMPA00000007",
        ),
        (
            MarkApplied((FrameId(7), FrameId(8))),
            "mark applied",
            "2: VMPA00000007 to VMPA00000008",
        ),
        (
            Pack("vgen2/x.framelist", "vgen2/x.fits.fz", 9, 574_080_000),
            "pack",
            "vgen2/x.fits.fz, 9 frames (574 MB raw)",
        ),
        (RebuildFramelists((PRODUCT,)), "rebuild framelists", "vcam1_x"),
        (
            RecordReceipts((PackingReceipt("vgen2/x.txt", 9, "a" * 64, None),)),
            "record receipts",
            "vgen2/x.txt",
        ),
        (
            RenewReceipts((PackingReceipt("vbad/vcam1/x.fits", 9, "a" * 64, None),)),
            "renew receipts",
            "vbad/vcam1/x.fits",
        ),
        (
            PutAway(("vgen2/x.fits.fz", "vgen2/x.txt")),
            "put away",
            "2: vgen2/x.fits.fz to vgen2/x.txt",
        ),
        (EndReceipts(("vbad/vcam1/x.fits",)), "end receipts", "vbad/vcam1/x.fits"),
        (
            ReadGrown(PackingReceipt("vbad/vcam1/x.fits", 9, "a" * 64, None)),
            "read grown",
            "vbad/vcam1/x.fits",
        ),
        (
            CompareRaw(((FileStamp("vcam1/x.fits", 9, 1), FileStamp("vcam1/x.fits", 9, 2)),)),
            "compare raw",
            "vcam1/x.fits",
        ),
        (
            AcceptRaw(
                (
                    ChangedRaw(
                        FileStamp("vcam1/x.fits", 9, 1),
                        FileStamp("vcam1/x.fits", 8, 2),
                        RawFinding.ACCEPTED,
                    ),
                )
            ),
            "accept raw",
            "vcam1/x.fits",
        ),
        (
            Send(("a", "b", "c"), Compare.CHECKSUM),
            "send",
            "3: a to c, compared by checksum",
        ),
        (
            SendAhead(("a", "b"), 1),
            "send ahead",
            "2: a to b, while others are packed",
        ),
        (Hash(("a",), Place.ARCHIVE), "hash", "a, on the archive host"),
        (
            Retire("vgen2/x.framelist", "vgen2/x.fits.fz"),
            "retire",
            "vgen2/x.framelist, kept as vgen2/x.fits.fz",
        ),
        (
            SendMail((ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64),)),
            "send mail",
            "manifest_VMP_20251106.csv",
        ),
    )
}


def record(status: Status = Status.READY) -> NightRecord:
    return NightRecord(NIGHT, State(StageName.FPACK, status))


def shown(
    planned: Plan,
    limit: int | None = 40,
    status: Status = Status.READY,
    judged: Ready | Wait = Ready(),  # noqa: B008 - frozen
) -> list[str]:
    return list(plan_lines(record(status), planned, judged, limit))


@pytest.mark.parametrize("kind", Action.__args__)
def test_every_kind_of_action_is_one_line(kind: type) -> None:
    action, name, subject = ACTIONS[kind]
    assert kind_of(action) == name
    assert subject_of(action) == subject
    assert shown(Plan.of([action]))[2].split(maxsplit=len(name.split()))[-1] == subject


def test_waves_stand_in_their_order() -> None:
    retire, pack = ACTIONS[Retire][0], ACTIONS[Pack][0]
    lines = shown(Plan.of([pack], [retire, retire]))
    assert lines[0] == "20251106 archive, stage fpack, ready"
    assert lines[1] == "wave 1 of 2: 1 action"
    assert lines[3] == "wave 2 of 2: 2 actions"
    assert [line.split()[0] for line in lines[4:6]] == ["retire", "retire"]


def test_an_empty_plan_says_so() -> None:
    assert "nothing left to do" in shown(Plan())
    assert "nothing left to do" not in shown(Plan.of([ACTIONS[Pack][0]]))


def test_a_long_plan_is_summed_up_by_kind_and_listed_on_request() -> None:
    packs = [Pack(f"vgen2/{n}.framelist", f"vgen2/{n}.fits.fz", 9, 9) for n in range(412)]
    planned = Plan.of([*packs, ACTIONS[Retire][0]])
    lines = shown(planned)
    assert [line for line in lines if line.startswith("  ")] == [
        "  pack    vgen2/0.fits.fz, 9 frames (9 B raw), and 411 more",
        "  retire  vgen2/x.framelist, kept as vgen2/x.fits.fz",
    ]
    assert any("--all" in line for line in lines)
    assert sum(line.startswith("  pack") for line in shown(planned, None)) == 412


def test_remarks_are_reported_even_when_nothing_is_left_to_do() -> None:
    remarks = [Remark("form_loses", f"KEY{n}", "two\nlines") for n in range(30)]
    lines = shown(Plan.of(remarks=remarks))
    assert "nothing left to do" in lines
    assert "  form_loses  KEY0  two lines" in lines
    assert lines[-1] == "  and 20 more (--all)"
    assert "  form_loses  KEY29  two lines" in shown(Plan.of(remarks=remarks), None)


def test_the_plan_of_a_filling_night_is_told_to_be_early() -> None:
    assert any("still filling" in line for line in shown(Plan(), status=Status.FILLING))


def test_what_the_night_waits_for_is_shown_before_the_plan() -> None:
    wait = Wait(WaitCode.OLDER_NIGHT, "waits for the older night 20251105 to get its IDs")
    assert wait.text in shown(Plan(), judged=wait)[1]
    assert plan_object(record(), Plan(), wait)["waits_for"] == {
        "code": "older_night",
        "text": wait.text,
    }
    assert plan_object(record(), Plan(), Ready())["waits_for"] is None


def test_programs_get_every_action_of_every_wave() -> None:
    planned = Plan.of([a for a, _, _ in ACTIONS.values()] * 50, [ACTIONS[Pack][0]])
    reported = json.loads(json.dumps(plan_object(record(), planned, Ready())))
    assert [len(wave) for wave in reported["waves"]] == [len(ACTIONS) * 50, 1]
    assert reported["waves"][1][0] == {
        "action": "pack",
        "subject": "vgen2/x.fits.fz, 9 frames (574 MB raw)",
        "runs_in": "worker",
    }
    assert (reported["date"], reported["kind"], reported["stage"]) == (
        "20251106",
        "archive",
        "fpack",
    )


def test_the_plan_is_that_of_the_nights_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    from vampd.stages import STAGES

    world: FakeWorld = fake_world(monkeypatch)
    world.store.discover(NIGHT, 0.0)
    reported = json.loads(world.run("plan", "20251106", "--json").output)
    expected = STAGES[StageName.SYNC].plan(
        STAGES[StageName.SYNC].survey(NIGHT, world.reader), world.settings
    )
    assert reported["stage"] == "sync"
    assert len(reported["waves"]) == len(expected.waves)
    assert world.store.history(NIGHT) == ()
