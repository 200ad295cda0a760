"""Long lists on the disk, and sets of names as hashes."""

import errno
import zlib
from itertools import islice

import pytest

from realesr import spool
from realesr.errors import UnwritableMediaError
from realesr.spool import Digests, Spool, digest_of


@pytest.fixture(autouse=True)
def on_disk(monkeypatch):
    monkeypatch.setattr(spool, "BLOCK", 4)
    monkeypatch.setattr(spool, "MEMORY_BYTES", 100)


def filled(count):
    made = Spool()
    for number in range(count):
        made.append((number, f"n\udcff{number}", None, b"\0"))
    return made


@pytest.mark.parametrize("count", [0, 3, 4, 5, 41])
def test_records_come_back_in_order(count):
    made = filled(count)
    expected = [(number, f"n\udcff{number}", None, b"\0") for number in range(count)]
    assert list(made) == expected
    assert len(made) == count
    assert [made.at(index) for index in range(count)] == expected
    assert list(made.between(count // 3, count // 2)) == expected[count // 3 : count // 2]


def test_several_readers_and_a_writer_do_not_disturb_each_other():
    made = filled(30)
    readers = [iter(made), made.between(7, 25), iter(made)]
    found = [[], [], []]
    for turn in range(30):
        for numbers, reader in zip(found, readers, strict=True):
            numbers += [record[0] for record in islice(reader, 1)]
        made.append((30 + turn,))
    assert found == [list(range(30)), list(range(7, 25)), list(range(30))]
    assert [record[0] for record in made] == list(range(60))


def test_a_full_disk_is_told_with_the_remedy(monkeypatch):
    made = filled(3)

    def write(data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(made._file, "write", write)
    with pytest.raises(UnwritableMediaError, match=r"No space left.*TMPDIR"):
        made.append((3,))


def test_digests_are_a_collection_of_names():
    names = [f"{zlib.crc32(b'%d' % number) / 2**32}" for number in range(2000)]
    one, other = Digests(), Digests()
    for name in (*names[:1500], names[3], names[3], names[900]):
        one.add(digest_of(name))
    for name in names[1000:]:
        other.add(digest_of(name))
    assert all((digest_of(name) in one) == (index < 1500) for index, name in enumerate(names))
    assert one.repeated() == {digest_of(names[3]), digest_of(names[900])}
    assert one.shared(other) == other.shared(one) == set(map(digest_of, names[1000:1500]))
    assert not other.repeated()
    one.add(digest_of("later"))  # after questions
    assert digest_of("later") in one
    assert digest_of("n\udcff") not in Digests()
