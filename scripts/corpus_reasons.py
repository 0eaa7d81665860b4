"""The reasons for the disagreements between ovlsniff and its witnesses, by the class that corpus.py prints.

Each is a regular expression that is searched for in the name of a class, and a sentence. The first that is found counts. A
reason says why ovlsniff is right, or what it leaves out and says so: a class that is a fault has no place here.
"""

DECODING = [
    # What the witness does not know.
    (r"ovlsniff \S*esp-(null|gmac)\S*( stop:\S+)? \| tshark \S*\besp$", "tshark is not told that this ESP does not encrypt; ovlsniff finds out"),
    (r"ovlsniff (ip|ipv6):wesp:\S* \| tshark (ip|ipv6):data$", "tshark 4.0 does not know WESP"),
    (r"ovlsniff \S*:(gue|fou)\b", "tshark 4.0 does not know GUE and FOU"),
    (r"ovlsniff \S*:l2tpv3\b.* \| tshark \S*:l2tp:data", "tshark has to be told what a session of L2TPv3 carries; ovlsniff finds out by the form"),
    (r"ovlsniff \S*:lisp:\S* \| tshark \S*:lisp-data$", "tshark 4.0 does not know LISP-GPE"),
    (r"ovlsniff \S*:erspan:\S* \| tshark \S*:erspan:data", "tshark does not read ERSPAN's frame type for IP"),
    (r"ovlsniff ip:nsh:\S* \| tshark ip:data", "tshark 4.0 does not know NSH in IP (RFC 9491)"),
    (r"link (8|12) \| ovlsniff goes on \|", "tshark takes SLIP for data"),
    (r"link (106|178|179|240|241) \| ovlsniff goes on \|", "tshark reads this link type as far as its own header only"),
    (r"link (113|276) \| ovlsniff goes on .* \| tshark sll:data", "tshark does not look at the kind of device in a cooked header"),
    (r"link (0|108) \| ovlsniff goes on \| ovlsniff ipv6\S* \| tshark null:data", "tshark does not know this system's number of IPv6"),
    (r"link 229 \| ovlsniff goes on .* \| tshark nothing", "the version nibble decides, not the link type"),
    (r"ovlsniff goes on \| ovlsniff ip:udp \| tshark eth:ethertype:data", "the version nibble decides, not the Ethernet type"),
    (r"tshark eth:ethertype(:vlan:ethertype){3}", "tshark does not take 0x9200 and 0x9300 for tags"),
    (r"ovlsniff mpls:\S* \| tshark eth:ethertype:mpls:pwethheuristic", "tshark guesses Ethernet in a pseudowire where an IP packet is sound"),
    (r"ovlsniff ip:udp:vxlan-gpe\S* \| tshark ip:udp:data", "tshark takes a next protocol of VXLAN-GPE that is not assigned for data"),
    (r"ovlsniff macsec:\S* \| tshark eth:ethertype:macsec:data", "tshark does not look into MACsec that changes the text, which here is an IP packet"),
    (r"ovlsniff ip:udp \| tshark ip:udp:lwapp:", "a wireless controller's copy of a frame is payload, and searched as such"),
    # Lengths and headers that contradict each other.
    (r"ovlsniff goes on \| ovlsniff (ip|ipv6):udp:(geneve|vxlan):\S* \| tshark (ip|ipv6):udp$", "a super-frame above 64 KiB, whose UDP length is zero: tshark takes it for an error"),
    (r"ports differ \| ovlsniff ipv6:tcp \| tshark ipv6:tcp", "a super-frame above 64 KiB, whose IPv6 length is zero: tshark takes it for empty"),
    (r"stop:ipv6-extension-truncated", "ovlsniff ends at an extension header that is longer than the packet"),
    (r"stop:ipv4-truncated \| tshark eth:ethertype:ip$", "ovlsniff takes no addresses from a header that is cut off in its options"),
    (r"stop:vxlan-malformed", "VXLAN without its I bit has no VNI (RFC 7348 section 5), and receivers discard it"),
    (r"stop:\S+-too-deep", "more tunnels inside one another than ovlsniff follows, which it says"),
    (r"stop:(geneve|gre|nsh|pppoe|etherip)-(unsupported|malformed)", "a version or a flag that the RFC wants dropped is said to be not decoded"),
    (r"stop:gtp-u-", "tshark goes by the first nibble, without a packet that is sound behind it"),
    (r"ovlsniff ip:udp \| tshark ip:udp:(teredo|vxlan):", "tshark goes by the port alone; without the form, or to another port, it is another service"),
    (r"tshark ipv6:mipv6", "tshark takes what follows a mobility header for its end"),
    # Fragments.
    (r"ovlsniff ip:udp stop:(payload-truncated|ipv4-fragment) \| tshark ip:(udp:)?data", "what overlaps is discarded as Linux does it, and told apart from a whole datagram"),
    (r"link (105|127|192) .*stop:ieee80211-unsupported", "of frames in an aggregate or in pieces, the first is decoded and the rest is said to be not"),
    (r"link (105|127|192) .* \| tshark \S*wlan:data", "a frame that is marked protected although it is in clear, as some cards deliver it"),
    # Left out, and said so.
    (r"tshark \S*:(sflow|openflow|nhrp|openflow_v\d)", "a sample or a message quotes a packet: it is payload, and searched as such"),
    (r"link 195 .*stop:link-unsupported", "IEEE 802.15.4 is said to be not decoded"),
    (r"ovlsniff ipv6:protocol-143 stop:ipv6-unsupported", "Ethernet in IP without a header (RFC 8986) is said to be not decoded"),
    (r"tshark eth:ethertype:avsp:", "a version of Arista's time stamps that is not known is said to be not decoded"),
]

MATCHING = [
    (r"ovlsniff only \|  ?stop:", "ngrep leaves out packets with broken headers; ovlsniff searches the bytes of what it does not decode"),
    (r"link (105|127|192) \| ovlsniff only", "ngrep knows one form of 802.11 headers"),
    (r"part of a datagram|fragment", "ngrep does not put fragments together"),
    (r"ngrep only \|.* opaque:", "ngrep searches ciphertext"),
    (r"ngrep only \|.* padded", "ngrep takes the padding of a short frame for payload"),
    (r"ngrep only \|.* short-udp", "UDP's own length ends the datagram before IP's does; ngrep searches what lies behind"),
    (r"ngrep only \| \S*:(vxlan|vxlan-gpe|geneve|gre|nvgre|ipip|esp-null|esp-gmac|ah|gue|fou|l2tp|l2tpv3|gtp-u|lisp|teredo|pim-register|etherip|mpls|nsh|erspan|pptp)\b",
     "ngrep searches a tunnel's headers with what it carries"),
    (r"ngrep only \| (\S*:)?ipv6", "ngrep takes extension headers of IPv6 for payload"),
    (r"ngrep only \|.*stop:(tcp|udp|icmp|ah|vxlan)\S*-truncated", "ngrep takes the beginning of a header that is cut off for payload"),
]
