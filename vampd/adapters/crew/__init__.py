"""Hosts that pack for the daemon of another one: what they tell each other on the root."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.adapters.crew.board import Board
    from vampd.adapters.crew.carrying import (
        Carried,
        Engine,
        Errand,
        HostLost,
        HostOrder,
        take_orders,
    )
    from vampd.adapters.crew.certificates import (
        end_of_certificate,
        make_authority,
        make_certificate,
        now_utc,
    )
    from vampd.adapters.crew.dask_engine import DaskEngine, security_of
    from vampd.adapters.crew.dask_jobs import HtcondorJob, SlurmJob, job_words, keep_jobs
    from vampd.adapters.crew.dask_worker import serve_orders
    from vampd.adapters.crew.host import Host
    from vampd.adapters.crew.hosts import HostCrew, Terms
    from vampd.adapters.crew.probe import Answering, ask_hosts
    from vampd.adapters.crew.sign import HostSign, read_signs
else:
    __getattr__ = show(
        __name__,
        {
            "board": "Board",
            "carrying": "Carried Engine Errand HostLost HostOrder take_orders",
            "certificates": "end_of_certificate make_authority make_certificate now_utc",
            "dask_engine": "DaskEngine security_of",
            "dask_jobs": "HtcondorJob SlurmJob job_words keep_jobs",
            "dask_worker": "serve_orders",
            "host": "Host",
            "hosts": "HostCrew Terms",
            "probe": "Answering ask_hosts",
            "sign": "HostSign read_signs",
        },
    )

__all__ = [
    "Answering",
    "Board",
    "Carried",
    "DaskEngine",
    "Engine",
    "Errand",
    "Host",
    "HostCrew",
    "HostLost",
    "HostOrder",
    "HostSign",
    "HtcondorJob",
    "SlurmJob",
    "Terms",
    "ask_hosts",
    "end_of_certificate",
    "job_words",
    "keep_jobs",
    "make_authority",
    "make_certificate",
    "now_utc",
    "read_signs",
    "security_of",
    "serve_orders",
    "take_orders",
]
