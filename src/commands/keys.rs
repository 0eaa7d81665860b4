//! `ovlsniff keys`: the kernel's SAs, or those of a file, as a table that Wireshark reads.

use std::fs::{File, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{anyhow, bail};
use ovlsniff::escape::{escape, reason};
use ovlsniff::host::namespace::Namespace;
use ovlsniff::ipsec::{self, KernelSas, SaTable};
use ovlsniff::private_file;

use super::{Status, tell};
use crate::cli::Keys;

pub(super) fn run(args: &Keys) -> anyhow::Result<Status> {
    let file = args.output.as_deref().filter(|path| path.as_os_str() != "-");
    if file.is_none() && io::stdout().is_terminal() && !args.force {
        bail!("this would print keys on the terminal; write them to a file with -o FILE, or add --force");
    }
    let sas = if args.sa.is_empty() {
        let namespace = Namespace::given(args.netns.as_deref())?;
        let kernel = Namespace::run(namespace.as_ref(), ipsec::dump)??;
        tell_missing(&kernel);
        kernel.sas
    } else {
        ipsec::read_files(&args.sa)?
    };
    let sas: SaTable = sas.into_iter().collect();
    let (table, left_out) = ipsec::to_wireshark(sas.sas());
    for sa in &left_out {
        tell(format_args!(
            "ovlsniff: SA {} to {} left out: Wireshark has no {} with an ICV of {} bits",
            sa.spi.to_wireshark(),
            sa.destination.to_wireshark(),
            sa.algorithm.name(),
            sa.algorithm.icv_bits().unwrap_or(0)
        ));
    }
    if table.is_empty() {
        // Without a line to write, a file that is there keeps what it has.
        return Ok(Status::NoMatch);
    }
    match file {
        Some(path) => write_file(path, table.as_bytes())?,
        None => match write_out(table.as_bytes()) {
            // The reader has closed the pipe, which is no error.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.map_err(|error| anyhow!("write standard output: {}", reason(&error)))?,
        },
    }
    Ok(Status::Success)
}

/// Writes to standard output. A file there gets mode 0600 first, because the shell created it readable for everybody.
fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    if out.metadata()?.is_file() {
        out.set_permissions(Permissions::from_mode(0o600))?;
    }
    out.write_all(bytes)
}

/// Tells the user if the kernel keeps some of its keys back or has no SA at all.
pub(super) fn tell_missing(kernel: &KernelSas) {
    if let Some(warning) = kernel.warning() {
        tell(format_args!("ovlsniff: {warning}"));
    } else if kernel.sas.is_empty() {
        tell(
            "ovlsniff: the kernel has no SA of ESP here; name the namespace that has with --netns, or a file with --sa",
        );
    }
}

/// Writes the file whole or not at all. At no time can other users read it.
fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let shown = escape(&path.display().to_string()).into_owned();
    // The file is moved into place, so a device or a link such as /dev/stdout would be replaced instead of written to.
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        bail!("write {shown}: not a regular file; without -o the keys go to standard output");
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    private_file::replace(path, Path::new(&temporary), bytes)
        .map_err(|error| anyhow!("write {shown}: {}", reason(&error)))
}
