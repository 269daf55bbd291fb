"""Whatever happens here and there: safe means equal bytes, and transfer always gets there."""

import contextlib
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import assume, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.transfer_world import NIGHT, SETTINGS, TransferWorld, sent
from vampd.errors import DataError
from vampd.model.delivery import parse_manifest, supplement_number
from vampd.model.plan import Plan
from vampd.model.proofs import SUMS_NAME, parse_sums
from vampd.stages import manifest
from vampd.stages.own_files import plan_own_files
from vampd.stages.records import parts

numbers = st.integers(1, 6)
contents = st.binary(min_size=1, max_size=4)


class Transfers(RuleBasedStateMachine):
    """Products come and change, the archive copy suffers, vampd dies between any two actions."""

    @initialize(batch_files=st.integers(1, 4), batch_bytes=st.integers(1, 12))
    def begin(self, batch_files, batch_bytes):
        self.world = TransferWorld()
        # By path, what the manifests were written of.
        self.announced = {}
        self.limits = parts.BATCH_FILES, parts.BATCH_BYTES
        parts.BATCH_FILES, parts.BATCH_BYTES = batch_files, batch_bytes

    def teardown(self):
        if hasattr(self, "limits"):
            parts.BATCH_FILES, parts.BATCH_BYTES = self.limits

    @rule(number=numbers, content=contents)
    def product_appears_or_changes(self, number, content):
        # No two products have one content.
        self.world.add_product(f"VMPA0000000{number}", content + bytes([number]))

    @rule(number=numbers, content=contents)
    def cube_is_set_aside(self, number, content):
        self.world.reader.write(f"vbad/vcam1/{number}.fits", content)

    @rule(data=st.data(), actions=st.integers(0, 12))
    def vampd_works_and_is_killed(self, data, actions):
        for wave in self.plan_or_hold().waves:
            for action in data.draw(st.permutations(wave)):
                if actions == 0:
                    return
                actions -= 1
                self.world.execute(action)

    @rule()
    def vampd_finishes(self):
        if not self.are_manifests_true():
            before = dict(self.world.there)
            with pytest.raises(DataError) as caught:
                self.world.run()
            assert caught.value.code == "manifest_stale"
            # Nothing is sent over what was announced.
            assert self.world.there == before
            return
        self.world.run()
        assert self.world.plan() == Plan()
        assert self.world.is_safe() is bool(self.world.survey().here)

    @precondition(lambda self: self.world.there)
    @rule(data=st.data())
    def archive_copy_is_damaged_and_verified(self, data):
        self.world.damage(data.draw(st.sampled_from(sorted(self.world.there))))
        self.world.verify()

    @rule(data=st.data(), mark=st.sampled_from("123"))
    def archive_moves_with_times_kept(self, data, mark):
        if self.world.there and data.draw(st.booleans()):
            self.world.damage(data.draw(st.sampled_from(sorted(self.world.there))))
        # Proofs of an archive end for good when it is left: it may come back with other bytes.
        self.world.end_proofs(*self.world.there)
        self.world.reader.identity = replace(self.world.reader.identity, mark=mark * 32)

    @precondition(lambda self: self.world.there)
    @rule(data=st.data(), content=contents)
    def archive_copy_is_overwritten(self, data, content):
        path = data.draw(st.sampled_from(sorted(self.world.there)))
        old = self.world.there[path]
        self.world.there[path] = FakeFile(content, old.mtime_ns + 1)

    @precondition(lambda self: self.world.there)
    @rule(data=st.data())
    def archive_copy_is_removed(self, data):
        del self.world.there[data.draw(st.sampled_from(sorted(self.world.there)))]

    @precondition(lambda self: self.world.there)
    @rule(data=st.data())
    def one_damaged_file_of_a_safe_night_is_repaired_alone(self, data):
        assume(self.world.is_safe() and self.are_manifests_true())
        path = data.draw(st.sampled_from(sorted(self.world.there)))
        self.world.damage(path)
        self.world.verify()
        assert not self.world.is_safe()
        assert sent(self.world.run()) == {path} - {SUMS_NAME}
        assert self.world.is_safe()

    @rule()
    def manifest_is_written(self):
        survey = manifest.survey(NIGHT, self.world.reader)
        refused, plan = None, Plan()
        try:
            plan = manifest.plan(survey, SETTINGS)
        except DataError as error:
            refused = error.code
        if plan_own_files(survey.own):
            assert refused is None
        elif not self.are_manifests_true():
            assert refused == "manifest_stale"
        else:
            unsafe = survey.products.keys() - survey.listed - survey.safe
            assert refused == ("manifest_unsafe" if unsafe else None)
        for wave in plan.waves:
            for action in wave:
                self.world.execute(action)
        for line in self.listed():
            path = f"vgen2/{line.frame_id}.fits.fz"
            self.announced.setdefault(path, self.world.reader.tree[path].content)

    @invariant()
    def safe_means_equal_bytes(self):
        world = self.world
        if not world.is_safe():
            return
        for path in world.survey().here:
            assert world.there[path].content == world.reader.tree[path].content
        sums = parse_sums(world.there[SUMS_NAME].content.decode())
        assert sums.keys() == world.survey().here.keys()

    def plan_or_hold(self):
        held = () if self.are_manifests_true() else (DataError,)
        with contextlib.suppress(*held):
            return self.world.plan()
        return Plan()

    def are_manifests_true(self):
        tree = self.world.reader.tree
        return all(tree[path].content == content for path, content in self.announced.items())

    def listed(self):
        return [
            line
            for path, file in self.world.reader.tree.items()
            if supplement_number(path, NIGHT.date) is not None
            for line in parse_manifest(file.content.decode()).lines
        ]

    @invariant()
    def no_frame_is_listed_twice(self):
        listed = [line.frame_id for line in self.listed()]
        assert len(listed) == len(set(listed))


TestTransfers = Transfers.TestCase
TestTransfers.settings = settings(stateful_step_count=25)
