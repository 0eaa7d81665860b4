# wireguard-like.pl PEER [DEVICE [tun|tap [plain]]]: a device whose packets cross to PEER in messages of WireGuard's
# transport shape (type 4, receiver, counter, padded and unreadable body, 16 bytes of tag) on UDP port 51820, or, if plain,
# in datagrams as they are. DEVICE is wg0; tun%d is the kernel's name for it. For a lab only: it protects nothing.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_UDP);

use constant { TUNSETIFF => 0x400454ca, IFF_TUN => 1, IFF_TAP => 2, IFF_NO_PI => 0x1000 };

my ($far, $device, $kind, $plain) = @ARGV;
my $peer = sockaddr_in(51820, inet_aton($far // die "usage: wireguard-like.pl PEER [DEVICE [tun|tap [plain]]]\n"));
my $tap = ($kind // 'tun') eq 'tap';
sysopen(my $tun, '/dev/net/tun', 2) or die "/dev/net/tun: $!";
my $request = pack('a16 S x22', $device // 'wg0', ($tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI);
ioctl($tun, TUNSETIFF, $request) or die "TUNSETIFF: $!";
socket(my $udp, PF_INET, SOCK_DGRAM, IPPROTO_UDP) or die "socket: $!";
bind($udp, sockaddr_in(51820, INADDR_ANY)) or die "bind: $!";

srand(51820);
my $pad = pack('C*', map { int rand 256 } 1 .. 1 << 17);
my $counter = 0;

sub masked { my ($bytes, $counter) = @_; return $bytes ^ substr($pad, ($counter * 1471) & 0xffff, length $bytes) }

while (1) {
    my $ready = '';
    vec($ready, fileno $_, 1) = 1 for $tun, $udp;
    select($ready, undef, undef, undef) > 0 or next;
    if (vec($ready, fileno $tun, 1) and sysread($tun, my $packet, 65536)) {
        if ($plain) { send($udp, $packet, 0, $peer); next }
        my $body = $packet . "\0" x (-length($packet) % 16) . "\0" x 16;
        send($udp, pack('V V Q<', 4, 0x51820, $counter) . masked($body, $counter), 0, $peer);
        $counter++;
    }
    if (vec($ready, fileno $udp, 1) and defined recv($udp, my $message, 65536, 0)) {
        if ($plain) { syswrite($tun, $message); next }
        my ($type, undef, $number) = unpack('V V Q<', $message);
        my $packet = masked(substr($message, 16), $number);
        next if $type != 4 or length $packet < 36;
        # An IP packet says where its padding begins. Behind an Ethernet frame, padding does no harm.
        syswrite($tun, $tap ? substr($packet, 0, -16) : substr($packet, 0, unpack('x2 n', $packet)));
    }
}
