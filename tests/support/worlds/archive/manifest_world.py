"""A night that is safe at its archive host, and the manifest stage on it."""

from __future__ import annotations

from tests.support.worlds.archive.transfer_world import NIGHT, SETTINGS, TransferWorld
from vampd.stages import manifest


def safe_world():
    """Two products with frame IDs and one without, all of them safe."""
    world = TransferWorld()
    world.add_product("VMPA00000002", b"22")
    world.add_product("VMPA00000001", b"1")
    world.add_product("vcam1_10:11:12.123456", b"no frame ID")
    world.run()
    return world


def plan(world, settings=SETTINGS):
    """What the stage plans next."""
    return manifest.plan(manifest.survey(NIGHT, world.reader), settings)


def execute(world, settings=SETTINGS):
    """What the stage plans next, done."""
    for wave in plan(world, settings).waves:
        for action in wave:
            world.execute(action)
