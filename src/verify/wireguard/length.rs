//! The length of a data message (linux `drivers/net/wireguard/send.c`, `calculate_skb_padding`).

/// The length of the header and of the tag around the ciphertext.
const AROUND: usize = 32;
const UNIT: usize = 16;

/// Returns the length of the UDP payload for an inner packet of this length, in bytes. `mtu` is that of the route to the
/// inner destination, which is the device's unless the route or a discovered path has a lower one.
///
/// The packet is padded to a multiple of 16, but never beyond the MTU. One that is longer than the MTU is padded as its
/// rest beyond whole MTUs would be. A packet of no bytes is a sign of life.
pub fn data_message(packet: usize, mtu: usize) -> usize {
    let last = if packet > mtu { packet.checked_rem(mtu).unwrap_or(packet) } else { packet };
    let padded = last.next_multiple_of(UNIT);
    let padded = if mtu == 0 { padded } else { padded.min(mtu) };
    AROUND + packet + (padded - last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux 6.1 made these. Those longer than the MTU were forwarded into a device, whose MTU was 1420, after a lower one
    /// had been discovered behind it.
    #[test]
    fn the_length_is_that_of_the_kernel() {
        for (mtu, packet, message) in [
            (1420, 28, 64),
            (1420, 32, 64),
            (1420, 33, 80),
            (1420, 1404, 1440),
            (1420, 1408, 1440),
            (1420, 1409, 1452),
            (1420, 1420, 1452),
            (1391, 1375, 1408),
            (1391, 1376, 1408),
            (1391, 1378, 1423),
            (1391, 1391, 1423),
            (1300, 1300, 1332),
            (1300, 1301, 1348),
            (1300, 1308, 1348),
            (1300, 1380, 1412),
            (1300, 1400, 1444),
            // A sign of life.
            (1420, 0, 32),
        ] {
            assert_eq!(data_message(packet, mtu), message, "{packet} under {mtu}");
        }
    }

    #[test]
    fn an_unknown_mtu_is_no_bound() {
        assert_eq!(data_message(1420, 0), 1456);
        assert_eq!(data_message(0, 0), 32);
    }
}
