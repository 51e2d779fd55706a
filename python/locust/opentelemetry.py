"""OpenTelemetry, for `--otel`: metrics of all requests, traces of those by requests and urllib3, and the log.

Set up by OpenTelemetry's own variables (`OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER`, each a list
of "otlp", "console" and "none"; `OTEL_EXPORTER_OTLP_PROTOCOL`, …). Needs `pip install 'gregaria[otel]'`; nothing of it is
imported before `setup_opentelemetry` is called.

Metrics cost a request next to nothing: they are counted natively (`_otel_durations.py`). Spans cost: requests of `HttpUser` go
through the library requests then, whose instrumentation makes them (`HttpSession` notices that its `send` is no longer requests' own).
With `OTEL_TRACES_EXPORTER=none` there are none, and all requests stay native. As in Locust, `FastHttpUser` has metrics and no spans.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from gevent import monkey

from locust import events
from locust.runners import MasterRunner, WorkerRunner

from ._version import version

logger = logging.getLogger(__name__)

MAX_REQUEST_NAMES = 20
"""So many names get time series of their own: each costs memory here and money where they are kept."""
OTHER_NAMES = "Too many unique request names"

request_names: set[str] = set()
"""The names seen so far, at most `MAX_REQUEST_NAMES`."""

# Where the exporters of a signal are: the module's end under `opentelemetry.exporter.otlp.proto.<protocol>`, and the class.
_OTLP = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
_PROTOCOLS = {"grpc": "grpc", "http/protobuf": "http", "http": "http"}


def setup_opentelemetry(locustfile: str, profile: str | None) -> bool:
    """Starts to measure, trace and export; False (and a line in the log) if there is nothing to do it with."""
    try:
        from opentelemetry import _logs, metrics, trace
        from opentelemetry.sdk.resources import Resource
    except ImportError:
        logger.error(
            "OpenTelemetry SDK is not installed, opentelemetry not enabled. Run \"pip install 'gregaria[otel]'\""
        )
        return False

    exporters = {signal: _chosen_exporters(signal) for signal in _OTLP}
    if all(chosen == {"none"} for chosen in exporters.values()):
        logger.info("No OpenTelemetry exporters configured, opentelemetry not enabled")
        return False

    resource = Resource.create(
        {
            "service.name": os.getenv("OTEL_SERVICE_NAME", "locust"),
            "service.version": version,
            "host.name": socket.gethostname(),
            "filename": locustfile,
            "profile": profile or "",
        }
    )
    if exporters["traces"]:
        trace.set_tracer_provider(_tracer_provider(resource, exporters["traces"]))
    if exporters["metrics"]:
        provider, readers = _meter_provider(resource, exporters["metrics"])
        metrics.set_meter_provider(provider)
        if readers:
            _measure(metrics.get_meter("locust"), readers)
    if exporters["logs"]:
        provider = _logger_provider(resource, exporters["logs"])
        _logs.set_logger_provider(provider)
        _export_log(provider)
    if exporters["traces"] != {"none"}:
        _instrument_libraries()
    logger.debug("OpenTelemetry configured!")
    return True


def _chosen_exporters(signal: str) -> set[str]:
    names = os.getenv(f"OTEL_{signal.upper()}_EXPORTER", "otlp").split(",")
    return {name.strip().lower() for name in names if name.strip()}


# ------------------------------------------------------------------------------------------------------- providers


def _tracer_provider(resource: Any, names: set[str]) -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

    provider = TracerProvider(resource=resource)
    for exporter in _exporters("traces", names, ConsoleSpanExporter):
        to_console = isinstance(exporter, ConsoleSpanExporter)
        provider.add_span_processor((SimpleSpanProcessor if to_console else BatchSpanProcessor)(exporter))
    return provider


def _meter_provider(resource: Any, names: set[str]) -> tuple[Any, list[Any]]:
    """The provider, and what it exports by."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    from ._otel_durations import DurationsExporter, can_be_counted

    exporters = list(_exporters("metrics", names, ConsoleMetricExporter))
    if all(map(can_be_counted, exporters)):
        exporters = [DurationsExporter(exporter, MAX_REQUEST_NAMES, OTHER_NAMES) for exporter in exporters]
    readers = [PeriodicExportingMetricReader(exporter) for exporter in exporters]
    return MeterProvider(resource=resource, metric_readers=readers), exporters


def _logger_provider(resource: Any, names: set[str]) -> Any:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import (
        BatchLogRecordProcessor,
        ConsoleLogRecordExporter,
        SimpleLogRecordProcessor,
    )

    provider = LoggerProvider(resource=resource)
    for exporter in _exporters("logs", names, ConsoleLogRecordExporter):
        to_console = isinstance(exporter, ConsoleLogRecordExporter)
        processor = SimpleLogRecordProcessor if to_console else BatchLogRecordProcessor
        provider.add_log_record_processor(processor(exporter))
    return provider


def _exporters(signal: str, names: set[str], console: Callable[[], Any]) -> Iterator[Any]:
    """Makes the exporters of a signal; says which names mean nothing."""
    for name in sorted(names):
        if name == "otlp":
            exporter = _otlp_exporter(signal)
        elif name == "console":
            exporter = console()
        elif name == "none":
            continue
        elif name == "prometheus" and signal == "metrics":
            logger.warning("Prometheus metrics exporter is not yet implemented!")
            continue
        else:
            logger.warning(f"Unknown {signal} exporter '{name}'. Ignored")
            continue
        if exporter is not None:
            logger.debug(f"Configured {signal} exporter: {name}")
            yield exporter


def _otlp_exporter(signal: str) -> Any:
    general = os.getenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    wanted = os.getenv(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", general).lower().strip()
    protocol = _PROTOCOLS.get(wanted)
    if protocol is None:
        logger.warning(
            f"Unknown OpenTelemetry otlp exporter protocol '{wanted}'. Use 'grpc' or 'http/protobuf'"
        )
        return None
    module, name = _OTLP[signal]
    try:
        found = import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{module}")
    except ImportError:
        logger.warning(
            f"OpenTelemetry otlp exporter for '{wanted}' is not available. Please install the required package: "
            f"opentelemetry-exporter-otlp-proto-{protocol}"
        )
        return None
    if protocol == "grpc":
        _make_grpc_cooperative()
    return getattr(found, name)()


def _make_grpc_cooperative() -> None:
    """Otherwise each export keeps all users waiting until the collector answers."""
    if not monkey.is_module_patched("threading"):
        return
    from grpc.experimental import gevent as grpc_gevent

    grpc_gevent.init_gevent()


# ---------------------------------------------------------------------------------------------- what is measured


def _measure(meter: Any, exporters: list[Any]) -> None:
    """Records how long requests take and, from the runner's start on, how many users there are."""
    from ._otel_durations import DurationsExporter, keep_place

    counting = [exporter for exporter in exporters if isinstance(exporter, DurationsExporter)]
    for exporter in counting:
        exporter.on_names = request_names.update
        events.request.add_listener(exporter.listener)
    if counting:
        keep_place(meter)
    else:
        _measure_in_python(meter)

    def count_users(runner: Any, **_others: Any) -> None:
        # The users of all workers are the master's to report.
        if runner is not None and not isinstance(runner, WorkerRunner):
            meter.create_observable_gauge(
                "locust.users.count",
                callbacks=[lambda _options: _user_counts(runner)],
                unit="{user}",
                description="Number of currently running Locust users",
            )

    events.init.add_listener(count_users)


def _measure_in_python(meter: Any) -> None:
    """Has the SDK count each request: for histograms of a kind that only it can make."""
    from ._otel_durations import DESCRIPTION, NAME, UNIT

    duration = meter.create_histogram(NAME, unit=UNIT, description=DESCRIPTION)

    def record_duration(
        name: str, response_time: float | None, exception: Any = None, **_others: Any
    ) -> None:
        attributes = {"name": _name_of_series(name)}
        if exception:
            attributes["error.type"] = exception.__class__.__name__
        if response_time is not None:
            duration.record(response_time / 1000.0, attributes=attributes)

    events.request.add_listener(record_duration)


def _name_of_series(name: str) -> str:
    if name not in request_names:
        if len(request_names) >= MAX_REQUEST_NAMES:
            return OTHER_NAMES
        request_names.add(name)
    return name


def _user_counts(runner: Any) -> Iterator[Any]:
    from opentelemetry.metrics import Observation

    is_master = isinstance(runner, MasterRunner)
    counts = runner.reported_user_classes_count if is_master else runner.user_classes_count
    for user_class, count in counts.items():
        yield Observation(count, {"user_class": user_class})


def _export_log(provider: Any) -> None:
    """Sends the log there too, but not the tables of statistics."""
    from opentelemetry.sdk._logs import LoggingHandler

    handler = LoggingHandler(logger_provider=provider)
    handler.name = "opentelemetry"
    # Records of "locust" are not passed on to the root logger.
    for name in (None, "locust"):
        logging.getLogger(name).addHandler(handler)


def _instrument_libraries() -> None:
    if instrumentor := _instrumentor("requests", "RequestsInstrumentor"):
        instrumentor().instrument(request_hook=_name_span)
    if instrumentor := _instrumentor("urllib3", "URLLib3Instrumentor"):
        instrumentor().instrument()


def _instrumentor(library: str, name: str) -> Any:
    try:
        return getattr(import_module(f"opentelemetry.instrumentation.{library}"), name)
    except ImportError:
        logger.info(
            f"OpenTelemetry '{library}' instrumentation is not installed. Please install "
            f"'opentelemetry-instrumentation-{library}'"
        )
        return None


def _name_span(span: Any, request: Any) -> None:
    """Names the span of a request as the request is counted: by its explicit name, or else by its path."""
    name = getattr(request, "_explicit_name", None) or urlsplit(request.url).path or "/"
    span.update_name(f"{request.method} {name}")
