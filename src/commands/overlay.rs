//! `ovlsniff overlay`: reads what was asked for and what the kernel has, plans the steps, applies and prints them.

mod status;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, bail};
use ovlsniff::escape::{counted, escape};
use ovlsniff::overlay::{
    self, DriverOptions, Kernel, NetworkSpec, OverlayFile, Plan, RotationStep, Secret, Secrets, SpecError,
    State, StateError, Step, Store,
};
use ovlsniff::packet::UdpPort;
use serde::Serialize;

use crate::cli::overlay::{self as typed, Act, Down, How, Keygen, Overlay, Rotate, Up};
use crate::commands::{Status, put, tell};

/// Runs a subcommand of `ovlsniff overlay`. The exit status is 0 when it is done or all is well, 1 when `status` found
/// something missing or `rotate` waits for a peer, and 2 after an error.
pub(crate) fn run(typed: &Overlay) -> anyhow::Result<Status> {
    // Secrets must not get into a core file or be read by another process of this user.
    nix::sys::prctl::set_dumpable(false)?;
    match &typed.act {
        Act::Up(up) => self::up(up),
        Act::Down(down) => self::down(down),
        Act::Status(status) => status::run(status),
        Act::Rotate(rotate) => self::rotate(rotate),
        Act::Keygen(keygen) => self::keygen(keygen),
    }
}

fn keygen(typed: &Keygen) -> anyhow::Result<Status> {
    let secret = Secret::generate()?;
    match &typed.output {
        Some(path) if path.as_os_str() != "-" => secret.create(path)?,
        _ => secret.write_out(&mut File::from(io::stdout().as_fd().try_clone_to_owned()?))?,
    }
    Ok(Status::Success)
}

fn up(typed: &Up) -> anyhow::Result<Status> {
    // Networks are checked before the kernel is asked, so that a mistake is told first. The one exception is a file
    // without --node: the kernel's addresses have to say which node this is.
    let file = typed.file.as_deref().map(OverlayFile::read).transpose()?;
    let known = match (&file, &typed.node) {
        (None, _) => Some(checked(vec![network(typed)?], &[], None)?),
        (Some(file), Some(node)) => Some(checked(file.networks(Some(node), &[])?, &typed.names, Some(file))?),
        (Some(_), None) => None,
    };
    // The state is locked before the kernel is read: no other `ovlsniff overlay` may change what the plan rests on.
    let store = if typed.how.dry_run { None } else { Some(Store::open(&typed.how.state)?) };
    let mut kernel = Kernel::open()?;
    let present = kernel.read()?;
    let (networks, secrets) = match (known, &file) {
        (None, Some(file)) => {
            checked(file.networks(None, &present.own_addresses())?, &typed.names, Some(file))?
        }
        (known, _) => known.unwrap_or_default(),
    };
    let mut state = match &store {
        Some(store) => store.load()?,
        None => Store::read(&typed.how.state)?,
    };
    let now = now()?;
    let begun = overlay::begin(&networks, &secrets, &mut state, typed.generation, now);
    begun.map_err(|error| placed(error, file.as_ref()))?;
    let plan = overlay::plan(&networks, &present, &state, &secrets);
    let plan = plan.map_err(|error| placed(error, file.as_ref()))?;
    // A dry run ends here. Only a try can tell what the kernel is able to do, and a try changes it for a moment.
    let Some(store) = store else { return announce(&plan, &typed.how) };
    check_kernel(&networks, &plan, &mut kernel)?;
    carry_out(&plan, &networks, &mut kernel, &secrets, &store)?;
    report(&plan, &kernel, &typed.how, || match plan.steps.len() {
        0 => format!("{}: nothing to do", list(&networks)),
        steps => format!("{}: up ({})", list(&networks), counted(steps, "step", "steps")),
    })
}

/// Returns the seconds since the epoch. The age of a generation of keys is counted in them.
fn now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map(|since| since.as_secs()).map_err(|_| anyhow!("the clock of this host is before 1970; set it"))
}

fn list(networks: &[NetworkSpec]) -> String {
    match networks {
        [first, _, _, _, _, ..] => format!("{} and {} more", first.name, networks.len() - 1),
        few => few.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn network(typed: &Up) -> anyhow::Result<NetworkSpec> {
    let [name] = typed.names.as_slice() else {
        bail!("overlay up builds one network at a time; for several: --file FILE")
    };
    if Path::new(name).extension().is_some_and(|ending| ending == "toml") || Path::new(name).is_file() {
        bail!("{name} is a file: to build its networks write ovlsniff overlay up -f {name}")
    }
    let options = DriverOptions::parse(typed.opt.iter().map(String::as_str))?;
    let Some(local) = typed.local else {
        bail!("overlay up {name}: which underlay address has this node? --local ADDRESS")
    };
    if let Some(what) = said_twice(typed, &options) {
        bail!("overlay up {name}: --{what} and --opt {what} say two different things; leave one out");
    }
    let Some(vni) = typed.vni.or(options.vni) else {
        bail!("overlay up {name}: no VNI was given; add --vni VNI")
    };
    let cipher = match (options.encrypted, options.cipher) {
        (false, Some(_)) => bail!("--opt cipher is for an encrypted network; add --opt encrypted"),
        (encrypted, cipher) => encrypted.then(|| cipher.unwrap_or_default()),
    };
    let port = typed.port.or(options.port);
    Ok(NetworkSpec {
        name: name.clone(),
        vni,
        port: port.map_or_else(|| NetworkSpec::default_port(vni, cipher.is_some()), UdpPort::value),
        cipher,
        key: typed.key.clone(),
        mtu: typed.mtu.or(options.mtu),
        local,
        address: typed.addr,
        peers: typed.peer.clone(),
        netns: typed.in_netns.clone(),
        bridge: typed.bridge.clone(),
        learn: typed.learn,
    })
}

/// Returns the name of a setting that a flag and `--opt` give different values, if there is one.
fn said_twice(typed: &Up, options: &DriverOptions) -> Option<&'static str> {
    fn differ<T: PartialEq + Copy>(flag: Option<T>, option: Option<T>) -> bool {
        flag.is_some() && option.is_some() && flag != option
    }
    let said = [
        ("vni", differ(typed.vni, options.vni)),
        ("port", differ(typed.port, options.port)),
        ("mtu", differ(typed.mtu, options.mtu)),
    ];
    said.into_iter().find_map(|(what, twice)| twice.then_some(what))
}

/// Checks the networks, and returns them with their secrets. If there are names, returns only the networks named.
fn checked(
    mut networks: Vec<NetworkSpec>,
    names: &[String],
    file: Option<&OverlayFile>,
) -> anyhow::Result<(Vec<NetworkSpec>, Secrets)> {
    overlay::validate(&networks).map_err(|error| placed(error, file))?;
    for name in names {
        if !networks.iter().any(|network| network.name == *name) {
            bail!("network {name}: not in the file");
        }
    }
    networks.retain(|network| names.is_empty() || names.contains(&network.name));
    let secrets = overlay::read_secrets(&networks)?;
    Ok((networks, secrets))
}

/// Adds the file and the line to an error about a network, if there is a file.
fn placed(error: SpecError, file: Option<&OverlayFile>) -> SpecError {
    match file {
        Some(file) => file.place(error),
        None => error,
    }
}

/// Tries the features of the kernel that the plan needs, and no others.
fn check_kernel(networks: &[NetworkSpec], plan: &Plan, kernel: &mut Kernel) -> anyhow::Result<()> {
    if plan.steps.iter().any(|step| matches!(step, Step::Vxlan(_))) {
        kernel.check_vxlan()?;
    }
    if plan.steps.iter().any(|step| matches!(step, Step::Sa(_))) {
        let mut tried = Vec::new();
        for network in networks {
            let Some(cipher) = network.cipher else { continue };
            if !tried.contains(&(network.local.is_ipv4(), cipher)) {
                kernel.check_esp(network.local, cipher)?;
                tried.push((network.local.is_ipv4(), cipher));
            }
        }
    }
    Ok(())
}

fn down(typed: &Down) -> anyhow::Result<Status> {
    let _store = if typed.how.dry_run { None } else { lock(&typed.how.state)? };
    let mut kernel = Kernel::open()?;
    let present = kernel.read()?;
    let state = Store::read(&typed.how.state).unwrap_or_default();
    let mut names = typed.names.clone();
    if typed.all {
        names.extend(overlay::names(&present));
    }
    names.sort();
    names.dedup();
    let (mut steps, unknown) = overlay::teardown(&names, &present, &state);
    if typed.all {
        steps.append(&mut overlay::teardown_left(&present));
    }
    if let Some(unknown) = unknown.first() {
        let there = overlay::names(&present);
        let there = if there.is_empty() {
            "there is none".into()
        } else {
            format!("there are: {}", there.join(", "))
        };
        bail!("network {unknown}: no such network of ours; {there}");
    }
    let plan = Plan { steps, remember: None };
    if typed.how.dry_run {
        return announce(&plan, &typed.how);
    }
    let failed = overlay::apply_all(&plan.steps, &mut kernel);
    if failed.is_empty() {
        return report(&plan, &kernel, &typed.how, || match plan.steps.len() {
            0 => "there is no network of ours to take down".into(),
            _ if names.is_empty() => "remains of networks without a device: down".into(),
            _ => format!("{}: down", names.join(", ")),
        });
    }
    for (step, cause) in &failed {
        tell(format_args!("ovlsniff: {step}: {cause}"));
    }
    let steps = counted(plan.steps.len(), "step", "steps");
    bail!("{} of {steps} failed, any others were done; try again", failed.len());
}

/// Locks the state folder, so that no `up` runs at the same time: its device would stand without the policies that are
/// removed here. `down` needs nothing else of the folder, and goes on without it if it cannot be opened.
fn lock(state: &Path) -> anyhow::Result<Option<Store>> {
    match Store::open(state) {
        Ok(store) => Ok(Some(store)),
        Err(busy @ StateError::Busy(_)) => Err(busy.into()),
        Err(other) => {
            tell(format_args!("ovlsniff: {other}; going on without it"));
            Ok(None)
        }
    }
}

fn rotate(typed: &Rotate) -> anyhow::Result<Status> {
    let step = match (typed.due, typed.step) {
        (Some(due), _) => RotationStep::Due(due),
        (None, None) => RotationStep::Next,
        (None, Some(typed::RotateStep::Prepare)) => RotationStep::Prepare,
        (None, Some(typed::RotateStep::Send)) => RotationStep::Send,
        (None, Some(typed::RotateStep::Drop)) => RotationStep::Drop,
    };
    let store = if typed.how.dry_run { None } else { Some(Store::open(&typed.how.state)?) };
    let state = match &store {
        Some(store) => store.load()?,
        None => Store::read(&typed.how.state)?,
    };
    let mut kernel = Kernel::open()?;
    let present = kernel.read()?;
    let mut networks = overlay::rotatable(&present);
    for name in &typed.names {
        if !networks.iter().any(|network| network.name() == name) {
            bail!("network {name}: no encrypted network of ours; see: ovlsniff overlay status");
        }
    }
    networks
        .retain(|network| typed.names.is_empty() || typed.names.iter().any(|name| name == network.name()));
    if networks.is_empty() && typed.due.is_none() {
        bail!("there is no encrypted network of ours to rotate; see: ovlsniff overlay status");
    }
    let secrets = secrets_of(&networks, &state, typed)?;
    let now = now()?;
    let (plan, outcomes) = overlay::rotate(&networks, &present, &state, &secrets, step, typed.force, now);
    let Some(store) = store else { return announce(&plan, &typed.how) };
    let built: Vec<NetworkSpec> = networks.iter().map(|network| network.network().clone()).collect();
    carry_out(&plan, &built, &mut kernel, &secrets, &store)?;
    report(&plan, &kernel, &typed.how, || {
        if outcomes.is_empty() {
            return "nothing to do".to_owned();
        }
        let lines = outcomes.iter().map(|o| format!("{}: generation {}, {}", o.name, o.generation, o.what));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    let waits = outcomes.iter().any(|outcome| outcome.waiting) && typed.due.is_none();
    Ok(if waits { Status::Amiss } else { Status::Success })
}

fn secrets_of(networks: &[overlay::Rotatable], state: &State, typed: &Rotate) -> anyhow::Result<Secrets> {
    let mut secrets = Secrets::new();
    for network in networks {
        let name = network.name();
        let Some(path) = typed.key.as_ref().or_else(|| network.key_file(state)) else {
            bail!(
                "network {name}: its state is not in {}; name the folder that it was built with (--state), or if the \
                 state is lost, rotate the other nodes, then here: ovlsniff overlay down {name}, and up with \
                 --generation N",
                typed.how.state.display()
            );
        };
        let secret = Secret::read(path)?;
        if !overlay::same_secret(network, &secret) {
            bail!("network {name}: {} is not the key it was built with ({})", path.display(), network.key());
        }
        secrets.insert(network.vni(), (secret.id(), secret));
    }
    Ok(secrets)
}

fn carry_out(
    plan: &Plan,
    networks: &[NetworkSpec],
    kernel: &mut Kernel,
    secrets: &Secrets,
    store: &Store,
) -> anyhow::Result<()> {
    if let Some(state) = &plan.remember {
        if let Err((path, cause)) = overlay::witness(networks, secrets, state) {
            let path = escape(&path.to_string_lossy()).into_owned();
            tell(format_args!("ovlsniff: {path}.used: {cause}; a lost state will not be noticed"));
        }
    }
    overlay::apply(plan, kernel, secrets, store).map_err(Into::into)
}

#[derive(Serialize)]
struct Document<'a> {
    v: u8,
    dry_run: bool,
    steps: &'a [Step],
    #[serde(skip_serializing_if = "Option::is_none")]
    netlink_messages: Option<u32>,
}

impl Document<'_> {
    fn text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// Prints the plan of a dry run.
fn announce(plan: &Plan, how: &How) -> anyhow::Result<Status> {
    let text = if how.json {
        Document { v: 1, dry_run: true, steps: &plan.steps, netlink_messages: None }.text()?
    } else if plan.steps.is_empty() {
        "nothing to do\n".to_owned()
    } else {
        plan.steps.iter().fold(String::new(), |text, step| text + &step.to_string() + "\n")
    };
    say(&text, Status::Success)
}

fn report(plan: &Plan, kernel: &Kernel, how: &How, words: impl Fn() -> String) -> anyhow::Result<Status> {
    let text = if how.json {
        let netlink_messages = Some(kernel.messages());
        Document { v: 1, dry_run: false, steps: &plan.steps, netlink_messages }.text()?
    } else {
        words() + "\n"
    };
    say(&text, Status::Success)
}

/// Writes the text and returns the status, even if the reader has closed the pipe.
fn say(text: &str, status: Status) -> anyhow::Result<Status> {
    match put(text.as_bytes()) {
        Err(unwritten) if unwritten.0.kind() != io::ErrorKind::BrokenPipe => Err(unwritten.into()),
        _ => Ok(status),
    }
}
