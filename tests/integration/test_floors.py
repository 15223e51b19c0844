# SPDX-License-Identifier: Apache-2.0
"""tools/floors holds on this tree, and sees each offence that is planted."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def floors(root):
    return subprocess.run(["/usr/bin/python3", str(ROOT / "tools/floors"), str(root)], text=True,
                          capture_output=True, check=False)


def test_this_tree_keeps_to_the_floors():
    done = floors(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name, text, words", [
    ("src/base/a.c", '#include "net/loop.h"\n', "a higher floor"),
    ("src/match/a.c", '#include "auth/grant.h"\n', "a neighbour"),
    ("src/change/a.c", '  #  include "net/loop.h"\n', "a neighbour"),
    ("src/base/a.c", '#include "bytes.h"\n', "does not start at src/"),
    ("src/base/a.c", '#include "util/bytes.h"\n', "no room util"),
    ("src/capture/a.c", "#include <libpq-fe.h>\n", "may stand only in"),
    ("src/serve/a.c", "#include <uv.h>\n", "may stand only in"),
    ("src/net/a.c", "#include <openssl/ssl.h>\n", "may stand only in"),
    ("src/serve/a.c", "#include <llhttp.h>\n", "may stand only in"),
    ("src/auth/a.c", "#include <libconfig.h>\n", "may stand only in"),
    ("src/match/a.c", "#include <pcre2.h>\n", "may stand only in"),
    ("src/util/a.c", "", "stands on no floor"),
    ("src/base/a.c", "int a;\n" * 501, "500 at most"),
    ("src/base/unlisted.c", "", "not listed"),
])
def test_a_planted_offence_is_seen(tmp_path, name, text, words):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(LICENCE + text)
    (path.parent / "meson.build").write_text("'a.c'")
    done = floors(tmp_path)
    assert done.returncode == 1 and words in done.stdout, done.stdout


def test_a_missing_licence_is_seen(tmp_path):
    (tmp_path / "src/base").mkdir(parents=True)
    (tmp_path / "src/base/a.h").write_text("#pragma once\n")
    assert "licence" in floors(tmp_path).stdout


def test_what_is_right_passes(tmp_path):
    (tmp_path / "src/serve").mkdir(parents=True)
    (tmp_path / "src/serve/a.h").write_text(LICENCE + '#include <stdio.h>\n#include "serve/b.h"\n'
                                            '#include "journal/journal.h"\n#include "version.h"\n')
    assert floors(tmp_path).returncode == 0
