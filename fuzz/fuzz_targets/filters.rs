//! Filter expressions: libpcap's verdict, our words for a fault, and the interpreter on the bytes behind a zero byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::capture::bpf::{Expression, Filter, has_keyword, is_filter, shown, syntax_error};
use ovlsniff::packet::LinkType;
use ovlsniff::search::Filters;

const LINKS: [LinkType; 5] =
    [LinkType::ETHERNET, LinkType::RAW, LinkType::NULL, LinkType::LINUX_SLL2, LinkType::IEEE802_11_RADIOTAP];

fuzz_target!(|data: &[u8]| {
    let Some((&link, data)) = data.split_first() else { return };
    let link = LINKS[usize::from(link) % LINKS.len()];
    let (text, frame) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[0x45; 64][..]),
    };
    // libpcap's optimiser takes minutes for long ones, and it is not ours.
    let Ok(text) = std::str::from_utf8(text) else { return };
    if text.len() > 200 {
        return;
    }
    everything::assert_plain(shown(text).as_bytes());
    let _ = (is_filter(text), has_keyword(text));
    if let Some(fault) = syntax_error(text) {
        everything::assert_plain(fault.as_bytes());
        assert!(!fault.contains('\n') && fault.len() < 4096, "{fault}");
    }
    match Filter::compile(text, link) {
        Ok(mut filter) => {
            for len in [frame.len() as u32, u32::MAX] {
                let _ = filter.matches(frame, len);
            }
        }
        Err(error) => everything::assert_plain(error.to_string().as_bytes()),
    }
    if let Ok(mut filters) = Filters::new(Expression::of_ip(text), &[link]) {
        let _ = filters.matches(link, frame, frame.len() as u32);
    }
});
