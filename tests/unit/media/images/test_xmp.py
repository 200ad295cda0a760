import pytest

from realesr.media.images import xmp as packets

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"


def packet(descriptions):
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}" xmlns:dc="{DC}">{descriptions}</rdf:RDF></x:xmpmeta>'
        '  \n<?xpacket end="w"?>'
    ).encode()


def is_title(namespace, name):
    return (namespace, name) == (DC, "title")


def test_attributes_and_elements_are_removed():
    both = packet(
        '<rdf:Description rdf:about="" dc:title="a" dc:source="b"><dc:title>c</dc:title>'
        "<dc:rights>Türm &amp; d</dc:rights></rdf:Description>"
    )
    left = packets.without(both, is_title)
    names = {name for namespace, name in packets.names_of(left) if namespace == DC}
    assert names == {"source", "rights"}
    assert "Türm &amp; d".encode() in left
    assert left.startswith(b"<?xpacket begin=")
    assert left.endswith(b'<?xpacket end="w"?>')


def test_a_packet_in_which_nothing_is_removed_keeps_its_bytes():
    other = packet('<rdf:Description rdf:about="" dc:source="b"/>')
    assert packets.without(other, is_title) is other


def test_of_an_empty_packet_nothing_is_left():
    assert packets.without(packet('<rdf:Description dc:title="a"/>'), is_title) is None


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"rubbish",
        b"<a><b></a>",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "cccc">]><a>&b;</a>',
        packet("<rdf:Description undeclared:a='b'/>"),
        packet("<rdf:li>" * 3000 + "</rdf:li>" * 3000),
    ],
)
def test_damaged_packets_are_no_trap(damaged):
    with pytest.raises(packets.UnreadableXmpError):
        packets.without(damaged, is_title)


@pytest.mark.parametrize("length", [10, 3000, 70_000, 200_000])
def test_an_extension_joins_to_what_was_split(length):
    """Short properties stay in the packet, and prefixes declared above are not lost."""
    value = "x" * length
    whole = packet(
        f'<rdf:Description rdf:about="" dc:title="a" dc:source="{value}">'
        f"<dc:rights>{value}</dc:rights></rdf:Description>"
    )
    short, parts = packets.extended(whole)
    assert len(short) < 8000
    assert b'dc:title="a"' in short
    assert all(len(part) < 65_500 for part in parts)
    joined = packets.joined_extension(reversed(parts), short)
    again = packets.merged(short, joined)
    for part in (b'dc:title="a"', f'dc:source="{value}"'.encode(), f"<dc:rights>{value}<".encode()):
        assert again.count(part) == 1
    assert b"HasExtendedXMP" not in again
    assert packets.joined_extension(parts[:-1], short) is None
    assert packets.joined_extension(parts, packet("")) is None
