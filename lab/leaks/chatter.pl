# chatter.pl CARD FROM TO: sends what passes on every network, three times a second until it is ended: OSPF, VRRP, LLDP,
# spanning tree, a piece of a TLS stream, a line for syslog, and ESP's keepalive. Nobody takes it. For a lab only.
use strict;
use warnings;
use Socket qw(:DEFAULT);

die "usage: chatter.pl CARD FROM TO\n" if @ARGV != 3;
my ($card, $from, $to) = @ARGV;
sub content { my ($path) = @_; open(my $file, '<', $path) or die "$path: $!"; chomp(my $line = <$file>); return $line }
my $here = pack('H12', content("/sys/class/net/$card/address") =~ tr/://dr);

sub ether { my ($to, $type, $body) = @_; return pack('H12', $to) . $here . pack('n', $type) . $body }
sub ip {
    my ($destination, $protocol, $body) = @_;
    my $header = pack('C C n n n C C n a4 a4', 0x45, 0xc0, 20 + length $body, 1, 0, 1, $protocol, 0, inet_aton($from), inet_aton($destination));
    my $sum = unpack('%32n*', $header);
    $sum = ($sum >> 16) + ($sum & 0xffff) while $sum >> 16;
    substr($header, 10, 2) = pack('n', ~$sum & 0xffff);
    return $header . $body;
}
sub udp { my ($source, $destination, $body) = @_; return pack('n n n n', $source, $destination, 8 + length $body, 0) . $body }

srand(length($from) + ord substr($from, -1));
my $opaque = pack('C*', map { int rand 256 } 1 .. 400);
my $nobody = '020000000098';
my @frames = (
    ether('01005e000005', 0x0800, ip('224.0.0.5', 89, pack('C C n a4 N', 2, 1, 44, inet_aton($from), 0) . "\0" x 32)),
    ether('01005e000012', 0x0800, ip('224.0.0.18', 112, pack('C C C C n n', 0x31, 1, 100, 1, 100, 0) . inet_aton('192.0.2.100'))),
    ether('0180c200000e', 0x88cc, pack('H*', '0207040200000000010403050131060200780000') . "\0" x 26),
    ether('0180c2000000', 38, pack('H*', '424203') . "\0" x 43),
    ether($nobody, 0x0800, ip($to, 6, pack('n n N N C C n n n', 41234, 443, 1, 1, 0x50, 0x18, 8192, 0, 0) . "\x17\x03\x03\x01\x90" . $opaque)),
    ether($nobody, 0x0800, ip($to, 17, udp(40000, 514, '<13>Jan  1 00:00:00 host daemon: all is well'))),
    ether($nobody, 0x0800, ip($to, 17, udp(4500, 4500, "\xff"))),
);

socket(my $out, 17, SOCK_RAW, 0) or die "socket: $!";
bind($out, pack('S n i S C C a8', 17, 0, content("/sys/class/net/$card/ifindex"), 0, 0, 0, '')) or die "bind to $card: $!";
$| = 1;
print "ready\n";
while (1) {
    send($out, $_, 0) // die "send: $!" for @frames;
    select(undef, undef, undef, 0.3);
}
