#!/usr/bin/python3
"""Draws docs/terminal.svg: what a terminal shows while a local vault is archived and restored.

    docs/terminal.py [OUTPUT]

Every line is typed into a real shell and every output is what came back. KVFS and LOCALVAULT are the programs
("make picture" sets them).
"""
import html
import json
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = 96
SEED = "keys=60,secrets=300,certificates=40,versions=3,vault=myvault"
PROMPT = "@ready@"
# None: a pause, so that an archive is under way when it is asked for.
LINES = (
    "kvfs -o ro $MYVAULT vault",
    "ls vault",
    "ls vault/secrets | head -3",
    "rsync -a vault/ archive/ &",
    None,
    "kvfs status vault | head -3",
    "wait; find archive -name '*.blob' | wc -l",
    "fusermount3 -u vault",
    "kvfs $OTHER vault",
    "cp -r archive/* vault/restore/",
    "ls vault/keys vault/secrets vault/certificates | grep -c blob",
    "kvfs status vault | grep files",
    "fusermount3 -u vault",
)


class Shell:
    """A shell at a terminal of its own."""

    def __init__(self, directory, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe("bash", ["bash", "--norc", "--noprofile"], env)
        self._read()

    def _read(self):
        """Everything up to the next prompt."""
        text, end = "", time.monotonic() + 120
        while PROMPT not in text:
            if time.monotonic() > end or not select.select([self.fd], [], [], 120)[0]:
                sys.exit(f"terminal: the shell does not answer: {text!r}")
            text += os.read(self.fd, 65536).decode("utf-8", "replace")
        return text.partition(PROMPT)[0]

    def run(self, line):
        os.write(self.fd, f"{line}\n".encode())
        return self._read().replace("\r", "").splitlines()


def record(directory):
    """(kind, text) for each line of the screen."""
    kvfs, localvault = (os.path.abspath(os.environ.get(x, ROOT / "build" / x.lower())) for x in ("KVFS", "LOCALVAULT"))
    for name in ("vault", "archive", "bin"):
        (directory / name).mkdir()
    (directory / "bin/kvfs").symlink_to(kvfs)
    server = subprocess.Popen([localvault, "--state", directory / "state", "--listen", "127.0.0.1:8443", "--latency", "60",
                               "--vault", "myvault", "--vault", "other", "--seed", SEED], stdout=subprocess.PIPE)
    try:
        ready = json.loads(server.stdout.readline())
        # The CA of the local vault is an option in the configuration file, as a CA of one's own would be.
        (directory / "kvfs.conf").write_text(f"cacert = {ready['ca']}\nrate = 200\n")
        env = {"PATH": f"{directory}/bin:{os.environ['PATH']}", "HOME": str(directory), "TERM": "dumb", "PS1": PROMPT,
               "LANG": "C.UTF-8", "COLUMNS": str(COLUMNS), "XDG_CONFIG_HOME": str(directory),
               "XDG_CACHE_HOME": f"{directory}/cache",
               "AZURE_TENANT_ID": ready["tenant"], "AZURE_CLIENT_ID": ready["client_id"],
               "AZURE_CLIENT_SECRET": pathlib.Path(ready["client_secret_file"]).read_text().strip(),
               "AZURE_AUTHORITY_HOST": ready["authority"]}
        shell = Shell(directory, env)
        shell.run("bind 'set enable-bracketed-paste off' 2>/dev/null; set +m")
        screen = []
        for line in LINES:
            if line is None:
                time.sleep(1)
                continue
            for vault in ("myvault", "other"):
                line = line.replace(f"${vault.upper()}", ready["vaults"][vault])
            screen.append(("command", line))
            # The first line is the echo; a job's number is no output of a program.
            screen += [("output", x.expandtabs()[:COLUMNS]) for x in shell.run(line)[1:] if not x.startswith("[1]")]
        shell.run("cd /")
        return screen
    finally:
        subprocess.run(["fusermount3", "-uq", directory / "vault"], check=False)
        server.terminate()
        server.wait()


def keep_blanks(text):
    """As XML in which blanks are as wide as in the terminal, whatever the viewer thinks of white-space."""
    return html.escape(text, quote=False).replace(" ", "\u00a0")


def draw(screen):
    """The screen as SVG; text in it can be selected and is read aloud."""
    line, left, top = 19, 16, 42
    width, height = COLUMNS * 8 + 2 * left, top + len(screen) * line + 12
    rows = []
    for i, (kind, text) in enumerate(screen):
        prompt = '<tspan class="prompt">$</tspan>\u00a0' if kind == "command" else ""
        rows.append(f'<text x="{left}" y="{top + (i + 1) * line - 6}" class="{kind}">{prompt}{keep_blanks(text)}</text>')
    title = "A vault is mounted, archived with rsync, and restored into another vault with cp"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{title}</title>
<style>
text {{ font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #b9c0cb }}
.command {{ fill: #ffffff }}
.prompt {{ fill: #7ee08a }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#1b1f27"/>
<circle cx="20" cy="18" r="6" fill="#ff5f57"/><circle cx="40" cy="18" r="6" fill="#febc2e"/><circle cx="60" cy="18" r="6" fill="#28c840"/>
{chr(10).join(rows)}
</svg>
"""


def main(output=ROOT / "docs/terminal.svg"):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="kvfs-picture-"))
    try:
        pathlib.Path(output).write_text(draw(record(directory)), encoding="utf-8")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
