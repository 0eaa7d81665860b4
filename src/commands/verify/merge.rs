//! `ovlsniff verify merge`: the reports of several nodes in one matrix.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use nix::fcntl::OFlag;
use ovlsniff::escape::reason;
use ovlsniff::host::descriptors;
use ovlsniff::print::merged;
use ovlsniff::verify::Expectation;
use ovlsniff::verify::merge::{MergeTerms, Merged, Pairs, Reports};

use super::{told, unprivileged};
use crate::cli::{self, At, Expect, Merge, MergeFormat};
use crate::commands::Status;

/// The most files of one folder. Each holds the reports of at least one node.
const MOST_FILES: usize = 100_000;
/// The number of descriptors that are left for other things than reports.
const SPARE: u64 = 64;

pub(super) fn run(args: &Merge) -> anyhow::Result<Status> {
    let output = told::Output::check(args.output.as_deref())?;
    let files = files(&args.files)?;
    if let Some(output) = args.output.as_deref() {
        spared(output, &files)?;
        apart(output, &args.files)?;
    }
    let most = descriptors::raise_limit().saturating_sub(SPARE);
    let files: Vec<Open> = (0..).zip(files).map(|(at, named)| Open::of(named, at < most)).collect();
    unprivileged::begin_files(&args.into())?;
    let at = match args.at {
        Some(At::Time(time)) => Some(time),
        Some(At::Newest) => None,
        None => Some(told::now()),
    };
    let mut reports = Reports::at(at, args.stale);
    for file in files {
        file.read(&mut reports)?;
    }
    let at = at.or_else(|| reports.newest_time()).unwrap_or_else(told::now);
    let pairs = match args.pairs {
        cli::Pairs::All => Pairs::All,
        cli::Pairs::Known => Pairs::Known,
    };
    let expected = match args.expect {
        Expect::Encrypted => Expectation::Encrypted,
        Expect::Clear => Expectation::Clear,
    };
    let terms = MergeTerms { at, stale: args.stale, pairs, accepted: args.accept.clone() };
    let merged = Merged::of(reports, terms);
    let format = if args.json { MergeFormat::Json } else { args.format };
    let text = match format {
        MergeFormat::Text => merged::text(&merged, expected),
        MergeFormat::Json => merged::json(&merged, expected),
        MergeFormat::Html => merged::html(&merged, expected),
    };
    output.deliver(text.as_bytes())?;
    Ok(Status::Verdict(merged.exit_status(expected)))
}

/// Refuses to write over a report that is to be read, by whatever name.
fn spared(output: &Path, files: &[Named]) -> anyhow::Result<()> {
    // A descriptor and a device are written to as they are, and nothing is replaced.
    let Some(there) = fs::metadata(output).ok().filter(fs::Metadata::is_file) else { return Ok(()) };
    let is_same = |named: &&Named| {
        fs::metadata(&named.path).is_ok_and(|file| (file.dev(), file.ino()) == (there.dev(), there.ino()))
    };
    match files.iter().find(is_same) {
        Some(_) => {
            bail!("write {}: it is one of the reports to be merged; name another file", output.display())
        }
        None => Ok(()),
    }
}

/// Refuses to write the matrix to a place where the next merge of these folders would take it for a report.
fn apart(output: &Path, named: &[PathBuf]) -> anyhow::Result<()> {
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(parent) = fs::canonicalize(parent.unwrap_or_else(|| Path::new("."))) else { return Ok(()) };
    let is_read = |folder: &PathBuf| folder.is_dir() && fs::canonicalize(folder).is_ok_and(|it| it == parent);
    if is_report(output) && named.iter().any(is_read) {
        bail!(
            "write {}: the next merge of its folder would take it for a report; name a file elsewhere",
            output.display()
        );
    }
    Ok(())
}

/// Returns true if a file of a folder is read as reports.
fn is_report(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    path.extension() == Some(OsStr::new("json")) && !is_hidden
}

/// Returns the files that were named, with those of the folders among them. What is not there is an error before anything
/// is read.
fn files(named: &[PathBuf]) -> anyhow::Result<Vec<Named>> {
    let mut files = Vec::new();
    for path in named {
        if path == Path::new("-") {
            files.push(Named { path: path.clone(), is_found: false });
            continue;
        }
        let cannot = |error: io::Error| anyhow!("read {}: {}", path.display(), reason(&error));
        if !fs::metadata(path).map_err(cannot)?.is_dir() {
            files.push(Named { path: path.clone(), is_found: false });
            continue;
        }
        let mut within = Vec::new();
        for entry in fs::read_dir(path).map_err(cannot)? {
            let found = entry.map_err(cannot)?.path();
            if is_report(&found) {
                within.push(found);
            }
            if within.len() > MOST_FILES {
                bail!("read {}: there are more than {MOST_FILES} reports in it", path.display());
            }
        }
        if within.is_empty() {
            bail!("read {}: there is no file *.json in it", path.display());
        }
        // The order of a folder differs from one machine to the next.
        within.sort();
        files.extend(within.into_iter().map(|path| Named { path, is_found: true }));
    }
    Ok(files)
}

/// A file of reports.
struct Named {
    path: PathBuf,
    /// True if it was found in a folder. Whoever named a file may wait for a pipe; nobody waits for one that lies about.
    is_found: bool,
}

/// A file that was opened before root was left. Of too many files for one process, the last are opened later, as if nobody
/// had been root.
struct Open {
    named: Named,
    file: Option<io::Result<File>>,
}

impl Named {
    fn open(&self) -> io::Result<File> {
        if self.path == Path::new("-") {
            return io::stdin().as_fd().try_clone_to_owned().map(File::from);
        }
        if !self.is_found {
            return File::open(&self.path);
        }
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&self.path)?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
    }
}

impl Open {
    fn of(named: Named, now: bool) -> Self {
        Self { file: now.then(|| named.open()), named }
    }

    /// Reads the reports of the file.
    fn read(self, reports: &mut Reports) -> anyhow::Result<()> {
        let name = self.named.path.display().to_string();
        let file = self.file.unwrap_or_else(|| self.named.open());
        match file.and_then(|file| reports.read(&name, file)) {
            Err(error) if name == "-" => bail!("read standard input: {}", reason(&error)),
            // One file that cannot be read is told in the matrix: the others still say what they say.
            Err(error) => reports.refuse("unreadable", &name, reason(&error)),
            Ok(()) => {}
        }
        Ok(())
    }
}
