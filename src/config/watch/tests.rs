//! The quiet with a clock moved by hand; and real files with real events, awaited.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::clock::SimulatedClock;
use crate::config::{Environment, load};

const SANDBOX: &str = "[pipedrive]\nsandbox = true\n";
const ALICE: &str = "[accounts.alice]\nprovider = \"folder\"\npath = \"x\"\nowner = \"a@b\"\ngroup = \"*\"\n\
                     direction = \"one-way\"\nvisibility = \"owner\"\n";

#[tokio::test]
async fn a_burst_is_one_edit_two_seconds_after_its_end() {
    let clock = SimulatedClock::new(Moment(0));
    let mut quiet = Quiet { clock: Arc::new(clock.clone()), due: None };
    let (touch, mut touches) = mpsc::unbounded_channel();
    let mut settled = Box::pin(async { while !quiet.settled(touches.recv().map(drop)).await {} });
    for _ in 0..5 {
        touch.send(()).expect("listening");
        assert!(settled.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_millis(1999));
        assert!(settled.as_mut().now_or_never().is_none(), "not before two seconds of quiet");
    }
    clock.advance(Duration::from_millis(1));
    assert!(settled.as_mut().now_or_never().is_some());
}

#[tokio::test]
async fn a_wait_that_is_dropped_forgets_nothing() {
    let clock = SimulatedClock::new(Moment(0));
    let mut quiet = Quiet { clock: Arc::new(clock.clone()), due: None };
    let (touch, mut touches) = mpsc::unbounded_channel();
    touch.send(()).expect("listening");
    assert_eq!(quiet.settled(touches.recv().map(drop)).now_or_never(), Some(false), "touched, not yet quiet");
    assert_eq!(quiet.settled(touches.recv().map(drop)).now_or_never(), None);
    clock.advance(QUIET);
    assert_eq!(
        quiet.settled(touches.recv().map(drop)).now_or_never(),
        Some(true),
        "the edit was seen by the first wait"
    );
}

/// A configuration on disk, watched.
struct World {
    directory: TempDir,
    env: Environment,
    clock: SimulatedClock,
    watch: ConfigWatch,
}

impl World {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        prepare(directory.path());
        let env = Environment { config_path: directory.path().join("carnetd.toml"), ..Environment::default() };
        let clock = SimulatedClock::new(Moment(0));
        let config = load(&env).unwrap_or_else(|problems| panic!("{problems}"));
        let watcher = Watcher::new().expect("a watcher");
        let watch = ConfigWatch::new(&watcher, &config, Arc::new(clock.clone())).expect("watched");
        Self { directory, env, clock, watch }
    }

    fn plain() -> Self {
        Self::new(|directory| fs::write(directory.join("carnetd.toml"), SANDBOX).expect("written"))
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Waits for an edit while time runs, and loads.
    async fn edited(&mut self) -> Result<Config, Problems> {
        let clock = self.clock.clone();
        let time = async move {
            loop {
                clock.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
        };
        let edited = async {
            tokio::select! {
                () = self.watch.edited() => {}
                () = time => {}
            }
        };
        tokio::time::timeout(Duration::from_secs(20), edited).await.expect("the edit is noticed");
        let loaded = load(&self.env);
        self.watch.follow(&loaded).expect("watched");
        loaded
    }

    fn is_quiet(&mut self) -> bool {
        self.clock.advance(QUIET);
        self.watch.edited().now_or_never().is_none()
    }
}

#[tokio::test]
async fn an_edit_in_place_and_a_replaced_file_are_edits() {
    let mut world = World::plain();
    fs::write(world.at("carnetd.toml"), format!("history = \"1d\"\n{SANDBOX}")).expect("written");
    assert_eq!(world.edited().await.expect("good").history, Duration::from_hours(24));
    fs::write(world.at("carnetd.toml.new"), format!("history = \"2d\"\n{SANDBOX}")).expect("written");
    fs::rename(world.at("carnetd.toml.new"), world.at("carnetd.toml")).expect("replaced");
    assert_eq!(world.edited().await.expect("good").history, Duration::from_hours(48));
    assert!(world.is_quiet());
}

#[tokio::test]
async fn a_file_that_is_removed_and_comes_back_is_two_edits() {
    let mut world = World::plain();
    fs::remove_file(world.at("carnetd.toml")).expect("removed");
    let gone = world.edited().await.expect_err("there is no file");
    assert!(gone.to_string().contains("cannot read the file"), "{gone}");
    fs::write(world.at("carnetd.toml"), SANDBOX).expect("written");
    world.edited().await.expect("good again");
}

#[tokio::test]
async fn an_accounts_directory_may_come_later_and_its_files_count() {
    let mut world = World::plain();
    fs::create_dir(world.at("accounts.d")).expect("made");
    fs::write(world.at("accounts.d/alice.toml"), ALICE).expect("written");
    while world.edited().await.expect("good").accounts.is_empty() {}
    fs::write(world.at("accounts.d/alice.toml"), "broken").expect("written");
    world.edited().await.expect_err("broken");
    fs::remove_file(world.at("accounts.d/alice.toml")).expect("removed");
    assert!(world.edited().await.expect("good").accounts.is_empty());
}

#[tokio::test]
async fn a_directory_that_a_refused_file_names_is_waited_for() {
    let mut world = World::plain();
    fs::write(world.at("carnetd.toml"), format!("accounts_dir = \"a/b\"\n{SANDBOX}")).expect("written");
    world.edited().await.expect_err("it is not there");
    fs::create_dir_all(world.at("a/b")).expect("made");
    assert_eq!(world.edited().await.expect("good").accounts_dir, Some(world.at("a/b")));
}

#[tokio::test]
async fn a_swapped_volume_is_an_edit() {
    let mut world = World::new(|directory| {
        fs::create_dir(directory.join("..one")).expect("made");
        fs::write(directory.join("..one/carnetd.toml"), SANDBOX).expect("written");
        symlink("..one", directory.join("..data")).expect("linked");
        symlink("..data/carnetd.toml", directory.join("carnetd.toml")).expect("linked");
    });
    for (name, days) in [("..two", 1), ("..three", 2)] {
        fs::create_dir(world.at(name)).expect("made");
        let text = format!("history = \"{days}d\"\n{SANDBOX}");
        fs::write(world.at(name).join("carnetd.toml"), text).expect("written");
        symlink(name, world.at("..tmp")).expect("linked");
        fs::rename(world.at("..tmp"), world.at("..data")).expect("swapped");
        assert_eq!(world.edited().await.expect("good").history, Duration::from_secs(days * 86_400));
    }
}

#[tokio::test]
async fn what_does_not_change_the_configuration_is_no_edit() {
    let mut world = World::plain();
    fs::create_dir(world.at("accounts.d")).expect("made");
    world.edited().await.expect("a directory more");
    for name in ["notes.txt", ".carnetd.toml.swp", "accounts.d/.#alice.toml", "accounts.d/alice.toml~"] {
        fs::write(world.at(name), "x").expect("written");
    }
    fs::write(world.at("carnetd.toml"), SANDBOX).expect("the same again");
    // What comes last shows that all before it was seen, and was not an edit.
    fs::write(world.at("accounts.d/alice.toml"), ALICE).expect("written");
    assert_eq!(world.edited().await.expect("good").accounts.len(), 1);
    assert!(world.is_quiet());
}

#[tokio::test]
async fn an_edit_between_loading_and_watching_counts() {
    let mut world = World::plain();
    let loaded = load(&world.env);
    fs::write(world.at("carnetd.toml"), format!("history = \"1d\"\n{SANDBOX}")).expect("written");
    let watcher = Watcher::new().expect("a watcher");
    let config = loaded.expect("good");
    world.watch = ConfigWatch::new(&watcher, &config, Arc::new(world.clock.clone())).expect("watched");
    assert_ne!(world.edited().await.expect("good").history, config.history);
}
