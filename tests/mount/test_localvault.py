"""The commands of "How to measure" in docs/performance.md, and what they rest on."""
import json
import os
import pathlib
import re

from harness import KVFS, LOCALVAULT, ROOT, Process, closed_port, environment, eventually, ok, run


def test_a_server_and_its_settings_may_be_started_together(tmp_path):
    for i in range(5):
        state = tmp_path / f"state{i}"
        argv = [LOCALVAULT, "--state", state, "--listen", f"127.0.0.1:{closed_port()}"]
        server = Process([*argv, "--seed", "secrets=20"], tmp_path, f"server{i}")
        try:
            settings = ok(*argv, "--print-env")
            eventually(lambda: "\n" in server.out or not server.is_running(), "the server is ready")
            ready = json.loads(server.out)
            server.child.terminate()
            assert server.wait() == 0
        finally:
            server.kill()
        for name in ("tenant", "client_id", "ca"):
            assert f"={ready[name]}\n" in settings
        assert f"AZURE_CLIENT_SECRET={(state / 'secret').read_text().strip()}\n" in settings
        assert ok(*argv, "--print-env") == settings


def test_the_settings_have_the_port_of_the_server_that_runs(tmp_path):
    argv = [LOCALVAULT, "--state", tmp_path / "state"]
    server = Process([*argv, "--listen", "127.0.0.1:0"], tmp_path, "server")
    try:
        eventually(lambda: "\n" in server.out or not server.is_running(), "the server is ready")
        place = f"https://localhost:{json.loads(server.out)['port']}/\n"
        assert place in ok(*argv, "--print-env")
        assert place in ok(*argv, "--listen", "127.0.0.1:0", "--print-env")
        assert "https://localhost:7443/\n" in ok(*argv, "--listen", "127.0.0.1:7443", "--print-env")
        server.child.terminate()
        assert server.wait() == 0
    finally:
        server.kill()
    assert "https://localhost:8443/\n" in ok(*argv, "--print-env")


def test_the_commands_of_how_to_measure_work_as_they_are_pasted(tmp_path):
    text = (ROOT / "docs/performance.md").read_text().partition("## How to measure")[2]
    script = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    assert "print-env" in script and "rsync" in script
    # Where they are run, the folder and the port are this test's own.
    script = script.replace("/tmp/", f"{tmp_path}/").replace("build/kvfs", KVFS).replace("build/localvault", LOCALVAULT)
    script = script.replace("--vault test", f"--vault test --listen 127.0.0.1:{closed_port()}")
    result = run("bash", "-c", f"set -em\n{script}", env=environment(XDG_CACHE_HOME=tmp_path / "cache"), cwd=tmp_path)
    assert result.code == 0, result
    assert len(list(pathlib.Path(tmp_path / "archive/secrets").iterdir())) == 400
    assert re.search(r'"backup":\{"200":400', result.out), result
    assert not os.path.ismount(tmp_path / "vault")
