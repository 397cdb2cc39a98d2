//! What runs migrations: where, as whom, and how patiently.

use super::failure::refused;
use crate::{
    provision::{BRANCH_OWNER, Login, MainSeat},
    wire::Target,
};
use domain::branch::DatabaseName;
use ports::driven::{DatabaseLogins, DatabasePlace, LoginPurpose, LoginRestorer, MigrationError, MigrationEvent, MigrationProgress, Secret};
use rand::RngExt;
use secrecy::ExposeSecret;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Whom to work as.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The login: never a superuser.
    pub login: Login,
    /// The role to become, which owns what there is.
    pub role: String,
}

impl Seat {
    /// Inside a branch's database: its own builder, as `fluxbase_branch_owner`.
    fn in_branch(logins: &dyn DatabaseLogins, database: &DatabaseName) -> Self {
        let login = logins.of(LoginPurpose::Builder, database);
        Self { login: Login { name: login.name, password: login.password }, role: BRANCH_OWNER.to_owned() }
    }

    /// In main's database, which `admin` reaches.
    pub fn on_main(seat: MainSeat, admin: &Target) -> Self {
        match seat {
            MainSeat::OwnLogin { login, role } => Self { login, role },
            MainSeat::AdminLogin { role } => {
                let password = admin.password.as_ref().map_or("", |password| password.expose_secret());
                Self { login: Login { name: admin.user.clone(), password: Secret::new(password) }, role }
            }
        }
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct MigrationLimits {
    /// How long a statement of the first try waits for a lock, with everybody else queued behind it; in each further try twice as long.
    pub first_lock_timeout: Duration,
    /// The longest that it waits.
    pub lock_timeout: Duration,
    /// How often a file is begun before it is given up for want of a lock.
    pub attempts: u32,
    /// The first pause between two of them; each is twice as long as the one before.
    pub first_pause: Duration,
    /// The longest.
    pub longest_pause: Duration,
    /// How long to wait while somebody else migrates the same database.
    pub turn: Duration,
    /// SQL seed files at most, in bytes; CSV files may be of any size.
    pub max_sql_bytes: u64,
}

impl Default for MigrationLimits {
    fn default() -> Self {
        Self {
            first_lock_timeout: Duration::from_millis(150),
            lock_timeout: Duration::from_secs(3),
            attempts: 12,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(15),
            turn: Duration::from_secs(15),
            max_sql_bytes: 64 * 1024 * 1024,
        }
    }
}

impl MigrationLimits {
    /// Tells of the pause after this attempt, and makes it.
    pub(super) async fn give_way(&self, attempt: u32, progress: &dyn MigrationProgress) -> Result<(), MigrationError> {
        // No two that wait for the same lock, nor one and what holds it again and again, stay in step.
        let wait = self.pause(attempt).mul_f64(rand::rng().random_range(0.5..=1.0));
        progress.told(MigrationEvent::GaveWay { attempt, wait }).await?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// How long a statement waits for a lock in this attempt, counted from 1. Where the one before `lasted` long, more is lost by another than by waiting.
    pub(super) fn patience(&self, attempt: u32, lasted: Duration) -> Duration {
        if lasted >= self.lock_timeout { self.lock_timeout } else { doubled(self.first_lock_timeout, attempt).min(self.lock_timeout) }
    }

    /// The longest pause after this attempt.
    fn pause(&self, attempt: u32) -> Duration {
        doubled(self.first_pause, attempt).min(self.longest_pause)
    }
}

/// Twice as much with each attempt, counted from 1.
fn doubled(first: Duration, attempt: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX))
}

/// What [`super::PgMigrationRunner`] and [`super::PgSeedRunner`] work with.
#[derive(Clone, Debug)]
pub struct MigrationSettings {
    /// The server; its login and database are not used.
    pub server: Target,
    /// The logins of branch databases.
    pub logins: Arc<dyn DatabaseLogins>,
    /// What puts them right: whatever runs here runs over one, and may have changed its password.
    pub restorer: Arc<dyn LoginRestorer>,
    /// In main's database, where somebody was found who may work there; else why not.
    pub main: Result<Seat, String>,
    /// How long to wait for what.
    pub limits: MigrationLimits,
    /// Where seed files are.
    pub seeds_dir: PathBuf,
}

impl MigrationSettings {
    /// Whom to work as there.
    pub(super) fn seat(&self, target: &DatabasePlace) -> Result<Seat, MigrationError> {
        if target.is_main {
            return self.main.clone().map_err(|reason| refused("main_out_of_reach", reason));
        }
        Ok(Seat::in_branch(&*self.logins, &target.database))
    }

    /// Takes back what the files may have done to the logins of a branch: a password that they gave one would stay a way in, and not be ours.
    pub(super) async fn restore_logins(&self, target: &DatabasePlace) {
        if target.is_main {
            return;
        }
        if let Err(error) = self.restorer.restore(&target.database).await {
            tracing::warn!(%error, database = %target.database, "the logins of a branch could not be put right after files ran over one of them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MigrationLimits;
    use std::time::Duration;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let limits = MigrationLimits::default();
        assert_eq!([1, 2, 3].map(|attempt| limits.pause(attempt).as_millis()), [500, 1000, 2000]);
        assert_eq!(limits.pause(99), Duration::from_secs(15));
    }

    #[test]
    fn the_first_tries_hold_nobody_up_for_long() {
        let limits = MigrationLimits::default();
        assert_eq!([1, 2, 3].map(|attempt| limits.patience(attempt, Duration::ZERO).as_millis()), [150, 300, 600]);
        assert_eq!(limits.patience(limits.attempts, Duration::ZERO), limits.lock_timeout);
        assert_eq!(
            limits.patience(2, Duration::from_mins(1)),
            limits.lock_timeout,
            "what took long is not begun anew for a row that is held for a moment"
        );
    }
}
