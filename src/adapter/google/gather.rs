//! Gathers what many ask at once, so that one call can answer them all.
//!
//! Whoever's turn it is takes everything that waits, and nobody else works until that is done: so calls for one user go
//! one after another.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// A queue, and whose turn it is.
#[derive(Debug)]
pub(super) struct Gather<A, R> {
    queue: Mutex<Vec<Asked<A, R>>>,
    turn: tokio::sync::Mutex<()>,
}

/// Something asked, and where its answer goes.
#[derive(Debug)]
pub(super) struct Asked<A, R> {
    pub(super) ask: A,
    answer: oneshot::Sender<R>,
}

impl<A, R> Asked<A, R> {
    pub(super) fn answer(self, answer: R) {
        // Nobody waits for it any more: then it need not be told.
        let _ = self.answer.send(answer);
    }
}

impl<A, R> Default for Gather<A, R> {
    fn default() -> Self {
        Self { queue: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

impl<A, R> Gather<A, R> {
    /// Asks, and works on everything that is asked when the turn comes. An answer is `None` where whoever worked on it
    /// was stopped.
    pub(super) async fn ask<W>(&self, asks: Vec<A>, work: W) -> Vec<Option<R>>
    where
        W: AsyncFnOnce(Vec<Asked<A, R>>),
    {
        let mut answers = Vec::with_capacity(asks.len());
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            for ask in asks {
                let (answer, receiver) = oneshot::channel();
                queue.push(Asked { ask, answer });
                answers.push(receiver);
            }
        }
        // All who are about to ask do so before the first one works.
        tokio::task::yield_now().await;
        let turn = self.turn.lock().await;
        let mut asked = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        asked.retain(|asked| !asked.answer.is_closed());
        if !asked.is_empty() {
            work(asked).await;
        }
        drop(turn);
        // Whoever had the turn before has answered, or we have.
        answers.into_iter().map(|mut answer| answer.try_recv().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use std::cell::RefCell;

    #[tokio::test]
    async fn all_who_ask_at_once_are_answered_together_and_each_its_own() {
        let (gather, rounds) = (Gather::default(), RefCell::new(Vec::new()));
        let ask = async |n: usize| {
            let answers = gather
                .ask(vec![n, n + 1000], async |asked| {
                    rounds.borrow_mut().push(asked.len());
                    tokio::task::yield_now().await;
                    for asked in asked {
                        let doubled = asked.ask * 2;
                        asked.answer(doubled);
                    }
                })
                .await;
            assert_eq!(answers, [Some(n * 2), Some((n + 1000) * 2)]);
        };
        stream::iter((0..500).map(ask)).buffer_unordered(500).collect::<Vec<()>>().await;
        assert_eq!(*rounds.borrow(), [1000]);
    }

    #[tokio::test]
    async fn what_nobody_answered_is_told() {
        let gather: Gather<usize, usize> = Gather::default();
        assert_eq!(gather.ask(vec![1, 2], async |asked| drop(asked)).await, [None, None]);
    }
}
