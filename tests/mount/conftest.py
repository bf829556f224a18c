"""Fixtures: `vault(...)` and `mount(...)`, both ended and checked after each test."""
import shutil
import signal

import pytest

import harness

# Who starts the tests may ignore these, as nohup and a shell without job control do. A handler is not inherited by
# programs as "ignored" is: for the tests nothing changes, and what they start has the default.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def programs():
    for program in (harness.KVFS, harness.LOCALVAULT):
        assert shutil.which(program), f"{program} is not there: run make first"


@pytest.fixture(autouse=True)
def watchdog(request):
    mark = request.node.get_closest_marker("seconds")
    dog = harness.Watchdog(mark.args[0] if mark else 120)
    yield dog
    dog.stop()


@pytest.fixture(scope="session")
def protection_key(tmp_path_factory):
    """One key for the blobs of all local vaults: it is made by the first of them, and that takes a while."""
    return tmp_path_factory.mktemp("protection") / "key.pem"


@pytest.fixture
def vaults(tmp_path, watchdog, protection_key):
    """A function that starts a local vault: names, seed="keys=2,secrets=3,vault=NAME", further options."""
    started = []

    def start(*names, seed=None, options=(), listen="127.0.0.1:0"):
        options = ["--protection-key", protection_key, *options]
        vault = harness.Vault(tmp_path / f"vault{len(started)}", *names, seed=seed, options=options, listen=listen)
        started.append(vault)
        watchdog.processes.append(vault.process)
        return vault

    yield start
    for vault in started:
        vault.stop()


@pytest.fixture
def vault(vaults):
    """One small vault: 3 EC keys, 4 secrets, 2 certificates, two versions of each."""
    return vaults("first", seed="keys=3,secrets=4,certificates=2,versions=2")


@pytest.fixture
def mount(tmp_path, watchdog):
    """A function that mounts: the local vault, then -o options; name= another of its vaults, env= changes.

    rate is high, so that tests are not slowed down by pacing; None is kvfs's own. again= is a mount that
    has ended: the new one is where that one was. targets= are vaults, instead of one.
    """
    mounts = []

    def start(vault, *options, name=None, url=None, env=None, wait=True, rate=400, again=None, targets=None):
        args = []
        for option in (f"cacert={vault.ca}", *([f"rate={rate}"] if rate else []), *options):
            args += ["-o", option]
        targets = targets or [url or vault.urls[name or vault.name]]
        changes = {"XDG_CACHE_HOME": tmp_path / "cache", **(env or {})}
        m = harness.Mount(again.directory if again else tmp_path / f"mount{len(mounts)}", [*args, *targets],
                          harness.environment(vault, **changes))
        mounts.append(m)
        watchdog.processes.append(m.process)
        return m.wait_until_mounted() if wait else m

    yield start
    try:
        for m in mounts:
            if not m.is_ended and m.process.is_running() and harness.is_mounted(m.path):
                m.unmount(signal.SIGTERM)
    finally:
        for m in mounts:
            m.discard()


def pytest_configure(config):
    config.addinivalue_line("markers", "seconds(n): the test may take so long (120 without it)")
