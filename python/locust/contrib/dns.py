"""DNS queries by dnspython. Needs `pip install 'gregaria[dns]'`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from locust import User
from locust.exception import LocustError

from ._extras import missing

try:
    import dns.query
    from dns.exception import DNSException
    from dns.message import Message
except ModuleNotFoundError as e:
    raise missing("dns", e) from e


class DNSClient:
    """The functions of `dns.query` (`udp`, `tcp`, `tls`, `https`, …), each of whose calls is a request.

    They take one argument more, `name`, under which the query is counted instead of the function's name. An
    answer without records, and dnspython's exceptions, count as failures; the latter give None.
    """

    def __init__(self, request_event: Any) -> None:
        self.request_event = request_event

    def __getattr__(self, function_name: str) -> Callable[..., Message]:
        function = getattr(dns.query, function_name)

        @wraps(function)
        def query(message: Message, *args: Any, name: str | None = None, **kwargs: Any) -> Message | None:
            response = None
            exception: Exception | None = None
            sent_at, began = time.time(), time.perf_counter()
            try:
                response = function(message, *args, **kwargs)
            except DNSException as e:
                exception = e
            else:
                if not response.answer:
                    exception = LocustError("No answer in DNS response")
            self.request_event.fire(
                request_type="DNS",
                name=name or function_name,
                start_time=sent_at,
                response_length=0,
                context={},
                exception=exception,
                response_time=(time.perf_counter() - began) * 1000,
                response=response,
            )
            return response

        return query


class DNSUser(User):
    """A user whose `client` sends DNS queries::

    query = dns.message.make_query("example.com", dns.rdatatype.A)
    self.client.udp(query, "192.0.2.53")
    """

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.client = DNSClient(environment.events.request)
