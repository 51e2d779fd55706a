"""Performs a Dockerfile without an engine: its RUN and COPY lines, in roots that begin as a plain Debian.

What it knows is what deploy/docker/Dockerfile uses; anything else is an error. Images are what an engine adds and this does not
have: layers, a registry, limits. `run` starts a program in the result as `docker run` would, in namespaces of its own for mounts
and processes; the network is the machine's.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_TRUST = "/run/trust.crt"
# Of this machine, for as long as something is built: how packages are reached, and whom TLS trusts, by where it is seen.
_FROM_HERE = {
    "/etc/resolv.conf": "/etc/resolv.conf",
    "/etc/hosts": "/etc/hosts",
    "/etc/ssl/certs/ca-certificates.crt": _TRUST,
}


@dataclass
class Stage:
    """One stage, and in the end the image."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The lines, continued ones as one, without comments."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines())
        if word
    ]


def debian(suite: str, cache: Path) -> Path:
    """The root of a plain Debian, as the image debian:SUITE-slim has it, made once."""
    root = cache / suite
    if not (root / ".made").exists():
        shutil.rmtree(root, ignore_errors=True)
        sources = "".join(path.read_text() for path in Path("/etc/apt").rglob("*.sources"))
        mirror = re.search(r"^URIs: (\S+/debian)/?$", sources, re.MULTILINE)
        command = ["debootstrap", "--variant=minbase", suite, str(root), *(mirror.groups() if mirror else ())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=900)
        (root / ".made").touch()
    return root


def build(dockerfile: Path, context: Path, place: Path, cache: Path) -> Stage:
    """Performs all stages; the last one is the image."""
    stages: dict[str, Stage] = {}
    stage = None
    for number, (word, rest) in enumerate(instructions(dockerfile)):
        if word == "FROM":
            found = re.fullmatch(r"debian:(\w+)-slim(?: AS (\w+))?", rest)
            assert found, f"FROM {rest}: only Debian is known here"
            root = place / (found[2] or f"stage-{number}")
            subprocess.run(
                ["cp", "-a", "--reflink=auto", debian(found[1], cache), root], check=True, timeout=300
            )
            stage = stages[root.name] = Stage(
                root, {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
            )
            continue
        assert stage is not None, f"{word} before FROM"
        match word:
            case "RUN":
                done = _inside(stage, ["/bin/sh", "-c", rest], builds=True)
                assert done.returncode == 0, f"RUN {rest}\n{done.stdout}\n{done.stderr}"
            case "COPY":
                _copy(stage, stages, context, shlex.split(rest))
            case "ENV":
                for name, value in (pair.split("=", 1) for pair in shlex.split(rest)):
                    stage.environment[name] = re.sub(
                        r"\$(\w+)", lambda m, known=stage.environment: known.get(m[1], ""), value
                    )
            case "WORKDIR":
                stage.folder = rest
                (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = rest
            case "EXPOSE":
                stage.ports += rest.split()
            case "ENTRYPOINT":
                stage.entrypoint = json.loads(rest)
            case _:
                raise AssertionError(f"{word}: not known here")
    assert stage is not None
    return stage


def _copy(stage: Stage, stages: dict[str, Stage], context: Path, words: list[str]) -> None:
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    base = stages[options["from"]].root if "from" in options else context
    into = stage.root / target.lstrip("/")
    for source in sources:
        found = glob.glob(str(base / source.lstrip("/")))
        assert found, f"COPY {source}: there is none in {base}"
        for path in found:
            # A folder's contents are copied, a file into the folder that the target names.
            (into if target.endswith("/") else into.parent).mkdir(parents=True, exist_ok=True)
            last = f"{path}/." if os.path.isdir(path) else path
            if os.path.isdir(path):
                into.mkdir(exist_ok=True)
            subprocess.run(["cp", "-a", last, into], check=True, timeout=300)
    if "chown" in options:
        subprocess.run(["chown", "-R", options["chown"], into], check=True, timeout=300)


def build_on(
    image: Stage, line: str, mounts: dict[str, Path] | None = None
) -> subprocess.CompletedProcess[str]:
    """A RUN line of an image that begins with this one, done in it."""
    return _inside(image, ["/bin/sh", "-c", line], builds=True, mounts=mounts)


def run(
    image: Stage,
    *arguments: str,
    user: str | None = None,
    entrypoint: list[str] | None = None,
    mounts: dict[str, Path] | None = None,
    read_only: bool = False,
    timeout: float = 120,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """`docker run`: with the image's user and entry point unless others are given."""
    command = [*(image.entrypoint if entrypoint is None else entrypoint), *arguments]
    return _inside(
        image, command, user=user, mounts=mounts, read_only=read_only, timeout=timeout, extra=environment
    )


def start(image: Stage, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """The same, going on; its group ends with SIGTERM."""
    command, env = _command(image, [*image.entrypoint, *arguments], **options)  # type: ignore[arg-type]
    return subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _inside(
    stage: Stage, command: list[str], timeout: float = 900, **options: object
) -> subprocess.CompletedProcess[str]:
    words, env = _command(stage, command, **options)  # type: ignore[arg-type]
    return subprocess.run(
        words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
    )


def _command(
    stage: Stage,
    command: list[str],
    *,
    user: str | None = None,
    mounts: dict[str, Path] | None = None,
    read_only: bool = False,
    builds: bool = False,
    extra: dict[str, str] | None = None,
    network: str | None = None,
) -> tuple[list[str], dict[str, str]]:
    """The command that does it, and its environment. All mounts are those of a namespace that ends with it."""
    env = stage.environment | (extra or {})
    lines = [
        "set -e",
        f"root={shlex.quote(str(stage.root))}",
        'mount --bind "$root" "$root"',
        'mount -t proc proc "$root/proc"',
    ]
    lines += ['mount --bind /dev "$root/dev"', *(() if builds else ['mount -t tmpfs tmpfs "$root/tmp"'])]
    if builds:
        lines.append('mount -t tmpfs tmpfs "$root/run"')
        for path, target in _FROM_HERE.items():
            if os.path.exists(path):
                lines += [
                    f'[ -e "$root{target}" ] || : >"$root{target}"',
                    f'mount --bind {path} "$root{target}"',
                ]
        # How Debian's and PyPI's packages are reached from this machine.
        env |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        env |= {"PIP_CERT": _TRUST, "SSL_CERT_FILE": _TRUST}
        env.pop("PIP_FIND_LINKS", None)
    for target, source in (mounts or {}).items():
        assert source.is_dir(), f"{source}: only folders are mounted here"
        lines += [f'mkdir -p "$root{target}"', f'mount --bind {shlex.quote(str(source))} "$root{target}"']
    if read_only:
        lines.append('mount -o remount,bind,ro "$root"')
    who = user if user is not None else stage.user
    uid, _, gid = who.partition(":")
    # As an engine does: the group of a known user is his, an unknown one's is 0; no further groups.
    gid = gid or _group_of(stage.root, uid)
    inner = f"cd {shlex.quote(stage.folder)} && exec {shlex.join(command)}"
    lines.append(f'exec chroot --userspec={uid}:{gid} --groups= "$root" /bin/sh -c {shlex.quote(inner)}')
    script = "\n".join(lines)
    # A namespace of `ip netns`, or the machine's own network.
    within = ["ip", "netns", "exec", network] if network else []
    return [
        *within,
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "/bin/sh",
        "-c",
        script,
    ], env | {"HOME": env.get("HOME", "/root")}


def _group_of(root: Path, uid: str) -> str:
    for line in (root / "etc" / "passwd").read_text().splitlines():
        fields = line.split(":")
        if uid in (fields[0], fields[2]):
            return fields[3]
    return "0"
