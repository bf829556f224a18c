"""contrib/kvfs.conf.example: every line of it, also one that is commented out, is what kvfs reads."""
import re

import pytest

from harness import KVFS, ROOT, environment, run

TEXT = (ROOT / "contrib/kvfs.conf.example").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^\[([^]/]+)\]$", TEXT, re.MULTILINE)


@pytest.fixture
def config(tmp_path):
    """The example as a file, with the files that it names."""
    (tmp_path / "us secret").write_text("a secret of the test\n")
    (tmp_path / "us secret").chmod(0o600)
    (tmp_path / "proxy-ca.pem").write_text("")

    def write(text):
        file = tmp_path / "kvfs.conf"
        file.write_text(text.replace("/etc/kvfs/", f"{tmp_path}/"))
        return file

    return write


def printed(config, section):
    result = run(KVFS, "--print-config", "-o", f"config={config}", section, env=environment())
    assert result.code == 0 and result.err == "", result
    return result.out


@pytest.mark.parametrize("section", SECTIONS)
def test_each_mount_of_the_example_is_read_as_it_is(config, section):
    assert "rate                 50" in printed(config(TEXT), section)


def test_each_line_counts_also_those_that_are_commented_out(config):
    text = re.sub(r"^#(?=[a-z])", "", TEXT, flags=re.MULTILINE)
    file = config(text)
    out = "".join(printed(file, section) for section in SECTIONS)
    for number, line in enumerate(text.splitlines(), 1):
        if line and line[0] not in "#[" and not line.startswith("vaults"):
            assert f"{file} line {number}\n" in out, f"line {number} is not in effect: {line}"
    assert "a secret of the test" not in out
