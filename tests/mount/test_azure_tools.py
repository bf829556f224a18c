"""What docs/azure-tools.md says of cp and ls in the place of Azure PowerShell's parameters."""
from harness import ok, run


def test_a_pattern_of_the_shell_takes_the_place_of_a_pipeline(vault, mount, tmp_path):
    for name in ("web-1", "web-2"):
        vault.create_key(name)
    m = mount(vault)
    ok("bash", "-c", f"cp {m.path}/keys/web-*.blob {tmp_path}/")
    assert {x.name for x in tmp_path.glob("*.blob")} == {"web-1.blob", "web-2.blob"}


def test_ls_lists_without_a_backup_as_whatif(vault, mount):
    m = mount(vault)
    vault.reset()
    assert ok("ls", "-l", m / "keys")
    assert vault.count("backup") == 0


def test_cp_keeps_asks_or_overwrites_as_it_is_told(vault, mount, tmp_path):
    m = mount(vault)
    name = f"{vault.list('secrets')[0]}.blob"
    copy = tmp_path / name
    copy.write_text("older")
    source = m / "secrets" / name
    ok("cp", "-n", source, copy)
    assert copy.read_text() == "older"
    run("cp", "-i", source, copy, stdin="n\n")
    assert copy.read_text() == "older"
    ok("cp", "--backup=numbered", source, copy)
    assert (tmp_path / f"{name}.~1~").read_text() == "older" and copy.stat().st_size > 1000
    copy.write_text("older")
    ok("cp", source, copy)
    assert copy.stat().st_size > 1000
