"""Completion of command lines in the real shells: bash and zsh on a terminal, fish by its own `complete -C`."""
import os
import pty
import select
import shutil
import subprocess
import time

import pytest

from harness import KVFS, ROOT, SLOW, run

SCRIPTS = ROOT / "contrib/completion"


@pytest.fixture
def place(tmp_path):
    """A home with a configuration file, and a kvfs that completes and otherwise prints its arguments."""
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/kvfs.conf").write_text("[estate]\nvaults = a b\n[estate/a]\nrate = 5\n[test]\nvault = t\n")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/kvfs"
    program.write_text(f'#!/bin/sh\n[ "$1" = complete ] && exec {KVFS} "$@"\nprintf "GOT"; printf "<%s>" "$@"; echo END\n')
    program.chmod(0o755)
    (tmp_path / "work").mkdir()
    (tmp_path / "work/ca file.pem").write_text("")
    (tmp_path / "work/unique-folder").mkdir()
    return tmp_path


def environment(place):
    return {"PATH": f"{place}/bin:{os.environ['PATH']}", "HOME": str(place), "ZDOTDIR": str(place), "TERM": "dumb",
            "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(place / ".config"), "XDG_DATA_HOME": str(place / "data")}


def start_bash(place):
    (place / "rc").write_text(f"PS1='READY> '\nbind 'set enable-bracketed-paste off'\nsource {SCRIPTS}/kvfs.bash\n")
    return ["bash", "--noprofile", "--rcfile", place / "rc", "-i"]


def start_zsh(place):
    (place / ".zshrc").write_text(f"PS1='READY> '\nunset zle_bracketed_paste\nfpath=({SCRIPTS} $fpath)\n"
                                  "autoload -Uz compinit\ncompinit -u -d $HOME/dump\nunsetopt list_beep\n")
    return ["zsh", "-d", "-i"]


class Terminal:
    """A shell on a pseudo-terminal."""

    def __init__(self, argv, place):
        self.master, slave = pty.openpty()
        self.child = subprocess.Popen([str(a) for a in argv], stdin=slave, stdout=slave, stderr=slave, cwd=place / "work",
                                      env=environment(place), start_new_session=True)
        os.close(slave)
        self.text = ""

    def until(self, word, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while word not in self.text:
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], f"no {word!r}: {self.text!r}"
            self.text += os.read(self.master, 4096).decode(errors="replace")
        return self.text

    def type(self, line):
        """Type a line with tabs in it; the arguments that the program got."""
        self.text = ""
        # A tab is completed with what was read so far, so the end of the line comes after it in any case.
        os.write(self.master, line.encode() + b"\r")
        return self.until("END\r\n").partition("GOT")[2].partition("END")[0].strip("<>").split("><")

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.master)


@pytest.fixture(params=["bash", "zsh"])
def terminal(request, place):
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    t = Terminal({"bash": start_bash, "zsh": start_zsh}[request.param](place), place)
    t.until("READY> ")
    yield t
    t.close()


LINES = [
    ("kvfs umo\t", ["umount"]),
    ("kvfs help veri\t", ["help", "verify"]),
    ("kvfs --print\t", ["--print-config"]),
    ("kvfs -o list_t\t7", ["-o", "list_ttl=7"]),
    ("kvfs -o ro,size=o\t", ["-o", "ro,size=open"]),
    ("kvfs -o auth=env:manag\t", ["-o", "auth=env:managed"]),
    ("kvfs -o cacert=ca\t", ["-o", "cacert=ca file.pem"]),
    ("kvfs esta\t", ["estate"]),
    ("kvfs mount -o ro tes\tuniq\t", ["mount", "-o", "ro", "test", "unique-folder/"]),
    ("kvfs byok wr\t--ke\t", ["byok", "wrap", "--ke"]),
    ("kvfs restore -m ca\tuniq\t", ["restore", "-m", "ca file.pem", "unique-folder/"]),
]


@pytest.mark.parametrize("line, words", LINES, ids=[line.strip() for line, _ in LINES])
def test_a_tab_completes(terminal, line, words):
    # zsh takes back the '/' of a directory at the end of the line
    assert [w.rstrip("/") for w in terminal.type(line)] == [w.rstrip("/") for w in words]


def fish(place, line):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    result = run("fish", "--no-config", "-c", f"source {SCRIPTS}/kvfs.fish; complete -C {line!r}", cwd=place / "work",
                 env=environment(place))
    assert result.code == 0 and result.err == "", result
    return [row.partition("\t")[0] for row in result.out.splitlines()]


@pytest.mark.parametrize("line, words", [
    ("kvfs umo", ["umount"]), ("kvfs help veri", ["verify"]), ("kvfs -o list_t", ["list_ttl="]),
    ("kvfs -o ro,size=o", ["ro,size=open"]), ("kvfs -o cacert=ca", ["cacert=ca file.pem"]), ("kvfs esta", ["estate"]),
    ("kvfs -o ro estate uniq", ["unique-folder/"]), ("kvfs byok ", ["kek", "show", "wrap"])])
def test_fish_offers_the_same(place, line, words):
    assert sorted(fish(place, line)) == words


def test_mount_points_are_offered_for_what_needs_one(vault, mount):
    m = mount(vault)
    for words in (["umount"], ["status"], ["verify", "archive"], ["plan", "archive"], ["restore", "-j", "9", "archive"]):
        result = run(KVFS, "complete", "--", *words, str(m.path)[:-2])
        assert result.out == f"{m.path}\n", result
