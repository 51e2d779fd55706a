"""DNSUser against dnslib's server."""

from __future__ import annotations

from contrib_events import assert_events
from contrib_servers import Server, a_port

SCRIPT = """
import dns.message, dns.rdatatype
from locust.contrib.dns import DNSUser

class Asker(DNSUser):
    pass

client = Asker(environment).client
known = dns.message.make_query("www.example.test", dns.rdatatype.A)
where = dict(where="127.0.0.1", port=ADDRESS, timeout=20)
answer = client.udp(known, **where)
assert answer.answer[0][0].address == "192.0.2.1"
client.tcp(known, **where)
client.udp(dns.message.make_query("nowhere.test", dns.rdatatype.A), name="renamed", **where)
assert client.udp(known, "127.0.0.1", port=SILENT, timeout=0.1) is None
try:
    client.no_such_query
except AttributeError as e:
    print(e)
else:
    raise AssertionError("a function that dns.query does not have")
"""


def test_queries_are_counted_by_their_function_or_name():
    with Server("dns") as server:
        assert_events(
            f"SILENT = {a_port()}" + SCRIPT,
            int(server.address),
            [
                ("DNS", "udp", 0, None),
                ("DNS", "tcp", 0, None),
                ("DNS", "renamed", 0, "LocustError('No answer in DNS response')"),
                ("DNS", "udp", 0, "Timeout('The DNS operation timed out.')"),
            ],
        )
