# SPDX-License-Identifier: Apache-2.0
"""What is written agrees with what the program does."""
import pathlib
import re
import subprocess

import pytest

from support.pgcdc import BINARY, run

ROOT = pathlib.Path(__file__).resolve().parents[2]


def config_keys():
    done = run("--print-config")
    assert done.returncode == 0, done.stderr
    keys = set(re.findall(r"(?m)^#?\s*([a-z_0-9]+) = ", done.stdout))
    assert {"binding", "plugin", "journal_size"} <= keys
    return keys


def test_every_key_is_in_the_manual_and_in_the_sample():
    manual = (ROOT / "man/pgcdc.config.5").read_text()
    sample = (ROOT / "etc/pgcdc.config").read_text()
    in_manual = set(re.findall(r"(?m)^\.It (?:Ic|Cm|Va|Li|Sy) ([a-z_0-9]+)", manual))
    in_sample = set(re.findall(r"(?m)^#?\s*([a-z_0-9]+) = ", sample))
    assert in_manual == config_keys()
    assert in_sample == config_keys()


def test_the_sample_loads():
    done = run("-c", str(ROOT / "etc/pgcdc.config"), "--check-config")
    assert done.returncode == 0, done.stderr


def test_every_flag_is_in_the_manual_and_in_the_help():
    manual = (ROOT / "man/pgcdc.1").read_text()
    text = run("--help").stdout
    for flag in ("check-config", "print-config", "version", "set", "config"):
        assert "--" + flag in text, flag
        assert re.search(rf"(-\\?-|Fl -){flag}", manual.replace("\\-", "-")), flag


@pytest.mark.parametrize("page", ["pgcdc.1", "pgcdc.config.5"])
def test_manual_pages_are_well_formed(page):
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(ROOT / "man" / page)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_entry_of_the_makefile_is_in_its_help():
    text = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout
    phony = re.search(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text())[1].split()
    listed = re.findall(r"(?m)^  make ([a-z-]+)", text)
    assert sorted(phony) == sorted(listed)
    for entry in "build test demo bench floors format tidy asan tsan fuzz install clean".split():
        assert entry in listed


def test_the_readme_shows_the_two_commands():
    lines = (ROOT / "README.md").read_text().split("\n")
    assert "make demo" in lines and "make test" in lines


def test_what_is_installed(tmp_path):
    done = subprocess.run(["meson", "install", "-C", str(BINARY.parent), "--no-rebuild", "--quiet",
                           "--destdir", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = {path.name: path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(files) >= {"pgcdc", "pgcdc.1", "pgcdc.config.5", "pgcdc.config", "pgcdc.service"}
    assert "speculare" not in str(files["pgcdc.config"])  # never over the administrator's own
    program = re.search(r"(?m)^ExecStart=(\S+)$", files["pgcdc.service"].read_text())[1]
    assert files["pgcdc"] == tmp_path / program[1:]


def test_links_between_documents_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("doc/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                path = page.parent / target
                assert path.exists() or path.with_suffix(".md").exists() or \
                    list(path.parent.glob(path.name + "*")), f"{page.name}: {target}"
