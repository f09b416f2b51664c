"""A file is replaced as a whole, and only where it still holds what was read."""

import pytest

from reconciler.core.diagnostics import Failed
from reconciler.runtime.rewrite import rewrite


def test_what_somebody_saved_meanwhile_stays(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfnew\n")
    with pytest.raises(Failed) as failed:
        rewrite(file, "old\n", "formatted\n")
    assert [one.summary for one in failed.value.diagnostics] == [
        f"'{file}' cannot be written: it has changed meanwhile"
    ]
    assert file.read_bytes() == b"\xef\xbb\xbfnew\n"
    rewrite(file, "new\n", "formatted\n")
    assert file.read_bytes() == b"\xef\xbb\xbfformatted\n"
