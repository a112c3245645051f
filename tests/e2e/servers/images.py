"""The bot's image, built and run by buildah alone: no engine, no daemon, a base that debootstrap makes.

The machine's certificates and the package index's configuration are mounted for the steps of the build alone;
nothing of them is in the image.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.e2e.servers.programs import REPOSITORY, Program, installed, until

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITE: Final = "bookworm"
BASE, IMAGE = f"localhost/base:{SUITE}", "localhost/lightship:test"
# Of the machine, for steps that fetch packages: where there is one, it is mounted read-only.
OF_THE_MACHINE: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pip.conf",
    "/etc/uv/uv.toml",
)
_TOLD: Final = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
_BUILD_SECONDS = 900
_RUN_SECONDS = 120


class Images:
    """A storage of its own in a folder; `discard` removes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        storage = (f"--root={directory / 'storage'}", f"--runroot={directory / 'run'}")
        self._buildah = (installed("buildah", "buildah"), *storage, "--storage-driver=vfs")

    def make_base(self) -> None:
        """A small Debian with Python, kept as an archive between runs. Raises CalledProcessError."""
        archive = _cache() / f"base-{SUITE}.tar"
        if not archive.exists():
            self._bootstrap(archive)
        container = self("from", "scratch")
        self("add", "--quiet", container, str(archive), "/")
        self("commit", "--quiet", "--rm", container, BASE)

    def _bootstrap(self, archive: Path) -> None:
        root, part = self.directory / "rootfs", archive.with_suffix(".part")
        program = shutil.which("debootstrap") or "/usr/sbin/debootstrap"
        wanted = "--include=python3,python3-venv,ca-certificates"
        _run([program, "--variant=minbase", wanted, SUITE, str(root)], seconds=_BUILD_SECONDS)
        leave_out = ("--exclude=./var/cache/apt/archives/*.deb", "--exclude=./dev/*")
        archive.parent.mkdir(parents=True, exist_ok=True)
        _run(["tar", "-C", str(root), *leave_out, "-cf", str(part), "."], seconds=_RUN_SECONDS)
        part.rename(archive)
        shutil.rmtree(root, ignore_errors=True)

    def build(self) -> None:
        """Build the Dockerfile on that base. Raises CalledProcessError."""
        mounts = [f"--volume={path}:{path}:ro" for path in OF_THE_MACHINE if Path(path).exists()]
        told = [f"--build-arg={name}={os.environ[name]}" for name in _TOLD if name in os.environ]
        words = ("build", "--isolation=chroot", "--format=docker", "--layers=false", *mounts, *told)
        self(*words, f"--build-arg=BASE={BASE}", f"--tag={IMAGE}", str(REPOSITORY), seconds=_BUILD_SECONDS)

    def size(self, container: str) -> int:
        """Megabytes of its files."""
        root = str(self.mounted(container))
        done = _run(["du", "--summarize", "--block-size=1000000", root], seconds=_RUN_SECONDS)
        return int(done.split()[0])

    def mounted(self, container: str) -> Path:
        """The files of a container."""
        return Path(self("mount", container))

    def run(self, container: str, *words: str, environment: Mapping[str, str] | None = None) -> str:
        """What a command in a container prints. Raises CalledProcessError where it fails."""
        return self(*_running(container, words, environment or {}), seconds=_RUN_SECONDS)

    def start(self, container: str, *words: str, environment: Mapping[str, str], log: Path) -> Program:
        """A command in a container, going on until it is stopped."""
        return Program("image", [*self._buildah, *_running(container, words, environment)], log=log)

    def __call__(self, *words: str, seconds: float = _RUN_SECONDS) -> str:
        """One command of buildah."""
        return _run([*self._buildah, *words], seconds=seconds)

    def discard(self) -> None:
        """Remove containers, images and the folder."""
        with suppress(subprocess.SubprocessError):
            self("umount", "--all")
        with suppress(subprocess.SubprocessError):
            self("rm", "--all")
        shutil.rmtree(self.directory, ignore_errors=True)


def end(program: Program, command: str) -> int | None:
    """Send SIGTERM to that command below `program`, which passes none on, and wait; its exit code."""
    inside = [pid for pid in _below(program.pid) if command in _words_of(pid)]
    assert inside, f"no {command} runs"
    os.kill(inside[-1], signal.SIGTERM)
    until(lambda: not program.running, f"{command} ends", seconds=20)
    return program.code


def _below(pid: int) -> list[int]:
    """All processes that a process has started, the outer ones first."""
    # Each thread has children of its own, and a Go program starts them from any.
    told = "".join(_read(path) for path in Path(f"/proc/{pid}/task").glob("*/children"))
    found = [int(one) for one in told.split()]
    return [*found, *(deeper for one in found for deeper in _below(one))]


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text()
    return ""  # it has ended meanwhile


def _words_of(pid: int) -> str:
    line = Path(f"/proc/{pid}/cmdline")
    return line.read_bytes().replace(b"\0", b" ").decode(errors="replace") if line.exists() else ""


def seconds_of(work: object) -> float:
    """How long calling it takes."""
    began = time.monotonic()
    assert callable(work)
    work()
    return time.monotonic() - began


def _running(container: str, words: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    told = [f"--env={name}={value}" for name, value in environment.items()]
    return ["run", "--isolation=chroot", *told, container, "--", *words]


def _run(command: list[str] | tuple[str, ...], *, seconds: float) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-3000:]}"
    return done.stdout.strip()


def _cache() -> Path:
    return Path(os.environ.get("LIGHTSHIP_CACHE", REPOSITORY / ".cache")).resolve() / "image"
