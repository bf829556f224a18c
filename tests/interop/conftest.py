"""A local vault for a suite, a kvfs mount where a test asks for it, and what both sides call a condition that comes."""
import contextlib
import os
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sdk"))


def eventually(condition, what, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def mounted(url, point, ca, *options, env=None):
    """kvfs on an empty directory, with a cache of its own: what one mount has learnt is not the next one's."""
    point.mkdir(exist_ok=True)
    argv = [os.environ["KVFS"], "-f"]
    for option in (f"cacert={ca}", *options):
        argv += ["-o", option]
    log = point.with_suffix(".log")
    env = {**(env or os.environ), "XDG_CACHE_HOME": str(point.with_suffix(".cache"))}
    with open(log, "wb") as err:
        child = subprocess.Popen([*argv, url, point], stderr=err, env=env)
    try:
        def ready():
            assert child.poll() is None, log.read_text()
            return any(f" {point} fuse" in line for line in open("/proc/self/mounts", encoding="utf-8"))
        eventually(ready, "the mount", 60)
        yield log
        subprocess.run(["fusermount3", "-u", point], check=True)
        assert child.wait(30) == 0, log.read_text()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        subprocess.run(["fusermount3", "-uz", point], check=False, capture_output=True)


@pytest.fixture(scope="session")
def vault():
    from local_vault import LocalVault

    with LocalVault("--vault", "first", "--vault", "second", "--lag", "300", "--page", "10",
                    "--imds", "127.0.0.1:0") as v:
        yield v
    assert v.status == 0
