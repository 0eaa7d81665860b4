"""The reasons for the disagreements between ovlsniff and its witnesses, by the class that corpus.py prints.

Each is a regular expression that the name of a class has to contain, and a sentence. The first that is found counts. A
reason says why ovlsniff is right, or what it leaves out on purpose: a class that is a fault has no place here.
"""

DECODING = [
    (r"ovlsniff \S*esp-(null|gmac)", "tshark is not told that this ESP does not encrypt; ovlsniff finds out"),
    (r"ipv4-too-deep|ipv6-too-deep|vxlan-too-deep", "more tunnels inside one another than ovlsniff follows, which it says"),
    (r"ovlsniff ipv?6?:?\S* stop:vxlan-malformed", "VXLAN without its I bit has no VNI (RFC 7348 section 5) and is discarded by receivers"),
    (r"tshark \S*:(sflow|openflow)", "a sample or a message quotes a packet: it is payload, and searched as such"),
    (r"big|ovlsniff goes on \| ovlsniff ipv?6?:udp:(geneve|vxlan)\S* \| tshark ipv?6?:udp\s", "a super-frame above 64 KiB, whose UDP length is zero: tshark takes it for an error"),
]

MATCHING = [
    (r"part of a datagram|fragment", "ngrep does not put fragments together"),
    (r"opaque:", "ngrep searches ciphertext"),
    (r"padded", "ngrep takes the padding of a short frame for payload"),
    (r"short-udp", "UDP's own length ends the datagram before IP's does; ngrep searches what lies behind"),
    (r"ngrep only \| \S*:(vxlan|vxlan-gpe|geneve|gre|nvgre|ipip|esp-null|esp-gmac|ah)\b", "ngrep searches a tunnel's headers with what it carries"),
    (r"ngrep only \| (\S*:)?ipv6", "ngrep takes extension headers of IPv6 for payload"),
    (r"ngrep only \|.*stop:(tcp|udp|icmp|ah|vxlan)\S*-truncated", "ngrep takes the beginning of a header that is cut off for payload"),
]
