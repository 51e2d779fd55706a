"""Calls over TLS that only OpenSSL can make, and those that it cannot make either: twice each, since who is asked once is asked no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from http_cases import FAST, HTTP, attempt
from http_cases_network import CERTIFICATES, at

AUTHORITY = str(Path(CERTIFICATES) / "ca.pem")


def file(name: str) -> str:
    return str(Path(CERTIFICATES) / name)


TRUST: dict[str, dict[str, Any]] = {
    " unverified": {"verify": False},
    " verified": {"verify": AUTHORITY},
    " by itself": {"verify": file("own.crt")},
    " by a hashed folder": {"verify": file("hashed")},
    " by a folder": {"verify": file("unhashed")},
    "": {},
}
CERTS: dict[str, Any] = {
    "": None,
    " with a certificate of version 1": (file("old-client.crt"), file("old-client.key")),
    " with an encrypted key": (file("old-client.crt"), file("locked.key")),
    " with the wrong key": (file("old-client.crt"), file("client.key")),
    " with no certificate in the file": (file("ca.key"), file("ca.key")),
}
DOORS = ("tls", "other name", "old ciphers", "self-signed", "weak key", "expired")


def twice(client: Any, url: str, **given: Any) -> Any:
    return [attempt(lambda: client.get(url, **given)) for _ in range(2)]


for _door in DOORS:
    for _how, _given in TRUST.items():
        HTTP[f"handshake with {_door}{_how}"] = lambda s, d=_door, g=_given: twice(s, at(s, d), **g)
    FAST[f"handshake with {_door}"] = lambda s, d=_door: twice(s, at(s, d))
    FAST[f"handshake with {_door} verified"] = lambda s, d=_door: twice(s.make(insecure=False), at(s, d))
for _how, _cert in CERTS.items():
    if _cert:
        HTTP[f"handshake{_how} where one is asked for"] = lambda s, c=_cert: twice(
            s, at(s, "client certificate"), verify=False, cert=c
        )
    HTTP[f"handshake of a session{_how or ' without a certificate'}"] = lambda s, c=_cert: of_session(s, c)
HTTP["handshake after a redirect"] = lambda s: twice(
    s, f"/redirect/302?to={at(s, 'old ciphers')}", verify=False
)
FAST["handshake after a redirect"] = lambda s: twice(s, f"/redirect/302?to={at(s, 'old ciphers')}")
HTTP["handshake after an upload is redirected"] = lambda s: attempt(
    lambda: s.post(f"/redirect/307?to={at(s, 'old ciphers')}", data=iter([b"part"]), verify=False)
)


def of_session(s: Any, cert: Any) -> Any:
    s.verify, s.cert = False, cert
    return [*twice(s, at(s, "tls")), s.get("/plain")]
