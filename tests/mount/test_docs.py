"""README and docs: every command that they show is run by a test, or marked as one that is run by hand.

The line before a block of code is a comment: <!-- run --> (here, in one shell for each page), <!-- run by TEST -->,
<!-- by hand: WHY -->, or <!-- output -->, which is no command.
"""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import KVFS, ROOT, TYPES, environment, is_mounted, ok, run

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MARK = re.compile(r"<!-- (run|output|by hand: .+|run by (\S+)) -->$")


def blocks(page):
    """(the mark, the lines) of each block that is indented by four blanks or more."""
    lines, mark = page.read_text().splitlines(), ""
    found, was_blank = [], True
    for line in lines:
        if line.startswith("    ") and line.strip():
            if was_blank and mark != "in":
                found.append((mark, []))
            mark = "in"
            found[-1][1].append(line.strip())
        elif line.strip():
            mark = line.strip()
        was_blank = not line.strip()
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_commands_is_run_by_a_test_or_marked(page):
    for mark, lines in blocks(page):
        match = MARK.match(mark)
        assert match, f"{page.name}: before {lines[0]!r} there is no mark, but {mark!r}"
        assert match.group(2) is None or (ROOT / match.group(2)).exists(), mark


@pytest.mark.parametrize("page", [x for x in PAGES if any(mark == "<!-- run -->" for mark, _ in blocks(x))],
                         ids=lambda page: page.name)
def test_the_commands_of_a_page_work_as_they_are_pasted(page, vaults, tmp_path):
    vault = vaults("first", "second", seed="keys=3,secrets=20,certificates=2,vault=first")
    script = "\n".join("\n".join(lines) for mark, lines in blocks(page) if mark == "<!-- run -->")
    for word, name in (("NAME", "first"), ("OTHER", "second")):
        script = re.sub(rf"\b{word}\b", vault.urls[name], script)
    home, programs = tmp_path / "home", tmp_path / "bin"
    for directory in (home / ".config", programs):
        directory.mkdir(parents=True)
    (home / ".config/kvfs.conf").write_text(f"cacert = {vault.ca}\nrate = 400\n")
    (programs / "kvfs").symlink_to(KVFS)
    # The credentials are in the environment.
    (programs / "az").write_text("#!/bin/sh\n[ \"$*\" = login ]\n")
    (programs / "az").chmod(0o755)
    env = environment(vault, HOME=home, PATH=f"{programs}:{os.environ['PATH']}")
    try:
        result = run("bash", "-ec", script, env=env, cwd=home)
    finally:
        if is_mounted(home / "vault"):
            subprocess.run(["fusermount3", "-u", home / "vault"], check=False)
    assert result.code == 0, result
    if page.name == "README.md":
        content = [[x for x in vault.dump(name) if not x["managed"]] for name in ("first", "second")]
        assert content[0] == content[1] != []


def test_the_picture_of_the_layers_has_every_module():
    page = (ROOT / "docs/architecture.md").read_text()
    picture = page.partition("┌")[2].partition("└")[0]
    modules = {path.stem for layer in ("fs", "cache", "client") for path in (ROOT / layer).rglob("*.c")}
    assert modules <= set(re.findall(r"\w+", picture)), modules - set(re.findall(r"\w+", picture))
    for path in re.findall(r"`((?:fs|cache|client|tests)/[\w/.]*\w)`", page):
        assert any((ROOT / f"{path}{end}").exists() for end in ("", ".c", ".h")), path


def test_the_sentences_of_a_failed_start_are_those_of_the_program():
    table = (ROOT / "docs/errors.md").read_text().partition("| the sentence says |")[2]
    sources = "".join(path.read_text() for layer in ("fs", "client") for path in (ROOT / layer).rglob("*.c"))
    for sentence in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE):
        for part in sentence.split("…"):
            assert part.strip() in sources, sentence


def test_the_roles_of_the_page_of_permissions_suffice(vaults, mount, tmp_path):
    """The data actions of the page's roles, as rights of the local vault's principal; nothing is refused."""
    page = (ROOT / "docs/permissions.md").read_text()
    roles = {role["Name"]: role["DataActions"]
             for role in map(json.loads, re.findall(r"<<'END'\n(.*?)\n    END", page, re.DOTALL))}
    rights = {}
    for name, actions in roles.items():
        by_type = {}
        for action in actions:
            kind, right = action.removeprefix("Microsoft.KeyVault/vaults/").removesuffix("/action").split("/")
            by_type.setdefault(kind, []).append({"read": "list", "readMetadata": "list"}.get(right, right))
        rights[name] = ";".join(f"{kind}={','.join(all_of)}" for kind, all_of in by_type.items())
    vault = vaults("first", "second", seed="keys=1,secrets=2,certificates=1,vault=first")
    vault.rights(rights["kvfs backup"])
    m = mount(vault)
    shutil.copytree(m / "keys", tmp_path / "copy/keys")
    shutil.copytree(m / "secrets", tmp_path / "copy/secrets")
    shutil.copytree(m / "certificates", tmp_path / "copy/certificates")
    m.unmount()
    vault.rights(rights["kvfs restore"])
    m = mount(vault, name="second")
    ok("cp", "-r", *(tmp_path / "copy" / kind for kind in TYPES), m / "restore")
    m.unmount()
    vault.rights("*")
    assert vault.dump("second") == vault.dump("first")
    assert vault.stats()["requests"] and not any("403" in statuses for statuses in vault.stats()["requests"].values())


@pytest.mark.parametrize("page", ["docs/nightly.md", "man/kvfs-archive.8"])
def test_a_line_for_cron_finds_the_script(page):
    """cron's own PATH is /usr/bin:/bin, and the script is in sbin."""
    lines = [line.strip() for line in (ROOT / page).read_text().splitlines()]
    at = next(i for i, line in enumerate(lines) if " root kvfs-archive " in line)
    assert lines[at - 1].startswith("PATH=")
    assert {"/usr/sbin", "/usr/local/sbin", "/usr/local/bin"} <= set(lines[at - 1].removeprefix("PATH=").split(":"))
