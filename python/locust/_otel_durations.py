"""How long requests took, for OpenTelemetry: counted natively, so that no listener in Python is called for each, and put among what
the SDK exports. Imported only with `--otel`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Histogram as Instrument
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

from . import _engine

NAME, UNIT, DESCRIPTION = "locust.client.duration", "s", "Time to last byte for requests"

BOUNDS = (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)
"""Those of a histogram for which nobody has asked for others, as the specification of OpenTelemetry has them."""


class DurationsExporter(sdk.MetricExporter):
    """An exporter in front of another: what is counted here takes the place of the metric of that name."""

    def __init__(self, exporter: sdk.MetricExporter, most_names: int, others: str) -> None:
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)
        self._exporter = exporter
        cumulative = sdk.AggregationTemporality.CUMULATIVE
        self._temporality = (exporter._preferred_temporality or {}).get(Instrument, cumulative)
        self._since = time.time_ns()
        self.listener = _engine.DurationsListener(BOUNDS, most_names, others)
        """For the event `request`."""
        self.on_names: Callable[[list[str]], None] = lambda _names: None
        """Called with the names that have series, before each export."""

    def export(
        self, metrics_data: sdk.MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> sdk.MetricExportResult:
        """Exports what the SDK has collected, and the durations."""
        self.on_names(self.listener.names())
        resources = [
            replace(resource, scope_metrics=scopes)
            for resource in metrics_data.resource_metrics
            if (scopes := list(self._scopes(resource.scope_metrics)))
        ]
        if not resources:
            return sdk.MetricExportResult.SUCCESS
        return self._exporter.export(sdk.MetricsData(resources), timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._exporter.shutdown(timeout_millis, **kwargs)

    def _scopes(self, scopes: Sequence[sdk.ScopeMetrics]) -> Iterator[sdk.ScopeMetrics]:
        for scope in scopes:
            metrics = [
                metric if metric.name != NAME else replace(metric, data=histogram)
                for metric in scope.metrics
                if metric.name != NAME or (histogram := self._histogram())
            ]
            if metrics:
                yield replace(scope, metrics=metrics)

    def _histogram(self) -> sdk.Histogram | None:
        """What has been counted: since the beginning, or for who likes differences since the last time. None: nothing."""
        anew = self._temporality == sdk.AggregationTemporality.DELTA
        since, now = self._since, time.time_ns()
        lines = self.listener.lines(anew)
        if anew:
            self._since = now
        points = [
            sdk.HistogramDataPoint(
                attributes={"name": name} if error is None else {"name": name, "error.type": error},
                start_time_unix_nano=since,
                time_unix_nano=now,
                count=sum(counts),
                sum=total,
                bucket_counts=counts,
                explicit_bounds=BOUNDS,
                min=least,
                max=most,
            )
            for name, error, counts, total, least, most in lines
        ]
        return sdk.Histogram(points, self._temporality) if points else None


def can_be_counted(exporter: sdk.MetricExporter) -> bool:
    """Whether the exporter wants a histogram with fixed bounds; the other kind only the SDK can make."""
    wanted = (exporter._preferred_aggregation or {}).get(Instrument)
    return not isinstance(wanted, ExponentialBucketHistogramAggregation)


def keep_place(meter: Any) -> None:
    """Has the SDK collect a metric of that name each time, whose value is then replaced: what has none is not exported."""
    meter.create_observable_counter(
        NAME, callbacks=[lambda _options: [Observation(0)]], unit=UNIT, description=DESCRIPTION
    )
