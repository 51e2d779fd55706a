"""What a script does with its client, with sessions, and with the libraries below them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .source import Source, is_constant, keyword, shown

Found = Iterator[tuple[str, ast.AST, str]]

VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "request"}

# Where other libraries hook in to see or change what a client sends: (prefix of the dotted name, rule).
PATCHED = (
    ("socket.getaddrinfo", "name-resolution"),
    ("gevent.socket.getaddrinfo", "name-resolution"),
    ("urllib3.util.connection.allowed_gai_family", "name-resolution"),
    ("urllib3.util.connection.create_connection", "name-resolution"),
    ("socket.create_connection", "below-requests"),
    ("socket.socket", "below-requests"),
    ("http.client.HTTP", "below-requests"),
    ("requests.adapters.HTTPAdapter", "below-requests"),
    ("requests.packages.urllib3", "below-requests"),
    ("urllib3.connection", "below-requests"),
    ("urllib3.poolmanager", "below-requests"),
    ("geventhttpclient.", "below-requests"),
    ("ssl.SSLContext", "replaced-certificates"),
    ("certifi.where", "replaced-certificates"),
    ("requests.certs.where", "replaced-certificates"),
    ("requests.utils.DEFAULT_CA_BUNDLE_PATH", "replaced-certificates"),
)

# Calls that patch these for their caller.
PATCHING_CALLS = {
    "truststore.inject_into_ssl": "replaced-certificates",
    "responses.activate": "below-requests",
    "responses.start": "below-requests",
    "responses.RequestsMock": "below-requests",
    "httpretty.enable": "below-requests",
    "httpretty.activate": "below-requests",
    "httpretty.httprettized": "below-requests",
    "vcr.use_cassette": "below-requests",
    "vcr.VCR": "below-requests",
}

# What requests leaves to the pool manager it is given.
_POOL_SETTINGS = {
    "assert_fingerprint",
    "assert_hostname",
    "server_hostname",
    "socket_options",
    "source_address",
    "ssl_context",
    "ssl_maximum_version",
    "ssl_minimum_version",
    "ssl_version",
}


def patches(source: Source) -> Found:
    """Assignments to names of libraries that users' clients do not go through."""
    for node in source.walk():
        for target in assigned(node):
            if not isinstance(target, ast.Attribute):
                continue
            if target.attr == "debuglevel":
                yield "http-debug", node, shown(node)
            elif rule := patched(source.resolve(target)):
                yield rule, node, f"{shown(target)} is replaced"
        if not isinstance(node, ast.Call):
            continue
        if rule := patched(patch_target(source, node)):
            yield rule, node, shown(node)
    for node in source.walk():
        if isinstance(node, ast.Name | ast.Attribute) and not _is_part_of_attribute(source, node):
            name = source.resolve(node)
            if name in PATCHING_CALLS and not isinstance(source.parent(node), ast.alias):
                yield PATCHING_CALLS[name], node, shown(node)


def patched(name: str | None) -> str | None:
    """The rule about replacing this, if there is one."""
    if name is None:
        return None
    return next(
        (rule for prefix, rule in PATCHED if name == prefix or name.startswith(_as_prefix(prefix))), None
    )


def _as_prefix(prefix: str) -> str:
    return prefix if prefix.endswith((".", "HTTP", "connection")) else prefix + "."


def _is_part_of_attribute(source: Source, node: ast.AST) -> bool:
    return isinstance(source.parent(node), ast.Attribute)


def assigned(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return [node.target]
    return []


def patch_target(source: Source, call: ast.Call) -> str | None:
    """What `setattr(a, "b", …)`, `monkeypatch.setattr(…)`, `patch("a.b")` or `patch.object(a, "b")` replaces."""
    name = source.resolve(call.func) or ast.unparse(call.func)
    last = name.rpartition(".")[2]
    if not call.args:
        return None
    first = call.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        if last == "patch" or name.endswith("monkeypatch.setattr"):
            return first.value
        return None
    if len(call.args) < 2 or not (last == "setattr" or name.endswith("patch.object")):
        return None
    owner, attribute = source.resolve(first), call.args[1]
    if owner is None or not (isinstance(attribute, ast.Constant) and isinstance(attribute.value, str)):
        return None
    return f"{owner}.{attribute.value}"


def header_names(source: Source) -> Found:
    """Header names with spaces in a call of the client."""
    for node in source.walk():
        if not (isinstance(node, ast.Call) and is_client_call(node)):
            continue
        headers = keyword(node, "headers")
        for key in headers.keys if isinstance(headers, ast.Dict) else ():
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and " " in key.value:
                yield "header-name", key, repr(key.value)


def sessions(source: Source) -> Found:
    """Sessions and pools that a script makes itself."""
    for node in source.walk():
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "pools"
            and shown(node.value).endswith("poolmanager")
        ):
            yield "pools", node, shown(node)
        if not isinstance(node, ast.Call):
            continue
        name = source.resolve(node.func) or ""
        has_everything = any(entry.arg is None for entry in node.keywords)
        if name == "locust.contrib.fasthttp.FastHttpSession":
            if keyword(node, "max_retries") is None and not has_everything:
                yield "session-retries", node, "FastHttpSession without max_retries"
        elif name.endswith("poolmanager.PoolManager") and _is_users_pool(source, node):
            others = [entry.arg for entry in node.keywords if entry.arg in _POOL_SETTINGS]
            if others:
                yield "pool-manager-settings", node, "pool_manager with " + ", ".join(filter(None, others))


def _is_users_pool(source: Source, call: ast.Call) -> bool:
    parent = source.parent(call)
    targets = assigned(parent) if parent is not None else []
    return any(shown(target).endswith("pool_manager") for target in targets)


def is_client_call(node: ast.Call) -> bool:
    """Whether it is `….client.get(…)` and the like."""
    function = node.func
    if not (isinstance(function, ast.Attribute) and function.attr in VERBS):
        return False
    owner = function.value
    return (isinstance(owner, ast.Attribute) and owner.attr == "client") or (
        isinstance(owner, ast.Name) and owner.id == "client"
    )


def responses(source: Source) -> Found:
    """Responses that are lost, and those whose truth is asked for."""
    for function in source.walk():
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _lost(source, function)
            yield from _truth(source, function)


def _own(source: Source, function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions in it."""
    for node in ast.walk(function):
        if node is function:
            continue
        if source.inside(node, (ast.FunctionDef, ast.AsyncFunctionDef)) is function:
            yield node


def _lost(source: Source, function: ast.AST) -> Found:
    entered = {
        item.context_expr.id
        for node in ast.walk(function)
        if isinstance(node, ast.With | ast.AsyncWith)
        for item in node.items
        if isinstance(item.context_expr, ast.Name)
    }
    handed_on = {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and _leaves(source, node)
    }
    for node in _own(source, function):
        if not (isinstance(node, ast.Call) and is_constant(keyword(node, "catch_response"), True)):
            continue
        if not (is_client_call(node) or shown(node.func).endswith("client.request")):
            continue
        parent = source.parent(node)
        if isinstance(parent, ast.Expr):
            yield "lost-response", node, f"{shown(node.func)}(…, catch_response=True)"
        elif isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            name = parent.targets[0].id
            if name not in entered and name not in handed_on:
                yield "lost-response", node, f"{name} = {shown(node.func)}(…, catch_response=True)"


def _leaves(source: Source, name: ast.Name) -> bool:
    """Whether the value goes somewhere else, so that this function does not tell what becomes of it."""
    parent = source.parent(name)
    if isinstance(parent, ast.Return | ast.Yield | ast.Tuple | ast.List | ast.Dict | ast.Starred):
        return True
    if isinstance(parent, ast.keyword):
        return True
    return isinstance(parent, ast.Call) and name in parent.args


def _truth(source: Source, function: ast.AST) -> Found:
    bound: set[str] = set()
    for node in _own(source, function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and is_client_call(node.value):
            bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.With):
            for item in node.items:
                call, name = item.context_expr, item.optional_vars
                if isinstance(call, ast.Call) and is_client_call(call) and isinstance(name, ast.Name):
                    bound.add(name.id)
    for node in _own(source, function):
        if isinstance(node, ast.Attribute) and node.attr == "ok" and isinstance(node.ctx, ast.Load):
            if isinstance(node.value, ast.Name) and node.value.id in bound:
                yield "truth-of-response", node, shown(node)
        elif isinstance(node, ast.Name) and node.id in bound and _is_condition(source, node):
            yield "truth-of-response", node, f"truth of {node.id}"


def _is_condition(source: Source, node: ast.AST) -> bool:
    parent = source.parent(node)
    if isinstance(parent, ast.If | ast.IfExp | ast.While | ast.Assert):
        return parent.test is node
    return isinstance(parent, ast.BoolOp) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    )


ALL = (patches, header_names, sessions, responses)
