//! The thread that keeps the names new.

use std::sync::Weak;
use std::time::{Duration, Instant};

use super::ask::Asked;
use super::{Fault, Shared, ask};
use crate::host::docker::engine::{Heard, Kept, rest};

/// The events after which something may have another name or address. The filter is
/// `{"type":["container","network","service"],"event":["start","die","died","rename","connect","disconnect","create",
/// "destroy","remove","update"]}`, encoded for a URL. Podman says `died` where Docker says `die`.
const EVENTS: &str = concat!(
    "/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%2C%22service%22%5D%2C%22event%22%3A%5B",
    "%22start%22%2C%22die%22%2C%22died%22%2C%22rename%22%2C%22connect%22%2C%22disconnect%22%2C%22create%22%2C",
    "%22destroy%22%2C%22remove%22%2C%22update%22%5D%7D"
);

/// The shortest time between two tables, also after an engine that was lost is found again.
const LEAST: Duration = Duration::from_secs(1);
/// The time after which the names are asked for again although nothing was heard.
const PERIOD: Duration = Duration::from_secs(60);
/// The time after which an idle connection is used. Podman closes it after ten seconds.
const IDLE: Duration = Duration::from_secs(5);
/// The time after which the names of an engine that tells no events are asked for again.
const DEAF: Duration = Duration::from_secs(5);

/// Asks for names, and listens, until nobody wants them any more.
pub(super) async fn watch(mut engine: Kept, shared: &Weak<Shared>) {
    let mut again = LEAST;
    loop {
        let begun = Instant::now();
        // Whatever happens from here on is heard, and what has happened before is in the answers.
        let _ = engine.listen(EVENTS).await;
        engine.forget().await;
        let asked = ask::table(&mut engine).await;
        let Some(wanted) = shared.upgrade() else { return };
        let pause = match asked {
            Err(error) if engine.is_lost() => {
                wanted.lose(&engine.loss(&error));
                again = (again * 2).min(PERIOD);
                again / 2
            }
            Ok(Asked { table, lost: Some(error), .. }) => {
                // Half of the names are better than none, and worse than all those of before.
                if !wanted.has_names() && !table.is_empty() {
                    wanted.put(table);
                }
                wanted.lose(&engine.loss(&error));
                again = (again * 2).min(PERIOD);
                again / 2
            }
            asked => {
                match asked {
                    Ok(Asked { table, missing, .. }) => {
                        wanted.put(table);
                        if let Some(missing) = missing {
                            wanted.complain(Fault::Missing, missing);
                        }
                    }
                    Err(error) => {
                        let part =
                            if engine.is_known() { "the engine does not tell its networks: " } else { "" };
                        let names = if wanted.has_names() { "names stay as they were" } else { "no names" };
                        wanted.complain(Fault::Missing, format!("{names}: {part}{error}"));
                    }
                }
                again = LEAST;
                (begun.elapsed() * 9).clamp(LEAST, PERIOD)
            }
        };
        wanted.answer();
        drop(wanted);
        if !wait(&mut engine, pause, shared).await || !quiet(&mut engine, begun, shared).await {
            return;
        }
    }
}

/// Waits, whatever happens. Returns false if nobody wants names any more.
async fn wait(engine: &mut Kept, time: Duration, shared: &Weak<Shared>) -> bool {
    let end = Instant::now() + time;
    while shared.strong_count() > 0 {
        let left = end.saturating_duration_since(Instant::now());
        rest(left.min(IDLE)).await;
        if left <= IDLE {
            return true;
        }
        if !engine.is_lost() {
            engine.ping().await;
        }
    }
    false
}

/// Waits until something has happened, or names that were asked for at `begun` are old. Returns false if nobody wants
/// names any more.
async fn quiet(engine: &mut Kept, begun: Instant, shared: &Weak<Shared>) -> bool {
    while !engine.is_lost() && begun.elapsed() < if engine.listens() { PERIOD } else { DEAF } {
        match engine.heard(IDLE).await {
            Heard::Event => break,
            Heard::End => {
                rest(LEAST).await;
                // The engine may be gone as a whole.
                engine.ping().await;
            }
            Heard::Nothing => engine.ping().await,
        }
        if shared.strong_count() == 0 {
            return false;
        }
        // Events that were missed while nobody listened are made up for by asking.
        if !engine.listens() && engine.listen(EVENTS).await.is_ok() && engine.listens() {
            break;
        }
        if let Some(wanted) = shared.upgrade().filter(|_| !engine.listens() && !engine.is_lost()) {
            let every = DEAF.as_secs();
            wanted.complain(Fault::Deaf, format!("the engine tells no events; it is asked every {every} s"));
        }
    }
    true
}
