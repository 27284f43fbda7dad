//! The client against scripted servers on loopback. Nothing here waits for real time to pass, save two timeouts of
//! requests that are never answered.

mod burst;
mod cancel;
mod pure;
mod reach;
mod secrets;
mod send;
mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::{Clock, Moment, Sleep};

/// A clock on which every wait is over at once, and remembered.
#[derive(Debug, Clone, Default)]
struct JumpClock(Arc<Mutex<(i64, Vec<Duration>)>>);

impl JumpClock {
    fn waits(&self) -> Vec<Duration> {
        self.0.lock().unwrap().1.clone()
    }
}

impl Clock for JumpClock {
    fn now(&self) -> Moment {
        Moment(self.0.lock().unwrap().0)
    }

    fn sleep_until(&self, until: Moment) -> Sleep {
        let mut state = self.0.lock().unwrap();
        let wait = until.since(Moment(state.0));
        state.1.push(wait);
        state.0 = state.0.max(until.0);
        Box::pin(std::future::ready(()))
    }
}

/// A pace that lets everything through and remembers what it was told.
#[derive(Default)]
struct Counting {
    admitted: Mutex<Vec<u32>>,
    answered: Mutex<Vec<u16>>,
}

#[async_trait]
impl Pace for Counting {
    async fn admit(&self, price: u32, _cancel: &CancellationToken) -> Result<(), RetryLater> {
        self.admitted.lock().unwrap().push(price);
        Ok(())
    }

    fn answered(&self, status: u16, _headers: &HeaderMap, _now: Moment) {
        self.answered.lock().unwrap().push(status);
    }
}

fn client(clock: &JumpClock) -> Client {
    Client::new(&Settings::default(), Arc::new(clock.clone()), 7).expect("the defaults are right")
}

fn get(url: Url) -> Request {
    Request::new("test", Method::GET, url)
}

/// A create: sent again only if it surely did nothing.
fn post(url: Url) -> Request {
    Request::new("test", Method::POST, url).json(&serde_json::json!({"name": "Ada"}))
}

async fn send(client: &Client, request: Request) -> Result<Response, Error> {
    client.send(request, &Unpaced, &CancellationToken::new()).await
}
