//! Passwords, hashed by argon2id.

use crate::random::random_bytes;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Error, phc::PasswordHash},
};
use async_trait::async_trait;
use ports::driven::{PasswordError, Passwords, Secret};
use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// How many may wait for each that is at work. A hash takes some tens of milliseconds: whoever is let in is served within a second or so.
const WAITING_FOR_EACH: usize = 16;
/// How long a turn is waited for, where the processors have other things to do as well.
const PATIENCE: Duration = Duration::from_secs(5);
/// When it is worth trying again: much of the queue has been served by then.
const COME_BACK_AFTER: Duration = Duration::from_secs(1);

/// Hashes by argon2id with the parameters that OWASP recommends: 19 MiB, two passes, one lane.
///
/// Only so many run at once, off the request threads, and only so many wait for a turn: a flood of sign-ins takes neither all memory nor all processors,
/// and does not leave requests standing that nobody will serve in time.
#[derive(Clone)]
pub struct Argon2Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// Places of those who are at work or wait.
    places: Arc<Semaphore>,
    /// What passwords of unknown users are checked against: it costs as much, and nothing matches it.
    nobody: Arc<str>,
}

impl Argon2Passwords {
    /// At most `at_once` passwords are hashed at the same time, each in 19 MiB.
    pub fn new(at_once: NonZeroUsize) -> Self {
        Self::with_params(at_once, Params::default())
    }

    fn with_params(at_once: NonZeroUsize, params: Params) -> Self {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // A salt and a hash out of thin air: whoever finds a password for them has broken argon2.
        let nobody = phc(argon2.params(), &random_bytes(), &random_bytes());
        let places = at_once.get().saturating_mul(1 + WAITING_FOR_EACH).min(Semaphore::MAX_PERMITS);
        Self { argon2, turns: Arc::new(Semaphore::new(at_once.get())), places: Arc::new(Semaphore::new(places)), nobody: nobody.into() }
    }

    /// Runs the work when it is its turn. A caller that goes away gives its place in the queue back at once, but its turn not before the work is done.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce(Self) -> T + Send + 'static) -> Result<T, PasswordError> {
        const BUSY: PasswordError = PasswordError::Busy { retry_after: COME_BACK_AFTER };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| BUSY)?;
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await.map_err(|_| BUSY)?;
        let turn = turn.map_err(|closed| PasswordError::Broken(closed.into()))?;
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = work(own);
            drop((turn, place));
            result
        });
        done.await.map_err(|panicked| PasswordError::Broken(panicked.into()))
    }

    fn check(&self, password: &Secret, hash: Option<&str>) -> bool {
        let stored = hash.map(PasswordHash::new);
        if let Some(Err(error)) = &stored {
            tracing::warn!(%error, "a stored password hash is none that can be checked here; the sign-in is refused");
        }
        let Some(Ok(stored)) = stored else {
            self.verify_phc(password, &PasswordHash::new(&self.nobody).expect("it was written by us"));
            return false;
        };
        self.verify_phc(password, &stored)
    }

    fn verify_phc(&self, password: &Secret, stored: &PasswordHash) -> bool {
        match self.argon2.verify_password(password.expose().as_bytes(), stored) {
            Ok(()) => true,
            Err(Error::PasswordInvalid) => false,
            Err(error) => {
                tracing::warn!(%error, "a stored password hash is none that can be checked here; the sign-in is refused");
                false
            }
        }
    }
}

fn phc(params: &Params, salt: &[u8; 16], hash: &[u8; 32]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    format!("$argon2id$v=19$m={m},t={t},p={p}${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash))
}

impl fmt::Debug for Argon2Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Passwords").finish_non_exhaustive()
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: &Secret) -> Result<String, PasswordError> {
        let password = password.clone();
        let hashed = self.in_turn(move |own| own.argon2.hash_password_with_salt(password.expose().as_bytes(), &random_bytes::<16>())).await?;
        Ok(hashed.map_err(|error| PasswordError::Broken(error.into()))?.to_string())
    }

    async fn verify(&self, password: &Secret, hash: Option<String>) -> Result<bool, PasswordError> {
        let password = password.clone();
        self.in_turn(move |own| own.check(&password, hash.as_deref())).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Argon2Passwords, PATIENCE, WAITING_FOR_EACH};
    use argon2::Params;
    use ports::driven::{PasswordError, Passwords, Secret};
    use std::{
        num::NonZeroUsize,
        sync::{
            Arc, LazyLock,
            atomic::{AtomicUsize, Ordering},
        },
    };

    static SECRET: LazyLock<Secret> = LazyLock::new(|| Secret::new("correct horse"));

    fn quick(at_once: usize) -> Argon2Passwords {
        Argon2Passwords::with_params(NonZeroUsize::new(at_once).unwrap(), Params::new(64, 1, 1, None).unwrap())
    }

    #[tokio::test]
    async fn a_password_is_hashed_with_the_recommended_parameters_and_a_salt_of_its_own() {
        let passwords = Argon2Passwords::new(NonZeroUsize::MIN);
        let password = Secret::new("correct horse");
        let hash = passwords.hash(&password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(&password, Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = quick(2);
        let password = Secret::new("correct horse");
        let (one, two) = (passwords.hash(&password).await.unwrap(), passwords.hash(&password).await.unwrap());
        assert_ne!(one, two);
        assert!(passwords.verify(&password, Some(two)).await.unwrap());
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!passwords.verify(&Secret::new(wrong), Some(one.clone())).await.unwrap());
        }
    }

    #[tokio::test]
    async fn without_a_hash_and_with_one_of_another_kind_the_answer_is_no() {
        let passwords = quick(1);
        for hash in [None, Some("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"), Some("plain"), Some("")] {
            assert!(!passwords.verify(&Secret::new("plain"), hash.map(str::to_owned)).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_check_without_a_hash_costs_what_one_with_a_hash_does() {
        let passwords = Argon2Passwords::new(NonZeroUsize::MIN);
        let parsed = argon2::password_hash::phc::PasswordHash::new(&passwords.nobody).unwrap();
        let params = Params::try_from(&parsed).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
        assert_eq!(parsed.hash.unwrap().len(), 32);
    }

    #[tokio::test]
    async fn no_more_than_allowed_run_at_once_even_when_callers_go_away() {
        let passwords = quick(1);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let work = || {
            let (running, most, gate) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&gate));
            move |_| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.lock().unwrap().recv().unwrap();
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let mut gone = Box::pin(passwords.in_turn(work()));
        while running.load(Ordering::SeqCst) == 0 {
            assert!(poll_once(&mut gone).await.is_none());
            tokio::task::yield_now().await;
        }
        drop(gone);
        let mut second = Box::pin(passwords.in_turn(work()));
        assert!(poll_once(&mut second).await.is_none());
        assert_eq!(passwords.turns.available_permits(), 0, "the work of the one that went away still holds its turn");
        release.send(()).unwrap();
        release.send(()).unwrap();
        second.await.unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait_and_not_for_ever() {
        let passwords = quick(1);
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let mut working = Box::pin(passwords.in_turn(move |_| gate.recv().unwrap()));
        assert!(poll_once(&mut working).await.is_none());
        let busy = |result: Result<bool, PasswordError>| matches!(result, Err(PasswordError::Busy { retry_after }) if !retry_after.is_zero());
        let mut waiting: Vec<_> = (0..WAITING_FOR_EACH).map(|_| Box::pin(passwords.verify(&SECRET, None))).collect();
        for one in &mut waiting {
            assert!(poll_once(one).await.is_none());
        }
        assert!(busy(passwords.verify(&SECRET, None).await), "there is no place left, and it is said at once");
        // Who goes away makes room.
        waiting.pop();
        let mut next = Box::pin(passwords.verify(&SECRET, None));
        assert!(poll_once(&mut next).await.is_none());
        tokio::time::advance(PATIENCE).await;
        assert!(busy(next.await));
        release.send(()).unwrap();
        working.await.unwrap();
    }

    /// What a future says at once.
    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
