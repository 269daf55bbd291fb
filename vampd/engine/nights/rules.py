"""The rules of when and how much, from the settings, for the daemon and the foreground."""

from __future__ import annotations

from vampd.config import Authority, Settings
from vampd.model.nights import (
    PauseRule,
    ReadinessRules,
    RetryPolicy,
    RunLimits,
    ScanRule,
    StageName,
)


def readiness_rules(settings: Settings) -> ReadinessRules:
    """When a night may start."""
    watch = settings.watch
    return ReadinessRules(
        ignore_before=watch.ignore_before,
        archive_not_before=settings.schedule.archive_not_before,
        quiet_after_s=watch.quiet_after_s,
        stale_after_s=watch.stale_s,
        grants_frame_ids=settings.frameids.authority is not Authority.NONE,
        max_delay_s=settings.retry.max_delay_s,
    )


def pause_rule(settings: Settings) -> PauseRule:
    """When work pauses for the cameras."""
    watch = settings.watch
    # Quiet files are not being written, so a pause never outlasts the quiet time.
    return PauseRule(watch.pause_while_writing, min(watch.pause_after_write_s, watch.quiet_after_s))


def scan_rule(settings: Settings) -> ScanRule:
    """How often the nights are scanned."""
    watch = settings.watch
    return ScanRule(watch.scan_every_s, watch.quiet_after_s, pause_rule(settings).pause_s)


def run_limits(settings: Settings, *, cameras_write: bool) -> RunLimits:
    """How much may run at once."""
    schedule = settings.schedule
    return RunLimits(
        nights=schedule.nights_at_once,
        stages={stage: getattr(schedule, f"{stage}_at_once") for stage in StageName},
        cameras_write=cameras_write,
    )


def retry_policy(settings: Settings) -> RetryPolicy:
    """When a failed stage is retried."""
    retry = settings.retry
    return RetryPolicy(
        first_delay_s=retry.first_delay_s,
        factor=retry.factor,
        max_delay_s=retry.max_delay_s,
        attempts=retry.attempts,
    )
