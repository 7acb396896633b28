"""Counts of calls, for Prometheus (`GET /_gureum/metrics`) and for the console."""

from __future__ import annotations

from typing import Any

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Series:
    __slots__ = ("buckets", "count", "seconds", "statuses")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * len(_BOUNDS)
        self.statuses: dict[int, int] = {}


class Metrics:
    """Calls by service and operation: how many, how they ended, how long they took."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], _Series] = {}

    def count(self, call: Any, status: int, seconds: float) -> None:
        service = call.model.service if call.model is not None else "unknown"
        operation = call.operation.name if call.operation is not None else "unknown"
        series = self._series.get((service, operation))
        if series is None:
            series = self._series[(service, operation)] = _Series()
        series.count += 1
        series.seconds += seconds
        series.statuses[status] = series.statuses.get(status, 0) + 1
        for at, bound in enumerate(_BOUNDS):
            if seconds <= bound:
                series.buckets[at] += 1
                break

    def text(self) -> str:
        """The metrics in Prometheus's text format."""
        calls = ["# HELP gureum_calls_total Calls answered.", "# TYPE gureum_calls_total counter"]
        times = ["# HELP gureum_call_seconds Time to answer.", "# TYPE gureum_call_seconds histogram"]
        for (service, operation), series in sorted(self._series.items()):
            labels = f'service="{service}",operation="{operation}"'
            calls += [
                f'gureum_calls_total{{{labels},status="{status}"}} {count}'
                for status, count in sorted(series.statuses.items())
            ]
            below = 0
            for bound, count in zip(_BOUNDS, series.buckets, strict=True):
                below += count
                times.append(f'gureum_call_seconds_bucket{{{labels},le="{bound}"}} {below}')
            times.append(f'gureum_call_seconds_bucket{{{labels},le="+Inf"}} {series.count}')
            times.append(f"gureum_call_seconds_sum{{{labels}}} {series.seconds:.6f}")
            times.append(f"gureum_call_seconds_count{{{labels}}} {series.count}")
        return "\n".join(calls + times) + "\n"
