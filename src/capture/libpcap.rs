//! libpcap, loaded when it is first called.
//!
//! Only interfaces and filter expressions need libpcap, but a program that is linked with it loads it at every start, and
//! with it what the distribution built it with: D-Bus, systemd, gcrypt and compressors. To search a capture of one
//! packet, that was more than half of all instructions.
//!
//! The pcap crate declares libpcap's functions and asks the linker for the library. This file defines these functions, so
//! the linker has no need of the library any more and leaves it out (rustc links with `--as-needed`). Each of them calls the
//! function of the same name in the library, which is loaded by the first call and never unloaded. A function that the
//! crate calls and that is missing here comes from the library, which is then loaded at the start again; a test tells.
//!
//! A static program cannot load libraries. There this file is left out, and libpcap is linked as any other library is.
//!
//! The unsafe code in this file rests on one fact: the signatures below are those of pcap.h and
//! those that the pcap crate declares, as far as the calling convention goes (all pointers are alike to it). So whatever
//! the crate may pass to libpcap, it may pass to these functions.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use libloading::Library;

/// The library's names: Debian's and Ubuntu's, then everyone else's.
const NAMES: [&str; 2] = ["libpcap.so.0.8", "libpcap.so.1"];

/// The message of [`pcap_create`] if there is no library. libpcap's own messages have less than 256 bytes as well.
const ABSENT: &[u8] = b"libpcap cannot be loaded; install it (its package is libpcap0.8, or libpcap)\0";

/// The value that libpcap returns for an error.
const FAILED: c_int = -1;

type Pointer = *mut c_void;
type Chars = *mut c_char;

/// Defines functions that call those of the same names in the library, or return the value behind `=` without one.
macro_rules! forward {
    ($($name:ident($($value:ident: $type:ty),*) $(-> $result:ty)? = $absent:expr;)*) => {
        /// The library, and where its functions are.
        struct Functions {
            _library: Library,
            $($name: unsafe extern "C" fn($($type),*) $(-> $result)?,)*
        }

        impl Functions {
            fn of(library: Library) -> Result<Self, libloading::Error> {
                $(
                    // SAFETY: the library's function of this name has this signature. The pointer cannot outlive the
                    // library, which is kept beside it.
                    let $name = unsafe { *library.get(concat!(stringify!($name), "\0").as_bytes())? };
                )*
                Ok(Self { _library: library, $($name),* })
            }
        }

        $(
            // SAFETY: no other function of the program has this name, and the caller keeps the contract of libpcap's.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($value: $type),*) $(-> $result)? {
                match functions() {
                    // SAFETY: the caller's values are passed on as they are.
                    Some(functions) => unsafe { (functions.$name)($($value),*) },
                    None => $absent,
                }
            }
        )*
    };
}

forward! {
    pcap_activate(of: Pointer) -> c_int = FAILED;
    pcap_breakloop(of: Pointer) = ();
    pcap_close(of: Pointer) = ();
    pcap_compile(of: Pointer, program: Pointer, text: Chars, optimize: c_int, mask: c_uint) -> c_int = FAILED;
    pcap_create(device: Chars, message: Chars) -> Pointer = absent(message);
    pcap_datalink(of: Pointer) -> c_int = FAILED;
    pcap_datalink_name_to_val(name: Chars) -> c_int = FAILED;
    pcap_datalink_val_to_description(link: c_int) -> Chars = null_mut();
    pcap_datalink_val_to_name(link: c_int) -> Chars = null_mut();
    pcap_dump(to: Pointer, header: Pointer, bytes: Pointer) = ();
    pcap_dump_close(of: Pointer) = ();
    pcap_dump_flush(of: Pointer) -> c_int = FAILED;
    pcap_fileno(of: Pointer) -> c_int = FAILED;
    pcap_findalldevs(devices: Pointer, message: Chars) -> c_int = FAILED;
    pcap_fopen_offline(file: Pointer, message: Chars) -> Pointer = absent(message);
    pcap_fopen_offline_with_tstamp_precision(file: Pointer, precision: c_uint, message: Chars) -> Pointer
        = absent(message);
    pcap_free_datalinks(links: Pointer) = ();
    pcap_freealldevs(devices: Pointer) = ();
    pcap_freecode(program: Pointer) = ();
    pcap_geterr(of: Pointer) -> Chars = null_mut();
    pcap_list_datalinks(of: Pointer, links: Pointer) -> c_int = FAILED;
    pcap_major_version(of: Pointer) -> c_int = FAILED;
    pcap_minor_version(of: Pointer) -> c_int = FAILED;
    pcap_next_ex(of: Pointer, header: Pointer, bytes: Pointer) -> c_int = FAILED;
    pcap_offline_filter(program: Pointer, header: Pointer, bytes: Pointer) -> c_int = 0;
    pcap_open_dead(link: c_int, snaplen: c_int) -> Pointer = null_mut();
    pcap_open_dead_with_tstamp_precision(link: c_int, snaplen: c_int, precision: c_uint) -> Pointer = null_mut();
    pcap_set_buffer_size(of: Pointer, bytes: c_int) -> c_int = FAILED;
    pcap_set_datalink(of: Pointer, link: c_int) -> c_int = FAILED;
    pcap_set_immediate_mode(of: Pointer, on: c_int) -> c_int = FAILED;
    pcap_set_promisc(of: Pointer, on: c_int) -> c_int = FAILED;
    pcap_set_rfmon(of: Pointer, on: c_int) -> c_int = FAILED;
    pcap_set_snaplen(of: Pointer, snaplen: c_int) -> c_int = FAILED;
    pcap_set_timeout(of: Pointer, millis: c_int) -> c_int = FAILED;
    pcap_set_tstamp_precision(of: Pointer, precision: c_int) -> c_int = FAILED;
    pcap_set_tstamp_type(of: Pointer, kind: c_int) -> c_int = FAILED;
    pcap_setdirection(of: Pointer, direction: c_uint) -> c_int = FAILED;
    pcap_setfilter(of: Pointer, program: Pointer) -> c_int = FAILED;
    pcap_setnonblock(of: Pointer, on: c_int, message: Chars) -> c_int = FAILED;
    pcap_stats(of: Pointer, counts: Pointer) -> c_int = FAILED;
}

/// Returns the library's functions, or `None` if no library could be loaded.
fn functions() -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    let load = |name| {
        // SAFETY: libpcap and what it is linked with may be initialised at any time, in any thread.
        let library = unsafe { Library::new(name) }.ok()?;
        Functions::of(library).ok()
    };
    FUNCTIONS.get_or_init(|| NAMES.into_iter().find_map(load)).as_ref()
}

/// Leaves a message in the place that a caller of libpcap has for one.
fn absent(message: Chars) -> Pointer {
    // SAFETY: libpcap asks its callers for PCAP_ERRBUF_SIZE bytes, 256, and this is shorter.
    unsafe { message.copy_from_nonoverlapping(ABSENT.as_ptr().cast(), ABSENT.len()) };
    null_mut()
}
