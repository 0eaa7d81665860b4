//! Answers that hold for many frames.
//!
//! A program asks a frame about few places, and most frames of a capture answer alike. So the way of a run is kept as all
//! that it depended on: bits of the frame's beginning that were as they were, and tests that came out as they did. A later
//! frame for which that holds too would take the same way, and gets the same answer without a run: some 40 instructions in
//! place of 300 for `tcp port 80`.
//!
//! Only ways that look at the first [`WINDOW`] bytes are kept, and compute nothing but masks. All others, and programs
//! that ask for more, are run. Where few frames are alike, nothing is kept for a while.

use super::{Alu, Program, Step, Test};

/// The bytes at the beginning of a frame that a way may depend on: Ethernet, a VLAN tag, IPv4 and ports.
const WINDOW: usize = 48;
const WORDS: usize = WINDOW / 8;
/// The most ways that are kept.
const MOST: usize = 8;
/// A run costs this many times what it saves when a way is known.
const PRICE: i32 = 10;
/// The most answers that are to be saved up for runs.
const CREDIT: i32 = 100;
/// The frames for which nothing is looked up, once runs have used up what was saved.
const PAUSE: u32 = 1000;

type Window = [u8; WINDOW];

/// The ways of late.
#[derive(Clone, Debug)]
pub(in crate::capture::bpf) struct Ways {
    ways: Vec<Way>,
    /// The way of the last frame, which is likely that of the next one.
    last: usize,
    credit: i32,
    pause: u32,
}

impl Default for Ways {
    fn default() -> Self {
        Self { ways: Vec::with_capacity(MOST), last: 0, credit: CREDIT, pause: 0 }
    }
}

impl Ways {
    /// Returns what `program` gives for a frame.
    #[inline]
    pub(in crate::capture::bpf) fn run(&mut self, program: &Program, bytes: &[u8], wire_len: u32) -> u32 {
        match bytes.first_chunk() {
            Some(window) if self.pause == 0 => self.known(window).unwrap_or_else(|| {
                self.learn(program, window);
                program.run(bytes, wire_len)
            }),
            Some(_) => {
                self.pause -= 1;
                program.run(bytes, wire_len)
            }
            None => program.run(bytes, wire_len),
        }
    }

    #[inline]
    fn known(&mut self, window: &Window) -> Option<u32> {
        let found = match self.ways.get(self.last) {
            Some(way) if way.is_that_of(window) => way,
            _ => {
                self.last = self.ways.iter().position(|way| way.is_that_of(window))?;
                self.ways.get(self.last)?
            }
        };
        self.credit = CREDIT.min(self.credit + 1);
        Some(found.result)
    }

    #[cold]
    fn learn(&mut self, program: &Program, window: &Window) {
        self.credit -= PRICE;
        if self.credit < 0 {
            *self = Self { pause: PAUSE, ..Self::default() };
        } else if self.ways.len() < MOST {
            self.ways.extend(program.way(window));
        }
    }
}

/// Everything that one run depended on, and its result.
#[derive(Clone, Debug, Default)]
struct Way {
    /// The bits that have to be as they were, and how they were.
    mask: [u64; WORDS],
    value: [u64; WORDS],
    /// The tests whose outcome does not follow from such bits.
    tests: Vec<Asked>,
    result: u32,
}

/// A test of a field, and its outcome.
#[derive(Clone, Copy, Debug)]
struct Asked {
    field: Field,
    test: Test,
    k: u32,
    outcome: bool,
}

/// A number in the window: some bits of a word in network byte order.
#[derive(Clone, Copy, Debug)]
struct Field {
    /// The place of the word, at most `WINDOW - 4`.
    at: usize,
    shift: u32,
    mask: u32,
}

impl Field {
    /// Makes the field of a load of `len` bytes, 1 to 4. `None` if it is not in the window.
    fn new(at: u64, len: usize) -> Option<Self> {
        let at = usize::try_from(at).ok().filter(|at| at + len <= WINDOW)?;
        let word = at.min(WINDOW - 4);
        Some(Self { at: word, shift: 32 - 8 * (at - word + len) as u32, mask: u32::MAX >> (32 - 8 * len) })
    }

    #[inline]
    fn of(self, window: &Window) -> u32 {
        let word = window.get(self.at..).and_then(<[u8]>::first_chunk);
        word.map_or(0, |word| u32::from_be_bytes(*word)) >> self.shift & self.mask
    }
}

impl Way {
    /// Returns true if a frame that begins so takes this way.
    #[inline]
    fn is_that_of(&self, window: &Window) -> bool {
        let words = words(window);
        let differ = (0..WORDS).fold(0, |differ, at| differ | (words[at] ^ self.value[at]) & self.mask[at]);
        differ == 0
            && self
                .tests
                .iter()
                .all(|asked| asked.test.holds(asked.field.of(window), asked.k) == asked.outcome)
    }

    /// Has the way depend on these bits.
    fn needs(&mut self, field: Field, window: &Window) {
        let mut mask: Window = [0; WINDOW];
        mask[field.at..field.at + 4].copy_from_slice(&(field.mask << field.shift).to_be_bytes());
        for (at, mask) in words(&mask).into_iter().enumerate() {
            self.mask[at] |= mask;
            self.value[at] = words(window)[at] & self.mask[at];
        }
    }

    /// Has the way depend on the outcome of a test, which is returned.
    fn asks(&mut self, field: Field, test: Test, k: u32, window: &Window) -> bool {
        let outcome = test.holds(field.of(window), k);
        match (test, outcome) {
            (Test::Eq, true) => self.needs(field, window),
            (Test::Set, false) => self.needs(Field { mask: field.mask & k, ..field }, window),
            _ => self.tests.push(Asked { field, test, k, outcome }),
        }
        outcome
    }
}

fn words(window: &Window) -> [u64; WORDS] {
    std::array::from_fn(|at| window[8 * at..].first_chunk().map_or(0, |word| u64::from_ne_bytes(*word)))
}

impl Program {
    /// Returns the way of a frame. `None` if it depends on more than a way can tell.
    fn way(&self, window: &Window) -> Option<Way> {
        let mut way = Way::default();
        // Each register holds a part of the frame, or something that a way does not tell.
        let (mut a, mut x) = (None, None);
        let mut pc = 0;
        loop {
            let step = *self.steps.get(pc)?;
            pc += 1;
            match step {
                Step::Word(k) => a = Some(Field::new(k.into(), 4)?),
                Step::Half(k) => a = Some(Field::new(k.into(), 2)?),
                Step::Byte(k) => a = Some(Field::new(k.into(), 1)?),
                Step::WordAtX(k) => a = Some(Field::new(u64::from(k) + x?, 4)?),
                Step::HalfAtX(k) => a = Some(Field::new(u64::from(k) + x?, 2)?),
                Step::ByteAtX(k) => a = Some(Field::new(u64::from(k) + x?, 1)?),
                Step::XHeader(k) => {
                    let field = Field { mask: 0xf, ..Field::new(k.into(), 1)? };
                    way.needs(field, window);
                    x = Some(u64::from(field.of(window) << 2));
                }
                Step::AluK(Alu::And, k) => {
                    let field: Field = a?;
                    a = Some(Field { mask: field.mask & k, ..field });
                }
                Step::IfEq(k, yes, no) => {
                    pc += usize::from(if way.asks(a?, Test::Eq, k, window) { yes } else { no });
                }
                Step::IfK(test, k, yes, no) => {
                    pc += usize::from(if way.asks(a?, test, k, window) { yes } else { no });
                }
                Step::Jump(by) => pc += usize::try_from(by).ok()?,
                Step::Return(k) => {
                    way.result = k;
                    return Some(way);
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tcp port 80` on Ethernet, for IPv4 alone.
    const PORT_80: &str = "40 0 0 12\n21 0 10 2048\n48 0 0 23\n21 0 8 6\n40 0 0 20\n69 6 0 8191\n177 0 0 14\n72 0 0 14\n\
                           21 2 0 80\n72 0 0 16\n21 0 1 80\n6 0 0 262144\n6 0 0 0";

    fn frame(source: u16, destination: u16) -> Vec<u8> {
        let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
        let header = [0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        [&[2; 12][..], &[8, 0], &header, &ports, &[0; 26]].concat()
    }

    #[test]
    fn frames_that_differ_where_nothing_was_asked_take_the_same_way() {
        let program = Program::parse(PORT_80.lines().map(str::to_owned)).unwrap();
        let mut ways = Ways::default();
        for port in 1000..1500 {
            for (source, destination) in [(80, port), (port, 80), (port, 81)] {
                let passes = ways.run(&program, &frame(source, destination), 60) != 0;
                assert_eq!(passes, source == 80 || destination == 80, "{source} {destination}");
            }
        }
        assert_eq!((ways.ways.len(), ways.credit), (3, CREDIT));
    }

    #[test]
    fn what_a_test_asked_for_ends_a_way() {
        let program = Program::parse(PORT_80.lines().map(str::to_owned)).unwrap();
        for at in 0..WINDOW {
            let mut ways = Ways::default();
            let mut other = frame(9, 80);
            ways.run(&program, &other, 60);
            assert_eq!(ways.ways.len(), 1);
            other[at] ^= 0x09;
            assert_eq!(ways.run(&program, &other, 60), program.run(&other, 60), "{at}");
        }
    }

    #[test]
    fn a_program_that_asks_for_more_is_run_and_seldom_tried_again() {
        // `greater 100`
        let program =
            Program::parse("128 0 0 0\n53 0 1 100\n6 0 0 1\n6 0 0 0".lines().map(str::to_owned)).unwrap();
        let mut ways = Ways::default();
        let mut paused = 0;
        for len in 0..5000 {
            assert_eq!(ways.run(&program, &frame(1, 2), len) != 0, len >= 100);
            paused += u32::from(ways.pause > 0);
        }
        assert!(ways.ways.is_empty() && paused > 4900, "{paused}");
    }
}
