//! Classic BPF, the machine of "The BSD Packet Filter" (USENIX Winter 1993), as libpcap runs it.
//!
//! A program is checked once, before it is run: every instruction is known, every jump leads to an instruction, and
//! the last instruction returns. Conditional jumps can only lead forward. Unconditional ones may lead back, which
//! libpcap uses for `protochain`, to go to the next header of a chain. A run may jump back [`MAX_LOOPS`] times, so
//! every run ends. A load past the captured bytes and a division by zero end the run without a match.

mod ways;

pub(super) use ways::Ways;

/// A program that has passed the check.
#[derive(Clone, Debug)]
pub(super) struct Program {
    steps: Box<[Step]>,
}

/// The source of an instruction's second operand: the instruction itself or the index register.
#[derive(Clone, Copy, Debug)]
enum Operand {
    K(u32),
    X,
}

#[derive(Clone, Copy, Debug)]
enum Alu {
    Add,
    Sub,
    Mul,
    Div,
    Or,
    And,
    Lsh,
    Rsh,
    Mod,
    Xor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Eq,
    Gt,
    Ge,
    Set,
}

/// An instruction. Jumps are relative to the instruction that follows.
#[derive(Clone, Copy, Debug)]
enum Step {
    Word(u32),
    Half(u32),
    Byte(u32),
    WordAtX(u32),
    HalfAtX(u32),
    ByteAtX(u32),
    Len,
    Imm(u32),
    Mem(u8),
    XImm(u32),
    XMem(u8),
    XLen,
    /// X = 4 times the low nibble of a byte: the length of an IPv4 header.
    XHeader(u32),
    Store(u8),
    StoreX(u8),
    AluK(Alu, u32),
    AluX(Alu),
    Neg,
    /// The only jump that may lead back.
    Jump(i32),
    /// The most frequent test, apart from the others for speed.
    IfEq(u32, u8, u8),
    IfK(Test, u32, u8, u8),
    IfX(Test, u8, u8),
    Return(u32),
    ReturnA,
    ReturnX,
    ToX,
    ToA,
}

const MEMORY: usize = 16;

/// The number of backward jumps in one run, and so the number of chained headers that are followed. A packet with
/// more does not match.
const MAX_LOOPS: u32 = 256;

impl Program {
    /// Parses lines of `code jt jf k` in decimal, as `tcpdump -ddd` prints them. `None` if the program fails the
    /// check.
    pub(super) fn parse(lines: impl Iterator<Item = String>) -> Option<Self> {
        let steps: Box<[Step]> = lines
            .map(|line| {
                let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
                let mut number = || numbers.next()?.ok();
                let (code, jt, jf, k) = (number()?, number()?, number()?, number()?);
                Step::of(code, u8::try_from(jt).ok()?, u8::try_from(jf).ok()?, k)
            })
            .collect::<Option<_>>()?;
        let last = steps.last()?;
        let inside = |at: usize, by: u32| at + 1 + (by as usize) < steps.len();
        let sound = steps.iter().enumerate().all(|(at, step)| match *step {
            Step::Jump(by) => target(at + 1, by).is_some_and(|to| to < steps.len()),
            Step::IfEq(_, t, f) | Step::IfK(_, _, t, f) | Step::IfX(_, t, f) => {
                inside(at, t.into()) && inside(at, f.into())
            }
            Step::Mem(m) | Step::XMem(m) | Step::Store(m) | Step::StoreX(m) => usize::from(m) < MEMORY,
            Step::AluK(Alu::Div | Alu::Mod, 0) => false,
            _ => true,
        });
        let returns = matches!(last, Step::Return(_) | Step::ReturnA | Step::ReturnX);
        (sound && returns).then_some(Self { steps })
    }

    /// Returns true if the program asks the kernel about a frame, by a load from an offset that no frame has
    /// (`SKF_AD_OFF`, linux/filter.h). Outside of the kernel nobody can answer.
    pub(super) fn asks_the_kernel(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(*step, Step::Word(k) | Step::Half(k) | Step::Byte(k) if k >= 0xffff_f000))
    }

    /// Runs the program and returns its result, which is 0 for no match.
    #[inline]
    pub(super) fn run(&self, bytes: &[u8], wire_len: u32) -> u32 {
        self.execute(bytes, wire_len).unwrap_or(0)
    }

    fn execute(&self, bytes: &[u8], wire_len: u32) -> Option<u32> {
        let (mut a, mut x) = (0u32, 0u32);
        let mut memory = [0u32; MEMORY];
        let mut pc = 0usize;
        let mut loops = 0;
        loop {
            let step = *self.steps.get(pc)?;
            pc += 1;
            match step {
                Step::Half(k) => a = half(bytes, u64::from(k))?,
                Step::Byte(k) => a = byte(bytes, u64::from(k))?,
                Step::Word(k) => a = word(bytes, u64::from(k))?,
                Step::IfEq(k, yes, no) => pc += usize::from(if a == k { yes } else { no }),
                Step::IfK(test, k, yes, no) => pc += usize::from(if test.holds(a, k) { yes } else { no }),
                Step::IfX(test, yes, no) => pc += usize::from(if test.holds(a, x) { yes } else { no }),
                Step::XHeader(k) => x = (byte(bytes, u64::from(k))? & 0xf) << 2,
                Step::HalfAtX(k) => a = half(bytes, u64::from(k) + u64::from(x))?,
                Step::ByteAtX(k) => a = byte(bytes, u64::from(k) + u64::from(x))?,
                Step::WordAtX(k) => a = word(bytes, u64::from(k) + u64::from(x))?,
                Step::AluK(alu, k) => a = alu.of(a, k)?,
                Step::AluX(alu) => a = alu.of(a, x)?,
                Step::Len => a = wire_len,
                Step::Imm(k) => a = k,
                Step::Mem(m) => a = *memory.get(usize::from(m))?,
                Step::XImm(k) => x = k,
                Step::XMem(m) => x = *memory.get(usize::from(m))?,
                Step::XLen => x = wire_len,
                Step::Store(m) => *memory.get_mut(usize::from(m))? = a,
                Step::StoreX(m) => *memory.get_mut(usize::from(m))? = x,
                Step::Neg => a = a.wrapping_neg(),
                Step::Jump(by) => {
                    loops += u32::from(by < 0);
                    if loops > MAX_LOOPS {
                        return None;
                    }
                    pc = target(pc, by)?;
                }
                Step::ToX => x = a,
                Step::ToA => a = x,
                Step::Return(k) => return Some(k),
                Step::ReturnA => return Some(a),
                Step::ReturnX => return Some(x),
            }
        }
    }
}

impl Step {
    /// Decodes an instruction. `None` if the code is unknown.
    fn of(code: u32, jt: u8, jf: u8, k: u32) -> Option<Self> {
        let slot = u8::try_from(k).unwrap_or(u8::MAX);
        let operand = if code & 8 == 0 { Operand::K(k) } else { Operand::X };
        Some(match (code & 7, code & !7) {
            (0, 0x20) => Self::Word(k),
            (0, 0x28) => Self::Half(k),
            (0, 0x30) => Self::Byte(k),
            (0, 0x40) => Self::WordAtX(k),
            (0, 0x48) => Self::HalfAtX(k),
            (0, 0x50) => Self::ByteAtX(k),
            (0, 0x80) => Self::Len,
            (0, 0x00) => Self::Imm(k),
            (0, 0x60) => Self::Mem(slot),
            (1, 0x00) => Self::XImm(k),
            (1, 0x60) => Self::XMem(slot),
            (1, 0x80) => Self::XLen,
            (1, 0xb0) => Self::XHeader(k),
            (2, 0) => Self::Store(slot),
            (3, 0) => Self::StoreX(slot),
            (4, 0x80) => Self::Neg,
            (4, op) => {
                let alu = Alu::of_code(op & !8)?;
                match operand {
                    Operand::K(k) => Self::AluK(alu, k),
                    Operand::X => Self::AluX(alu),
                }
            }
            (5, 0x00) => Self::Jump(i32::from_ne_bytes(k.to_ne_bytes())),
            (5, 0x10) => Self::IfEq(k, jt, jf),
            (5, op) => {
                let test = Test::of_code(op & !8)?;
                match operand {
                    Operand::K(k) => Self::IfK(test, k, jt, jf),
                    Operand::X => Self::IfX(test, jt, jf),
                }
            }
            (6, 0x00) => Self::Return(k),
            (6, 0x08) => Self::ReturnX,
            (6, 0x10) => Self::ReturnA,
            (7, 0x00) => Self::ToX,
            (7, 0x80) => Self::ToA,
            _ => return None,
        })
    }
}

impl Alu {
    fn of_code(op: u32) -> Option<Self> {
        Some(match op {
            0x00 => Self::Add,
            0x10 => Self::Sub,
            0x20 => Self::Mul,
            0x30 => Self::Div,
            0x40 => Self::Or,
            0x50 => Self::And,
            0x60 => Self::Lsh,
            0x70 => Self::Rsh,
            0x90 => Self::Mod,
            0xa0 => Self::Xor,
            _ => return None,
        })
    }

    /// Computes modulo 2^32. A shift by 32 or more gives 0, and a division by zero gives `None`.
    #[inline]
    fn of(self, a: u32, b: u32) -> Option<u32> {
        Some(match self {
            Self::Add => a.wrapping_add(b),
            Self::Sub => a.wrapping_sub(b),
            Self::Mul => a.wrapping_mul(b),
            Self::Div => a.checked_div(b)?,
            Self::Or => a | b,
            Self::And => a & b,
            Self::Lsh => a.checked_shl(b).unwrap_or(0),
            Self::Rsh => a.checked_shr(b).unwrap_or(0),
            Self::Mod => a.checked_rem(b)?,
            Self::Xor => a ^ b,
        })
    }
}

impl Test {
    fn of_code(op: u32) -> Option<Self> {
        Some(match op {
            0x10 => Self::Eq,
            0x20 => Self::Gt,
            0x30 => Self::Ge,
            0x40 => Self::Set,
            _ => return None,
        })
    }

    #[inline]
    fn holds(self, a: u32, b: u32) -> bool {
        match self {
            Self::Eq => a == b,
            Self::Gt => a > b,
            Self::Ge => a >= b,
            Self::Set => a & b != 0,
        }
    }
}

/// Returns the index that a jump leads to. It is counted from the instruction after the jump.
fn target(next: usize, by: i32) -> Option<usize> {
    next.checked_add_signed(isize::try_from(by).ok()?)
}

#[inline]
fn byte(bytes: &[u8], at: u64) -> Option<u32> {
    bytes.get(usize::try_from(at).ok()?).map(|b| u32::from(*b))
}

#[inline]
fn half(bytes: &[u8], at: u64) -> Option<u32> {
    bytes.get(usize::try_from(at).ok()?..)?.first_chunk().map(|b| u32::from(u16::from_be_bytes(*b)))
}

#[inline]
fn word(bytes: &[u8], at: u64) -> Option<u32> {
    bytes.get(usize::try_from(at).ok()?..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}
