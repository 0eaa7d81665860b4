//! The table in which the SAs of a packet are found.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{AddressPattern, Sa};
use crate::packet::Spi;

/// SAs by destination and SPI. A look-up costs the same for ten thousand SAs as for one. Only an SA with a wildcard in
/// its SPI is compared with every packet.
///
/// As in the kernel, the source address does not select: a NAT may have changed it, and the ICV decides anyway.
#[derive(Debug, Default)]
pub struct SaTable {
    sas: Vec<Sa>,
    exact: HashMap<(IpAddr, Spi), Vec<usize>>,
    by_spi: HashMap<Spi, Vec<usize>>,
    loose: Vec<usize>,
}

impl SaTable {
    /// Adds an SA, and returns true if it was new. An SA may come twice, as in the dumps of both ends of a tunnel.
    /// Several SAs may share an SPI.
    pub fn insert(&mut self, sa: Sa) -> bool {
        let index = self.sas.len();
        let new = self.note(&sa, index);
        if new {
            self.sas.push(sa);
        }
        new
    }

    /// Puts an SA in the place of another, unless it is in the table already. Returns true if it was new.
    pub(super) fn replace(&mut self, index: usize, sa: Sa) -> bool {
        if index >= self.sas.len() || !self.note(&sa, index) {
            return false;
        }
        let old = std::mem::replace(&mut self.sas[index], sa);
        let list = self.list(&old);
        if let Some(at) = list.iter().position(|&other| other == index) {
            list.remove(at);
        }
        // SAs are rekeyed for as long as the kernel runs, so lists of SPIs that are gone must not pile up.
        if list.is_empty() {
            match (old.destination, old.spi.exact()) {
                (AddressPattern::One(destination), Some(spi)) => _ = self.exact.remove(&(destination, spi)),
                (_, Some(spi)) => _ = self.by_spi.remove(&spi),
                (_, None) => {}
            }
        }
        true
    }

    /// Enters the position of an SA into its list. Returns false if the same SA is there already.
    fn note(&mut self, sa: &Sa, index: usize) -> bool {
        let sas = std::mem::take(&mut self.sas);
        let list = self.list(sa);
        let new = !list.iter().any(|&other| sas.get(other) == Some(sa));
        if new {
            list.push(index);
        }
        self.sas = sas;
        new
    }

    /// Returns the list with the positions of this SA and of those that are looked up in the same way.
    fn list(&mut self, sa: &Sa) -> &mut Vec<usize> {
        match (sa.destination, sa.spi.exact()) {
            (AddressPattern::One(destination), Some(spi)) => {
                self.exact.entry((destination, spi)).or_default()
            }
            (_, Some(spi)) => self.by_spi.entry(spi).or_default(),
            (_, None) => &mut self.loose,
        }
    }

    /// Returns the positions in [`Self::sas`] of the SAs that a packet with this destination and SPI may belong to.
    pub fn candidates(&self, destination: IpAddr, spi: Spi) -> impl Iterator<Item = usize> {
        fn all(list: Option<&Vec<usize>>) -> &[usize] {
            list.map_or(&[], Vec::as_slice)
        }
        let fits = move |&index: &usize| {
            self.sas.get(index).is_some_and(|sa| sa.destination.matches(destination) && sa.spi.matches(spi))
        };
        // Most tables have no wildcards. For those nothing is hashed.
        let wild = if self.by_spi.is_empty() { None } else { self.by_spi.get(&spi) };
        let wild = all(wild).iter().chain(&self.loose).copied().filter(fits);
        all(self.exact.get(&(destination, spi))).iter().copied().chain(wild)
    }

    /// Returns the SAs, in the order in which they were added.
    pub fn sas(&self) -> &[Sa] {
        &self.sas
    }
}

impl FromIterator<Sa> for SaTable {
    fn from_iter<I: IntoIterator<Item = Sa>>(sas: I) -> Self {
        let mut table = Self::default();
        for sa in sas {
            table.insert(sa);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, Sequence, SpiPattern};
    use super::*;

    #[test]
    fn what_was_replaced_leaves_nothing_behind() {
        let one = AddressPattern::One("192.0.2.1".parse().unwrap());
        let sa = |destination, spi| Sa {
            source: AddressPattern::Any,
            destination,
            spi: SpiPattern::one(Spi(spi)),
            mode: None,
            algorithm: Algorithm::unknown("x"),
            sequence: Sequence::Unknown,
            udp: false,
        };
        let mut table: SaTable = [sa(one, 1000), sa(AddressPattern::Any, 1000)].into_iter().collect();
        for spi in 1001..1100 {
            assert!(table.replace(0, sa(one, spi)) && table.replace(1, sa(AddressPattern::Any, spi)));
        }
        assert_eq!((table.exact.len(), table.by_spi.len(), table.sas.len()), (1, 1, 2));
        assert_eq!(table.candidates("192.0.2.1".parse().unwrap(), Spi(1099)).count(), 2);
    }
}
