"""What `/metrics` says, read by the library that Prometheus gives for it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.support.web.served import Served

Values = dict[str, dict[tuple[tuple[str, str], ...], float]]


def values_of(text: str) -> Values:
    found: Values = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        found[family.name] = {
            tuple(sorted(sample.labels.items())): sample.value for sample in family.samples
        }
    return found


def metrics_of(served: Served) -> Values:
    answer = served.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return values_of(answer.text)
