//! Real files and real events; nothing sleeps: each test waits for the mark it expects.

use std::fs;
use std::time::Duration;

use super::*;

/// Long enough for a loaded machine; only a failure waits that long.
const LIMIT: Duration = Duration::from_secs(20);

/// Takes marks until `wanted` was marked, or everything was.
async fn wait_for(marks: &mut Marks, wanted: &Path) -> Marked {
    let mut seen = BTreeSet::new();
    let wait = async {
        loop {
            marks.changed().await;
            match marks.take() {
                Marked::All => return Marked::All,
                Marked::Paths(paths) => seen.extend(paths),
            }
            if seen.contains(wanted) {
                return Marked::Paths(seen.clone());
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{} was not marked", wanted.display()))
}

async fn wait_for_all(marks: &mut Marks) {
    let wait = async {
        loop {
            marks.changed().await;
            if marks.take() == Marked::All {
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("everything is marked");
}

#[tokio::test]
async fn writes_renames_and_removals_are_marked_and_reading_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::write(at("old"), "1").expect("written");
    let watcher = Watcher::new().expect("a watcher");
    let mut marks = watcher.watch(directory.path(), false).expect("watched");
    fs::read(at("old")).expect("read");
    fs::write(at("new"), "1").expect("written");
    let Marked::Paths(seen) = wait_for(&mut marks, &at("new")).await else { panic!("not everything") };
    assert!(!seen.contains(&at("old")), "{seen:?}");
    fs::rename(at("new"), at("old")).expect("renamed");
    wait_for(&mut marks, &at("old")).await;
    fs::remove_file(at("old")).expect("removed");
    wait_for(&mut marks, &at("old")).await;
}

#[tokio::test]
async fn several_marks_share_a_directory_and_each_has_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a");
    let watcher = Watcher::new().expect("a watcher");
    let mut first = watcher.watch(directory.path(), false).expect("watched");
    let mut second = watcher.watch(directory.path(), true).expect("watched");
    fs::write(&file, "1").expect("written");
    wait_for(&mut first, &file).await;
    wait_for(&mut second, &file).await;
    drop(second);
    fs::write(&file, "2").expect("written");
    wait_for(&mut first, &file).await;
    drop(first);
    assert!(lock(&watcher.shared.state).holders.is_empty(), "dropping the marks ends the watch");
    assert!(lock(&watcher.shared.state).interests.is_empty());
}

#[tokio::test]
async fn what_is_below_counts_only_when_asked_for_new_directories_included() {
    let directory = tempfile::tempdir().expect("a directory");
    let below = directory.path().join("sub/subsub");
    let watcher = Watcher::new().expect("a watcher");
    let mut flat = watcher.watch(directory.path(), false).expect("watched");
    let mut deep = watcher.watch(directory.path(), true).expect("watched");
    fs::create_dir_all(&below).expect("made");
    fs::write(below.join("early"), "1").expect("written");
    wait_for(&mut deep, &below.join("early")).await;
    fs::write(below.join("late"), "1").expect("written");
    wait_for(&mut deep, &below.join("late")).await;
    // The flat one has seen all of this pass by; its own next event comes after it.
    fs::write(directory.path().join("top"), "1").expect("written");
    let Marked::Paths(seen) = wait_for(&mut flat, &directory.path().join("top")).await else {
        panic!("not everything")
    };
    assert!(seen.iter().all(|path| path.parent() == Some(directory.path())), "{seen:?}");
}

#[tokio::test]
async fn a_directory_that_goes_and_comes_back_is_watched_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    fs::create_dir(&root).expect("made");
    let watcher = Watcher::new().expect("a watcher");
    let mut marks = watcher.watch(&root, true).expect("watched");
    for round in 0..3 {
        fs::remove_dir_all(&root).expect("removed");
        if round > 0 {
            wait_for_all(&mut marks).await;
        }
        fs::create_dir(&root).expect("made");
        wait_for_all(&mut marks).await;
        let file = root.join(format!("file{round}"));
        fs::write(&file, "1").expect("written");
        wait_for(&mut marks, &file).await;
    }
}

#[tokio::test]
async fn a_directory_may_come_later_with_its_parents() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("a/b/c");
    let watcher = Watcher::new().expect("a watcher");
    let mut marks = watcher.watch(&root, false).expect("watched");
    fs::create_dir_all(&root).expect("made");
    wait_for_all(&mut marks).await;
    fs::write(root.join("file"), "1").expect("written");
    wait_for(&mut marks, &root.join("file")).await;
}

#[tokio::test]
async fn a_swapped_symlink_is_the_other_directory_from_then_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("one")).expect("made");
    fs::create_dir(at("two")).expect("made");
    std::os::unix::fs::symlink("one", at("link")).expect("linked");
    let watcher = Watcher::new().expect("a watcher");
    let mut marks = watcher.watch(&at("link"), false).expect("watched");
    fs::write(at("one/file"), "1").expect("written");
    wait_for(&mut marks, &at("link/file")).await;
    std::os::unix::fs::symlink("two", at("next")).expect("linked");
    fs::rename(at("next"), at("link")).expect("swapped");
    wait_for_all(&mut marks).await;
    fs::write(at("two/file"), "1").expect("written");
    wait_for(&mut marks, &at("link/file")).await;
}

#[test]
fn lost_events_mark_everything_and_limits_name_their_sysctl() {
    let directory = tempfile::tempdir().expect("a directory");
    let watcher = Watcher::new().expect("a watcher");
    let mut marks = watcher.watch(directory.path(), false).expect("watched");
    assert_eq!(marks.take(), Marked::Paths(BTreeSet::new()));
    lock(&watcher.shared.state).mark(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
    assert_eq!(marks.take(), Marked::All);
    assert!(WatchError::Instances.to_string().contains("fs.inotify.max_user_instances"));
    let path = PathBuf::from("/x");
    assert!(WatchError::Watches { path }.to_string().contains("fs.inotify.max_user_watches"));
}
