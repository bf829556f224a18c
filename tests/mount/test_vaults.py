"""Several vaults in one mount."""
import json
import os
import pathlib
import re
import signal
import threading
import time

import pytest

from harness import KVFS, closed_port, environment, errno_of, eventually, fails, is_mounted, ok, run

NAMES = ("prod-eu", "prod-us", "third", "fourth")


@pytest.fixture
def four(vaults):
    """Four vaults of one service, with 6 secrets each and a key in the first."""
    vault = vaults(*NAMES, seed="keys=1")
    for name in NAMES:
        for i in range(6):
            vault.set_secret(f"{name}-{i}", vault=name)
    vault.reset()
    return vault


def targets_of(vault, *names):
    return [vault.urls[name] for name in names or NAMES]


def status_of(path):
    return json.loads(ok("cat", pathlib.Path(path) / ".kvfs" / "status"))


def summary_of(m, folder):
    return next(v for v in status_of(m.path)["vaults"] if v["folder"] == folder)


def inodes(m):
    out = ok("find", m.path, "-printf", "%P %i\n")
    return dict(line.rsplit(" ", 1) for line in out.splitlines())


# The tree.


def test_each_vault_is_a_folder_with_all_that_its_own_mount_has(four, mount):
    m = mount(four, targets=targets_of(four))
    assert ok("ls", "-U", m.path).split() == list(NAMES)
    assert ok("ls", "-A", m.path).split() == sorted(NAMES)
    for name in NAMES:
        assert sorted(ok("ls", m / name).split()) == ["certificates", "keys", "restore", "secrets"]
        assert sorted(m.names(f"{name}/secrets")) == [f"{name}-{i}.blob" for i in range(6)]
        blob = (m / name / "secrets" / f"{name}-0.blob").read_bytes()
        assert four.backup("secrets", f"{name}-0", vault=name)[:100] == blob[:100]
    assert len(m.names("prod-eu/keys")) == 1
    m.unmount()


def test_nothing_can_be_written_above_the_vaults(four, mount):
    m = mount(four, targets=targets_of(four))
    assert errno_of("mkdir", m / "fifth") == "EACCES"
    assert errno_of("create", m / "file") == "EACCES"
    assert errno_of("rmdir", m / "third") == "EACCES"
    assert errno_of("rename", m / "third", m / "new") == "EACCES"
    assert errno_of("stat", m / "fifth") == "ENOENT"
    assert errno_of("stat", m / "keys") == "ENOENT"
    m.unmount()


def test_the_numbers_of_inodes_are_unlike_and_stay_whatever_vaults_are_added(four, mount):
    m = mount(four, targets=targets_of(four, "prod-us", "third"))
    first = inodes(m)
    assert len(set(first.values())) == len(first)
    m.unmount()
    m = mount(four, targets=targets_of(four, "fourth", "third", "prod-us"), again=m)
    second = inodes(m)
    assert len(set(second.values())) == len(second)
    assert {name: second[name] for name in first if name} == {name: ino for name, ino in first.items() if name}
    m.unmount()
    m = mount(four, "each", targets=targets_of(four, "third"), again=m)
    third = inodes(m)
    assert {name: first[name] for name in third if name} == {name: ino for name, ino in third.items() if name}
    assert all(0 < int(ino) < 2**63 for ino in second.values())
    m.unmount()


def test_vaults_with_the_same_credentials_need_one_token(four, mount):
    m = mount(four, targets=targets_of(four))
    assert four.count("token", 200) == 1
    assert len(m.names("fourth/secrets")) == 6
    m.unmount()


def test_one_vault_without_a_folder_is_as_ever(four, mount):
    m = mount(four, targets=targets_of(four, "third"))
    assert sorted(ok("ls", m.path).split()) == ["certificates", "keys", "restore", "secrets"]
    assert int(inodes(m)["secrets/third-0.blob"]) < 2**48
    assert "vaults" not in status_of(m.path)
    m.unmount()


def test_names_of_ones_own(four, mount):
    eu, us = targets_of(four, "prod-eu", "prod-us")
    m = mount(four, targets=[f"eu={eu}", f"US.1={us}"])
    assert ok("ls", "-U", m.path).split() == ["eu", "US.1"]
    assert m.names("US.1/secrets")
    m.unmount()


# Archives and restores.


def test_an_archive_of_all_is_whole_and_the_next_costs_no_backup(vaults, mount, tmp_path):
    options = [word for name in NAMES[1:] for word in ("--seed", f"secrets=6,vault={name}")]
    vault = vaults(*NAMES, seed="keys=1,secrets=6", options=options)
    m = mount(vault, targets=targets_of(vault))
    archive = tmp_path / "archive"
    ok("rsync", "-a", f"{m.path}/", archive)
    assert len([p for p in archive.rglob("secrets/*.blob")]) == 24
    vault.reset()
    ok("rsync", "-a", f"{m.path}/", archive)
    assert vault.count("backup") == 0
    m.unmount()
    m = mount(vault, targets=targets_of(vault), again=m)
    ok("rsync", "-a", f"{m.path}/", archive)
    assert vault.count("backup") == 0
    m.unmount()


def test_a_copy_from_one_vault_into_another_restores(four, mount):
    m = mount(four, targets=targets_of(four, "prod-eu", "third"))
    ok("cp", "-r", m / "prod-eu" / "secrets", m / "third" / "restore")
    assert sorted(four.list("secrets", "third")) == sorted(
        [f"prod-eu-{i}" for i in range(6)] + [f"third-{i}" for i in range(6)])
    assert "prod-eu-3.blob" in m.names("third/secrets")
    assert status_of(m / "third")["files"]["restored"] == 6
    assert status_of(m / "prod-eu")["files"]["restored"] == 0
    assert status_of(m.path)["files"]["restored"] == 6
    m.unmount()


def test_a_move_from_one_vault_into_another_fails_and_loses_nothing(four, mount, tmp_path):
    m = mount(four, targets=targets_of(four, "prod-eu", "third"))
    fails("mv", m / "prod-eu" / "secrets" / "prod-eu-0.blob", m / "third" / "restore")
    fails("mv", m / "prod-eu" / "secrets", m / "third" / "restore")
    assert sorted(four.list("secrets", "prod-eu")) == [f"prod-eu-{i}" for i in range(6)]
    assert sorted(m.names("prod-eu/secrets")) == [f"prod-eu-{i}.blob" for i in range(6)]
    assert errno_of("rename", m / "prod-eu" / "restore" / "secrets", m / "third" / "restore" / "x") == "EXDEV"
    m.unmount()


def test_the_end_waits_for_the_restores_of_every_vault(four, mount, tmp_path):
    m = mount(four, targets=targets_of(four))
    ok("cp", "-r", m / "prod-eu" / "secrets", tmp_path / "kept")
    four.fault(operation="restore", action="delay", delay_ms=5000)
    threads = [threading.Thread(target=run, args=("cp", tmp_path / "kept" / "prod-eu-0.blob", m / name / "restore"))
               for name in ("third", "fourth")]
    for t in threads:
        t.start()
    eventually(lambda: all(any(r["in_flight"] > 0 for r in status_of(m / n)["rates"]) for n in ("third", "fourth")),
               "both restores are under way")
    m.unmount(signal.SIGTERM)
    for t in threads:
        t.join()
    assert "prod-eu-0" in four.list("secrets", "third")
    assert "prod-eu-0" in four.list("secrets", "fourth")


# One that fails.


def test_a_vault_that_is_away_is_a_warning_and_fails_until_it_is_back(four, mount):
    four.fault(vault="third", status=503)
    m = mount(four, targets=targets_of(four))
    assert m.line(event="away")["folder"] == "third"
    log = ok("cat", m / ".kvfs" / "log")
    assert re.findall(r"vault=([\w-]+)\S* event=mounted_away errno=EIO ", log) == ["third"]
    assert set(re.findall(r"vault=([\w-]+)\S* event=mounted ", log)) == set(NAMES) - {"third"}
    assert errno_of("list", m / "third") == "EIO"
    assert errno_of("stat", m / "third" / "secrets") == "EIO"
    assert errno_of("stat", m / "third" / "restore") == "EIO"
    assert errno_of("stat", m / "third" / "nothing") == "EIO"
    assert errno_of("stat", m / "third") == "0"
    assert len(m.names("prod-us/secrets")) == 6
    assert summary_of(m, "third")["failure"] == "EIO"
    assert summary_of(m, "fourth")["failure"] is None
    assert errno_of("read", m / ".kvfs" / "manifest") == "EIO"
    assert status_of(m / "third")["vault"].startswith("third.")
    assert run("rsync", "-a", f"{m.path}/", m.directory / "archive").code != 0
    assert len(list((m.directory / "archive").rglob("*.blob"))) == 19
    four.clear()
    m.process.child.send_signal(signal.SIGHUP)
    m.line(event="back")
    assert len(m.names("third/secrets")) == 6
    assert summary_of(m, "third")["failure"] is None
    m.unmount()


def test_of_a_vault_that_is_away_the_directories_that_are_not_listed_fail_too(four, mount):
    four.fault(vault="third", status=503)
    m = mount(four, targets=targets_of(four))
    assert errno_of("list", m / "third" / "import") == "EIO"
    assert errno_of("list", m / "third" / "deleted") == "EIO"
    assert errno_of("list", m / "third" / "deleted" / "secrets") == "EIO"
    m.unmount()


def test_a_vault_that_is_away_comes_back_by_itself(four, mount):
    four.fault(vault="third", status=503)
    m = mount(four, targets=targets_of(four))
    four.clear()
    eventually(lambda: m.lines(event="back"), "the vault is back", 20)
    assert len(m.names("third/secrets")) == 6
    m.unmount()


def test_a_hangup_probes_a_vault_anew_while_its_probe_hangs(four, mount):
    four.fault(operation="list", vault="third", refusal="rbac")
    m = mount(four, targets=targets_of(four))
    four.clear()
    four.reset()
    four.fault(operation="list", type="secrets", vault="third", action="stall", count=1)
    eventually(lambda: four.count("list", 200, vault="third") == 2, "the probe hangs", 20)
    m.process.child.send_signal(signal.SIGHUP)
    eventually(lambda: m.lines(event="back"), "the vault is back", 10)
    assert len(m.names("third/secrets")) == 6
    m.unmount()


def test_the_start_says_which_vault_cannot_be_used(four, tmp_path):
    point = tmp_path / "point"
    point.mkdir()
    away = f"https://away.vault.localhost:{closed_port()}"
    started = run(KVFS, "-o", f"cacert={four.ca},cache_dir={tmp_path}/cache", *targets_of(four, "third"), away, point,
                  env=environment(four))
    try:
        assert started.code == 0
        assert started.err.startswith("kvfs: warning: away/ cannot be used yet: away.vault.localhost:")
        assert started.err.count("\n") == 1
        assert errno_of("list", point / "away") == "ECONNREFUSED"
        assert len(ok("ls", point / "third" / "secrets").split()) == 6
    finally:
        ok("fusermount3", "-u", point)


def test_if_none_can_be_used_the_start_fails(four, tmp_path):
    point = tmp_path / "point"
    point.mkdir()
    four.fault(operation="list", vault="third", refusal="rbac")
    away = f"https://away.vault.localhost:{closed_port()}"
    failed = fails(KVFS, "-o", f"cacert={four.ca},cache_dir={tmp_path}/cache", away, *targets_of(four, "third"), point,
                   env=environment(four))
    assert failed.err.startswith("kvfs: none of the 2 vaults can be used; third/: no permission to list")
    assert failed.err.count("\n") == 1
    assert not is_mounted(point)


def test_with_retry_the_start_waits_until_one_can_be_used(four, mount):
    four.fault(status=503)
    m = mount(four, "retry=60", targets=targets_of(four, "prod-us", "third"), wait=False)
    eventually(lambda: len(m.lines(event="waiting")) == 2, "it waits", 30)
    assert not is_mounted(m.path)
    four.clear()
    four.fault(status=503, vault="third")
    m.wait_until_mounted()
    assert len(m.names("prod-us/secrets")) == 6
    assert errno_of("list", m / "third") == "EIO"
    m.unmount()


def test_a_signal_ends_a_start_that_waits(four, mount):
    four.fault(status=503)
    m = mount(four, "retry=60", targets=targets_of(four), wait=False)
    eventually(lambda: m.lines(event="waiting"), "it waits", 30)
    m.process.child.send_signal(signal.SIGTERM)
    assert m.process.wait() == 1
    assert "ended by a signal" in m.process.err
    assert not is_mounted(m.path)
    m.is_ended = True


def test_a_refusing_vault_is_away_and_the_others_work(four, mount):
    four.fault(operation="list", vault="prod-us", refusal="rbac")
    m = mount(four, targets=targets_of(four))
    assert errno_of("list", m / "prod-us") == "EACCES"
    assert "no permission to list" in m.line(event="away")["why"]
    assert len(m.names("third/secrets")) == 6
    m.unmount()


def test_a_vault_that_hangs_holds_up_no_other(four, mount):
    m = mount(four, "timeout=60", targets=targets_of(four))
    four.fault(vault="third", action="stall")
    reading = [threading.Thread(target=run, args=("cat", m / "third" / "secrets" / f"third-{i}.blob")) for i in range(6)]
    for t in reading:
        t.start()
    eventually(lambda: sum(r["in_flight"] for r in status_of(m / "third")["rates"]) >= 6, "six reads hang")
    start = time.monotonic()
    for name in ("prod-eu", "prod-us", "fourth"):
        ok("cat", *sorted((m / name / "secrets").glob("*")))
    assert ok("ls", m.path).split() == sorted(NAMES)
    ok(KVFS, "status", m.path)
    ok(KVFS, "status", m / "third")
    assert time.monotonic() - start < 20
    assert summary_of(m, "prod-eu")["backed_up"] == 6
    m.unmount(signal.SIGTERM)
    for t in reading:
        t.join()


def test_a_429_of_one_vault_slows_down_only_that_one(four, mount):
    m = mount(four, targets=targets_of(four), rate=None)
    four.fault(operation="backup", vault="third", status=429)
    reading = threading.Thread(target=run, args=("cat", m / "third" / "secrets" / "third-0.blob"))
    reading.start()
    eventually(lambda: any(r["closed"] for r in status_of(m / "third")["rates"]), "the class of the vault is closed")
    for name in ("prod-eu", "prod-us", "fourth"):
        ok("cat", *sorted((m / name / "secrets").glob("*")))
        assert not any(r["closed"] for r in status_of(m / name)["rates"])
    four.clear()
    reading.join()
    m.unmount()


# What it reports.


def test_the_status_sums_up_and_names_each_vault(four, mount):
    m = mount(four, targets=targets_of(four))
    ok("cat", *sorted((m / "prod-eu" / "secrets").glob("*")))
    for name in NAMES:
        m.names(f"{name}/keys"), m.names(f"{name}/certificates")
    status = status_of(m.path)
    assert [v["folder"] for v in status["vaults"]] == list(NAMES)
    assert status["objects"]["secrets"]["shown"] == 24
    assert status["objects"]["secrets"]["backed_up"] == 6
    lists = {(r["operation"], r["status"]): r["count"] for r in status["requests"]}
    assert lists["backup", 200] == 6
    assert len(lists) == len(status["requests"])
    assert {r["class"] for r in status["rates"]} >= {"all"}
    text = ok(KVFS, "status", m.path)
    assert text.startswith("4 vaults, mounted for ")
    assert "prod-eu.vault.localhost" in text
    assert ok(KVFS, "status", m / "third").startswith("third.vault.localhost")
    assert "is mounted" in fails(KVFS, "status", m / "third" / "secrets").err
    assert "No such file" in fails(KVFS, "status", m / "fifth").err
    m.unmount()


@pytest.mark.seconds(120)
def test_the_manifest_of_all_vaults_is_whole_although_one_was_waited_for_longer_than_another_list_serves(vaults, mount):
    vault = vaults("quick", "slow", seed="secrets=250")
    for i in range(250):
        vault.set_secret(f"s-{i}", vault="slow")
    vault.fault(operation="list", type="secrets", vault="slow", action="delay", delay_ms=2600)
    m = mount(vault, "types=secrets", "list_ttl=10", targets=targets_of(vault, "quick", "slow"))
    heads = [line for line in map(json.loads, ok("cat", m / ".kvfs/manifest", seconds=100).splitlines()) if "objects" in line]
    assert [(head["folder"], head["objects"]) for head in heads] == [("quick", 250), ("slow", 250)]
    m.unmount()


def test_metrics_manifest_and_skipped_name_the_vault(four, mount):
    m = mount(four, targets=targets_of(four))
    four.create_certificate("web", vault="third")
    for name in NAMES:
        ok("ls", "-1", *(m / name / t for t in ("keys", "secrets", "certificates")))
    lines = ok("cat", m / ".kvfs" / "metrics").splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert all("{vault=\"" in row for row in rows if not row.startswith("kvfs_total"))
    assert len(rows) == len({row.rsplit(" ", 1)[0] for row in rows}), "a row twice"
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert "vault=" not in ok("cat", m / "third" / ".kvfs" / "metrics")
    manifest = [json.loads(line) for line in ok("cat", m / ".kvfs" / "manifest").splitlines()]
    assert {line["folder"] for line in manifest} == set(NAMES)
    assert sum(line.get("objects", 0) for line in manifest) == len(manifest) - 4
    assert all("folder" not in json.loads(line)
               for line in ok("cat", m / "third" / ".kvfs" / "manifest").splitlines())
    m.unmount()


def test_a_vaults_log_leaves_out_the_others(four, mount):
    m = mount(four, targets=targets_of(four))
    four.fault(operation="backup", refusal="rbac", count=2)
    fails("cat", m / "third" / "secrets" / "third-0.blob")
    fails("cat", m / "fourth" / "secrets" / "fourth-0.blob")
    log = ok("cat", m / "third" / ".kvfs" / "log")
    assert "secrets/third-0" in log and "secrets/fourth-0" not in log
    log = ok("cat", m / ".kvfs" / "log")
    assert "secrets/third-0" in log and "secrets/fourth-0" in log
    assert len(status_of(m / "third")["failures"]) == 1
    m.unmount()


# The configuration file.


def write_config(path, text):
    path.mkdir(exist_ok=True)
    (path / "kvfs.conf").write_text(text)
    return {"XDG_CONFIG_HOME": path}


def test_a_section_gives_each_vault_credentials_of_its_own(vaults, mount, tmp_path):
    other, secret = "11111111-2222-3333-4444-555555555555", tmp_path / "other-secret"
    secret.write_text("a" + "0" * 30)
    secret.chmod(0o600)
    vault = vaults("prod-eu", "prod-us", seed="secrets=3", options=("--principal", f"{other}:{secret}:secrets=list,backup"))
    vault.set_secret("over-there", vault="prod-us")
    env = write_config(tmp_path / "config", f"""
[estate]
vaults = {vault.urls['prod-eu']}, us={vault.urls['prod-us']}

[estate/us]
client_id = {other}
client_secret_file = "{secret}"   # of another application
tenant = {vault.tenant}
types = secrets
""")
    m = mount(vault, targets=["estate"], env={**env, "AZURE_CLIENT_SECRET": vault.secret})
    assert ok("ls", "-U", m.path).split() == ["prod-eu", "us"]
    assert sorted(ok("ls", m / "us").split()) == ["restore", "secrets"]
    assert m.names("us/secrets") == ["over-there.blob"]
    ok("cat", m / "us" / "secrets" / "over-there.blob")
    refused = run("cp", m / "us" / "secrets" / "over-there.blob", m / "us" / "restore")
    assert refused.code != 0  # it may not restore
    ok("cp", m / "us" / "secrets" / "over-there.blob", m / "prod-eu" / "restore")
    printed = ok(KVFS, "--print-config", "estate", env=environment(vault, **env))
    assert f"# {tmp_path}/config/kvfs.conf line 6" in printed
    assert "# us/" in printed and vault.secret not in printed and "a0000" not in printed
    secret.write_text("b" + "0" * 30)
    m.process.child.send_signal(signal.SIGHUP)
    eventually(lambda: len(m.lines(event="reloaded")) == 2, "both are reloaded")
    m.unmount()


def mount_sections(mount, vault, tmp_path, text, *options):
    """Two vaults, eu and us; text is sections of the vaults."""
    vaults = f"[estate]\nvaults = eu={vault.urls['prod-eu']}, us={vault.urls['prod-us']}\n"
    return mount(vault, *options, targets=["estate"], env=write_config(tmp_path / "config", vaults + text))


def test_dry_run_in_the_section_of_a_vault_is_in_its_status_and_refuses_a_restore(vaults, mount, tmp_path):
    vault = vaults("prod-eu", "prod-us", seed="secrets=3,vault=prod-eu")
    m = mount_sections(mount, vault, tmp_path, "[estate/us]\ndry_run\n")
    ok("cp", "-a", m / "eu/secrets", tmp_path / "secrets")
    result = run(KVFS, "restore", tmp_path / "secrets", m / "us")
    assert result.code == 2 and "dry_run" in result.err and result.out == "", result
    assert vault.count("restore") == 0
    assert [status_of(m / name)["dry_run"] for name in ("eu", "us")] == [False, True]
    status = status_of(m.path)
    assert status["dry_run"] and [v["dry_run"] for v in status["vaults"]] == [False, True]


def test_ro_in_the_section_of_a_vault_refuses_everything_that_changes_it(vaults, mount, tmp_path):
    vault = vaults("prod-eu", "prod-us", seed="secrets=1")
    vault.set_secret("one", vault="prod-us")
    vault.delete("secrets", "one", vault="prod-us")
    m = mount_sections(mount, vault, tmp_path, "[estate/us]\nro\n")
    assert errno_of("rename", m / "us/deleted/secrets/one", m / "us/secrets/one") == "EROFS"
    for folder in ("restore", "import"):
        assert errno_of("stat", m / "us" / folder) == "ENOENT"
        assert (m / "eu" / folder).is_dir()
    assert vault.count("recover") == vault.count("restore") == 0


def test_archivers_in_the_section_of_a_vault_count_in_that_vault(vaults, mount, tmp_path):
    """And dry_run there forbids the backups that they would be."""
    vault = vaults("prod-eu", "prod-us", seed="secrets=3")
    vault.set_secret("one", vault="prod-us")
    m = mount_sections(mount, vault, tmp_path,
                       "[estate/eu]\ndry_run\narchivers = find\n[estate/us]\narchivers = find\n")
    ok("find", m / "eu/secrets")
    ok("find", m / "us/secrets")
    eventually(lambda: vault.count("backup", vault="prod-us") == 1, "the read-ahead")
    assert vault.count("backup", vault="prod-eu") == 0


def test_a_reload_that_fails_says_of_each_vault_only_what_is_its_own(vaults, mount, tmp_path):
    vault = vaults("prod-eu", "prod-us", seed="secrets=1")
    secret, bundle = tmp_path / "secret", tmp_path / "bundle.pem"
    secret.write_text(vault.secret)
    secret.chmod(0o600)
    bundle.write_bytes(pathlib.Path(vault.ca).read_bytes())
    m = mount_sections(mount, vault, tmp_path, f"[estate/eu]\nclient_secret_file = \"{secret}\"\n", f"cacert={bundle}")
    secret.unlink()
    bundle.write_text("damaged\n")
    m.process.child.send_signal(signal.SIGHUP)
    eu, us = eventually(lambda: len(m.lines(event="reloaded")) == 2 and m.lines(event="reloaded"), "both are reloaded")
    assert str(bundle) in eu["why"] and str(secret) in eu["why"]
    assert str(bundle) in us["why"] and str(secret) not in us["why"]


def test_max_inflight_in_the_section_of_a_vault_may_be_more_than_the_others(vaults, mount, tmp_path):
    vault = vaults("prod-eu", "prod-us", seed="secrets=1")
    m = mount_sections(mount, vault, tmp_path, "max_inflight = 2\n[estate/eu]\nmax_inflight = 20\n")
    assert [{rate["in_flight_limit"] for rate in status_of(m / name)["rates"]} for name in ("eu", "us")] == [{20}, {2}]


@pytest.mark.skipif(os.geteuid() != 0, reason="mount(8) with a table of its own needs root")
def test_a_line_of_fstab_names_a_section(four, tmp_path):
    point, kvfs = tmp_path / "point", tmp_path / "kvfs"
    point.mkdir()
    kvfs.symlink_to(KVFS)
    env = write_config(tmp_path / "config", f"cacert = {four.ca}\n[estate]\nvaults = {' '.join(targets_of(four))}\n")
    config = tmp_path / "config" / "kvfs.conf"
    (tmp_path / "fstab").write_text(f"estate {point} fuse.{kvfs} ro,config={config} 0 0\n")
    env = environment(four, **env, XDG_CACHE_HOME=tmp_path / "cache")
    try:
        ok("mount", "-T", tmp_path / "fstab", "-a", env=env)
        ok("mount", "-T", tmp_path / "fstab", "-a", env=env)
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            assert [line.split()[0] for line in mounts if line.split()[1] == str(point)] == ["estate"]
        assert ok("ls", point).split() == sorted(NAMES)
        assert ok("ls", point / "third").split() == ["certificates", "keys", "secrets"]
    finally:
        ok("umount", point)


def test_a_doubled_key_is_a_warning_of_the_start(four, tmp_path):
    env = write_config(tmp_path / "config", f"[one]\nvault = {four.url}\nrate = 100\nrate = 50\n")
    printed = run(KVFS, "--print-config", "one", env=environment(four, **env))
    assert printed.code == 0
    assert printed.err == (f"kvfs: warning: {tmp_path}/config/kvfs.conf line 4: rate is given a second time, and ignored "
                           f"({tmp_path}/config/kvfs.conf line 3)\n")
    assert any(line.split()[:2] == ["rate", "100"] for line in printed.out.splitlines())


@pytest.mark.parametrize("arguments, sentence", [
    (["{eu}", "/tmp", "{point}"], "'/tmp' is a path, and '"),
    (["{eu}", "{us}"], "the mount point is missing: '"),
    (["{eu}", "{eu}", "{point}"], "two vaults are called 'prod-eu'"),
    (["a={eu}", "b={eu}", "{point}"], "a and b are the same vault"),
    (["prod_eu", "{us}", "{point}"], "'prod_eu' is not the name of a vault"),
    ([".kvfs={us}", "{point}"], "'.kvfs' cannot be the name of a vault's folder"),
])
def test_what_cannot_be_meant_is_one_sentence(four, tmp_path, arguments, sentence):
    point = tmp_path / "point"
    point.mkdir()
    eu, us = targets_of(four, "prod-eu", "prod-us")
    failed = fails(KVFS, *(a.format(eu=eu, us=us, point=point) for a in arguments), env=environment(four))
    assert failed.err.startswith("kvfs: ") and sentence in failed.err and failed.err.count("\n") == 1, failed
    assert not is_mounted(point)
