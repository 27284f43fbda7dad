//! Events from the disk: edited configurations and folders.

use std::sync::Arc;
use std::time::Duration;

use super::control::Control;
use super::event::Event;
use crate::config::{self, ConfigWatch};

impl Control {
    pub(super) fn watch_config(&self) {
        let config = self.engine.config();
        let Some(watcher) = &self.engine.watcher else { return };
        let mut watch = match ConfigWatch::new(watcher, &config, Arc::clone(&self.engine.clock)) {
            Ok(watch) => watch,
            Err(error) => {
                tracing::warn!(%error, "edits of the configuration need a reload");
                return;
            }
        };
        let (engine, events) = (Arc::clone(&self.engine), self.events.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = watch.edited() => {}
                    () = engine.cancel.cancelled() => break,
                }
                let environment = engine.environment.clone();
                let loaded = tokio::task::spawn_blocking(move || config::load(&environment)).await;
                if let Ok(loaded) = &loaded
                    && let Err(error) = watch.follow(loaded)
                {
                    tracing::warn!(%error, "edits of the configuration need a reload");
                }
                // With `watch = false` an edit waits for a reload; looked at now, so that it can be switched on and off.
                if engine.config().watch && events.send(Event::Edited).is_err() {
                    break;
                }
            }
        });
    }

    /// Wakes folder accounts when their files change.
    pub(super) fn watch_folders(&mut self) {
        let Some(watcher) = &self.engine.watcher else { return };
        let config = self.engine.config();
        for (_, task) in std::mem::take(&mut self.folders) {
            task.abort();
        }
        for (name, account) in &config.accounts {
            let config::Book::Folder { path } = &account.book else { continue };
            let Ok(mut marks) = watcher.watch(path, true) else { continue };
            let (events, account) = (self.events.clone(), name.clone());
            let clock = Arc::clone(&self.engine.clock);
            let task = tokio::spawn(async move {
                loop {
                    marks.changed().await;
                    // Editors write in bursts; a short wait makes one pass of them.
                    clock.sleep_until(clock.now().after(Duration::from_millis(300))).await;
                    marks.take();
                    if events.send(Event::FolderChanged(account.clone())).is_err() {
                        break;
                    }
                }
            });
            self.folders.insert(name.clone(), task.abort_handle());
        }
    }
}
