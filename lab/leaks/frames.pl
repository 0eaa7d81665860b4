# frames.pl FORM CARD MAC FROM TO [DEVICE]: sends frames of the overlay with VNI 42 in clear, past the kernel's tunnels
# and policies. They leave by CARD to the address MAC, as IPv4 packets FROM TO inside of FORM. With DEVICE, each frame
# that leaves by DEVICE is copied so, until this is ended; without, one frame is made up and sent. For a lab only.
use strict;
use warnings;
use Socket qw(:DEFAULT);

use constant { AF_PACKET => 17, ETH_P_ALL => 3, PACKET_OUTGOING => 4 };

die "usage: frames.pl FORM CARD MAC FROM TO [DEVICE]\n" if @ARGV < 5;
my ($form, $card, $mac, $from, $to, $device) = @ARGV;
my $b = '192.0.2.2';

sub content { my ($path) = @_; open(my $file, '<', $path) or die "$path: $!"; chomp(my $line = <$file>); return $line }
sub mac { return pack('H12', $_[0] =~ tr/://dr) }
my ($here, $there) = (mac(content("/sys/class/net/$card/address")), mac($mac));

sub sum {
    my ($bytes) = @_;
    my $sum = unpack('%32n*', $bytes . "\0" x (length($bytes) % 2));
    $sum = ($sum >> 16) + ($sum & 0xffff) while $sum >> 16;
    return ~$sum & 0xffff;
}
sub ether { my ($type, $body) = @_; return $there . $here . pack('n', $type) . $body }
sub ip_of {
    my ($source, $destination, $protocol, $body, $fragment, $options) = @_;
    $options //= '';
    my $header = pack('C C n n n C C n a4 a4', 0x45 + length($options) / 4, 0, 20 + length($options) + length($body), 0x4242, $fragment // 0, 64, $protocol, 0,
        inet_aton($source), inet_aton($destination)) . $options;
    substr($header, 10, 2) = pack('n', sum($header));
    return $header . $body;
}
sub ip { return ip_of($from, $to, @_) }
sub udp { my ($source, $destination, $body) = @_; return pack('n n n n', $source, $destination, 8 + length $body, 0) . $body }
sub vxlan { my ($frame, $vni) = @_; return pack('N N', 0x08000000, ($vni // 42) << 8) . $frame }
# The whole packet that the overlay would send if nothing protected it.
sub packet { return ip(17, udp($ENV{SPORT} // 50000, 4789, vxlan($_[0]))) }
sub ipv6 {
    my ($protocol, $body) = @_;
    return pack('N n C C', 0x60000000, length $body, $protocol, 64) . pack('H32 H32', '20010db8' . '0' x 23 . '1', '20010db8' . '0' x 23 . '2') . $body;
}
sub label { return pack('N', 100 << 12 | 1 << 8 | 64) }
# What ESP with NULL encryption looks like: the header, the datagram as it is, padding, and 16 bytes that stand for a tag.
sub esp_null {
    my ($datagram) = @_;
    my $pad = -(length($datagram) + 2) % 4;
    return pack('N N', 0x5eed, 1) . $datagram . pack('C*', 1 .. $pad) . pack('C C', $pad, 17) . "\xa5" x 16;
}
# One block of deflate (RFC 1951, 3.2.6) with fixed codes and nothing but literals. No byte of the text is left in it.
sub deflated {
    my $bits = join '', map { $_ < 144 ? sprintf('%08b', 0x30 + $_) : sprintf('%09b', 0x190 + $_ - 144) } unpack('C*', $_[0]);
    return pack('b*', '110' . $bits . '0000000');
}

# The forms. Each makes of an overlay's Ethernet frame the list of frames to send.
my %forms = (
    # The plain form, and others that are VXLAN in UDP still.
    'vxlan'          => sub { ether(0x0800, packet($_[0])) },
    'other-port'     => sub { ether(0x0800, ip(17, udp(50000, 12345, vxlan($_[0])))) },
    'other-vni'      => sub { ether(0x0800, ip(17, udp(50000, 4789, vxlan($_[0], 99)))) },
    'options'        => sub { ether(0x0800, ip(17, udp(50000, 4789, vxlan($_[0])), 0, "\x01" x 8)) },
    'fragments'      => sub {
        my $datagram = udp(50000, 4789, vxlan($_[0]));
        return map { ether(0x0800, $_) } ip(17, substr($datagram, 0, 8), 0x2000), ip(17, substr($datagram, 8), 1);
    },
    'port-4500'      => sub { ether(0x0800, ip(17, udp(50000, 4500, vxlan($_[0])))) },
    'from-4500'      => sub { ether(0x0800, ip(17, udp(4500, 4789, vxlan($_[0])))) },
    'marker-4500'    => sub { ether(0x0800, ip(17, udp(4500, 4500, "\0\0\0\0" . vxlan($_[0])))) },
    'udp-lite'       => sub { my $datagram = udp(50000, 4789, vxlan($_[0])); substr($datagram, 4, 2) = pack('n', 8); ether(0x0800, ip(136, $datagram)) },
    'tcp'            => sub { ether(0x0800, ip(6, pack('n n N N C C n n n', 50000, 4789, 1, 1, 0x50, 0x18, 8192, 0, 0) . vxlan($_[0]))) },
    # Tunnels of IP packets.
    'mpls'           => sub { ether(0x8847, label() . packet($_[0])) },
    'mpls-in-ip'     => sub { ether(0x0800, ip(137, label() . packet($_[0]))) },
    'mpls-in-udp'    => sub { ether(0x0800, ip(17, udp(50000, 6635, label() . packet($_[0])))) },
    'fou'            => sub { ether(0x0800, ip(17, udp(50000, 5555, packet($_[0])))) },
    'gue'            => sub { ether(0x0800, ip(17, udp(50000, 6080, pack('C C n', 0, 4, 0) . packet($_[0])))) },
    'gtp'            => sub { my $inside = packet($_[0]); ether(0x0800, ip(17, udp(2152, 2152, pack('C C n N', 0x30, 0xff, length $inside, 9) . $inside))) },
    'pppoe'          => sub { my $inside = packet($_[0]); ether(0x8864, pack('C C n n n', 0x11, 0, 7, 2 + length $inside, 0x0021) . $inside) },
    'hsr'            => sub { my $inside = packet($_[0]); ether(0x892f, pack('n n n', 0x1000 | (6 + length $inside), 1, 0x0800) . $inside) },
    'snap'           => sub { my $inside = pack('H16', 'aaaa030000000800') . packet($_[0]); ether(length $inside, $inside) },
    'tags'           => sub { ether(0x88a8, pack('n n n n n n', 7, 0x8100, 8, 0x9100, 9, 0x0800) . packet($_[0])) },
    '6in4'           => sub { ether(0x0800, ip(41, ipv6(17, udp(50000, 4789, vxlan($_[0]))))) },
    'ipcomp'         => sub { ether(0x0800, ip(108, pack('C C n', 17, 0, 2) . deflated(udp(50000, 4789, vxlan($_[0]))))) },
    # Tunnels of Ethernet frames, with the frame that is VXLAN or with the overlay's own.
    'etherip'        => sub { ether(0x0800, ip(97, pack('n', 0x3000) . ether(0x0800, packet($_[0])))) },
    'pbb'            => sub { ether(0x88e7, pack('N', 5) . ether(0x0800, packet($_[0]))) },
    'batman'         => sub { ether(0x4305, pack('C C C C', 0x40, 15, 50, 1) . $there . ether(0x0800, packet($_[0]))) },
    'nsh'            => sub { ether(0x894f, pack('n C C N', 2 << 6 | 2, 2, 3, 5 << 8 | 255) . $_[0]) },
    'l2tpv3'         => sub { ether(0x0800, ip(115, pack('N', 7) . $_[0])) },
    'geneve'         => sub { ether(0x0800, ip(17, udp(50000, 6081, pack('C C n N', 0, 0, 0x6558, 7 << 8) . $_[0]))) },
    'geneve-own'     => sub { ether(0x0800, ip(17, udp(50000, $ENV{GENEVE_PORT} // 6081, pack('C C n N', 0, 0, 0x6558, 42 << 8) . $_[0]))) },
    'experimental'   => sub { ether(0x88b5, $_[0]) },
    # What only looks protected.
    'esp-null'       => sub { ether(0x0800, ip(50, esp_null(udp(50000, 4789, vxlan($_[0]))))) },
    'wesp'           => sub { ether(0x0800, ip(141, pack('C C C C', 17, 12, 16, 0) . esp_null(udp(50000, 4789, vxlan($_[0]))))) },
    # An ICMP error about the frame on its way from TO to b.
    'icmp-error'     => sub {
        my $error = pack('C C n N', 3, 3, 0, 0) . ip_of($to, $b, 17, udp(50000, 4789, vxlan($_[0])));
        substr($error, 2, 2) = pack('n', sum($error));
        return ether(0x0800, ip(1, $error));
    },
    # VXLAN to a multicast group.
    'multicast'      => sub { pack('H12', '01005e010909') . $here . pack('n', 0x0800) . ip_of($from, '239.1.9.9', 17, udp(50000, 4789, vxlan($_[0]))) },
);
my $make = $forms{$form} or die "frames.pl knows no $form\n";

sub on_card {
    my ($name) = @_;
    socket(my $socket, AF_PACKET, SOCK_RAW, unpack('S', pack('n', ETH_P_ALL))) or die "socket: $!";
    bind($socket, pack('S n i S C C a8', AF_PACKET, ETH_P_ALL, content("/sys/class/net/$name/ifindex"), 0, 0, 0, '')) or die "bind to $name: $!";
    return $socket;
}
my $out = on_card($card);

unless (defined $device) {
    # An echo reply that nobody asked for, as from b's end of the overlay.
    my $echo = pack('C C n n n', 0, 0, 0, 0, 0) . 'OVL-LAB-FORGED' x 4;
    substr($echo, 2, 2) = pack('n', sum($echo));
    my $frame = mac('02:00:00:00:2a:01') . mac('02:00:00:00:2a:02') . pack('n', 0x0800) . ip_of('10.42.0.2', '10.42.0.1', 1, $echo);
    send($out, $_, 0) // die "send: $!" for $make->($frame);
    exit;
}

my $in = on_card($device);
$| = 1;
print "ready\n";
while (defined(my $where = recv($in, my $frame, 65536, 0))) {
    next if (unpack('S n i S C', $where))[4] != PACKET_OUTGOING;
    # A full frame does not fit into another one, and is not copied.
    send($out, $_, 0) for $make->($frame);
}
