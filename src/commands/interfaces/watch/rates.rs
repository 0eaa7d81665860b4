//! The packets a second of one round, as a table or as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use ovlsniff::escape::{counted, escape};
use ovlsniff::print::Summary;
use serde_json::{Map, Value, json};

/// One round of the watch.
pub(super) struct Round {
    /// Its length.
    pub(super) time: Duration,
    /// The number of frames that the kernel dropped: nobody knows what they were.
    pub(super) dropped: u64,
    pub(super) rows: Vec<Row>,
}

/// The packets of one interface.
pub(super) struct Row {
    /// The kernel's index of it.
    pub(super) index: u32,
    /// Its name. It may hold any character.
    pub(super) name: String,
    /// True if the interface went away within the round.
    pub(super) is_gone: bool,
    pub(super) counts: Summary,
}

impl Row {
    fn not_decoded(&self) -> u64 {
        self.counts.packets - self.counts.opaque.total() - self.readable()
    }

    fn readable(&self) -> u64 {
        self.counts.clear + self.counts.matched
    }
}

impl Round {
    /// Returns the interfaces of a round that is to be shown in so many lines, and the number of those that are left out: the
    /// quietest.
    fn leave_out(&self, most: usize) -> (Vec<&Row>, usize) {
        // The round itself, the headings and the number of what is left out have a line each.
        let room = most.saturating_sub(3).max(1);
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        if rows.len() <= room + 1 {
            return (rows, 0);
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.counts.packets));
        rows.truncate(room);
        rows.sort_by_key(|row| row.index);
        (rows, self.rows.len() - room)
    }

    /// Returns the lines of the table, at most so many: how long the round was, then the interfaces below their headings.
    pub(super) fn lines(&self, most: usize) -> Vec<String> {
        let (shown, left_out) = self.leave_out(most);
        let mut rows = vec![
            ["INTERFACE", "PACKETS/S", "OPAQUE", "READABLE", "NOT DECODED", "OPAQUE BY KIND"]
                .map(str::to_owned),
        ];
        rows.extend(shown.iter().map(|row| {
            let kinds = row.counts.opaque.each().map(|(kind, count)| format!("{} {kind}", self.rate(count)));
            let mut kinds: Vec<String> = kinds.collect();
            if row.is_gone {
                kinds.insert(0, "(gone)".to_owned());
            }
            [
                escape(&row.name).into_owned(),
                self.rate(row.counts.packets),
                self.rate(row.counts.opaque.total()),
                self.rate(row.readable()),
                self.rate(row.not_decoded()),
                kinds.join(", "),
            ]
        }));
        let widths: [usize; 6] = std::array::from_fn(|at| {
            rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default()
        });
        let line = |row: &[String; 6]| {
            let [name, numbers @ .., kinds] = row;
            let mut line = format!("{name:0$}", widths[0]);
            for (number, width) in numbers.iter().zip(&widths[1..]) {
                let _ = write!(line, "  {number:>width$}");
            }
            format!("{line}  {kinds}").trim_end().to_owned()
        };
        let first = format!(
            "{} in {:.1} s, {} dropped by kernel",
            counted(self.rows.len() as u64, "interface", "interfaces"),
            self.time.as_secs_f64(),
            self.dropped
        );
        let rest = (left_out > 0).then(|| format!("… and {left_out} quieter ones"));
        [first].into_iter().chain(rows.iter().map(line)).chain(rest).collect()
    }

    /// Returns the packets a second in words: with a digit behind the point where there are few.
    fn rate(&self, count: u64) -> String {
        match self.per_second(count) {
            _ if count == 0 => "0".to_owned(),
            few @ ..10.0 => format!("{few:.1}"),
            many => format!("{many:.0}"),
        }
    }

    fn per_second(&self, count: u64) -> f64 {
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        count / self.time.as_secs_f64().max(0.001)
    }

    /// Returns the object of the round: the numbers of packets, and the time in which they passed.
    pub(super) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let kinds: Map<String, Value> =
                row.counts.opaque.each().map(|(kind, count)| (kind.to_owned(), count.into())).collect();
            json!({
                "index": row.index,
                "name": row.name,
                "gone": row.is_gone,
                "packets": row.counts.packets,
                "opaque": row.counts.opaque.total(),
                "opaque_by_kind": kinds,
                "readable": row.readable(),
                "not_decoded": row.not_decoded(),
                "packets_per_second": (self.per_second(row.counts.packets) * 10.0).round() / 10.0,
            })
        });
        json!({
            "v": 1,
            "seconds": (self.time.as_secs_f64() * 1000.0).round() / 1000.0,
            "dropped": self.dropped,
            "interfaces": rows.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use ovlsniff::search::Outcome;

    use super::*;

    fn round() -> Round {
        let mut busy = Summary::default();
        let seen = [vec![Outcome::Opaque; 1100], vec![Outcome::Clear; 17]].concat();
        busy.count_skimmed(&seen);
        let row =
            |index, name: &str, counts| Row { index, name: name.to_owned(), is_gone: index == 9, counts };
        let rows = vec![row(2, "eth0", busy), row(9, "of\x1bfice", Summary::default())];
        Round { time: Duration::from_secs(2), dropped: 3, rows }
    }

    #[test]
    fn every_interface_has_a_line() {
        assert_eq!(
            round().lines(usize::MAX),
            [
                "2 interfaces in 2.0 s, 3 dropped by kernel",
                "INTERFACE     PACKETS/S  OPAQUE  READABLE  NOT DECODED  OPAQUE BY KIND",
                "eth0                558     550       8.5            0  550 ESP",
                "of\\u{1b}fice          0       0         0            0  (gone)",
            ]
        );
    }

    #[test]
    fn where_there_is_no_room_the_quietest_are_left_out() {
        let row = |index, packets| {
            let counts = Summary { packets, clear: packets, ..Summary::default() };
            Row { index, name: format!("eth{index}"), is_gone: false, counts }
        };
        let rows = vec![row(1, 0), row(2, 5), row(3, 1), row(4, 9)];
        let lines = Round { time: Duration::from_secs(1), dropped: 0, rows }.lines(5);
        assert_eq!(lines.len(), 5, "{lines:#?}");
        assert!(lines[0].starts_with("4 interfaces in "), "{lines:#?}");
        assert!(lines[2].starts_with("eth2 ") && lines[3].starts_with("eth4 "), "{lines:#?}");
        assert_eq!(lines[4], "… and 2 quieter ones");
    }

    #[test]
    fn json_has_the_numbers_themselves() {
        let json = round().json();
        assert_eq!((&json["v"], &json["seconds"], &json["dropped"]), (&1.into(), &2.0.into(), &3.into()));
        let eth = &json["interfaces"][0];
        assert_eq!((&eth["opaque_by_kind"]["ESP"], &eth["readable"]), (&1100.into(), &17.into()));
        assert_eq!((&eth["packets_per_second"], &eth["not_decoded"]), (&558.5.into(), &0.into()));
        assert_eq!(json["interfaces"][1]["gone"], true);
        assert!(!json.to_string().contains('\x1b'));
    }
}
