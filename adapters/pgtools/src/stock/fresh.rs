//! Making what lies in the stock: templates from their parents, spares from templates; each proved before its mark says so.

use super::{
    demand::Wanted,
    mark::{Contents, Kind, StockMark},
    origin::Origin,
    reserved,
    shelf::{self, close, drop_marked},
    take::{copy_statement, verify},
    token::change_token,
};
use crate::{
    build::{Build, Built},
    claim::Claim,
    connect::{major, run},
    database::{
        create::{Birth, make},
        drop::drop_by_name,
        locale::Likeness,
    },
    error::refused,
    settings::Settings,
};
use async_trait::async_trait;
use domain::{StepName, branch::DatabaseName};
use ports::driven::{BuildError, BuildProgress, BuildRequest};
use sqlx::{Connection, PgConnection};
use std::sync::atomic::{AtomicU8, Ordering};
use uuid::Uuid;

/// From this size on files are copied rather than logged.
const LOGGED_BELOW: u64 = 256 * 1024 * 1024;

/// Whether PostgreSQL can let the file system share what is copied: found out by trying.
#[derive(Debug, Default)]
pub(crate) struct CloneProbe(AtomicU8);

impl CloneProbe {
    const WORKS_NOT: u8 = 2;

    fn is_worth_trying(&self, admin: &PgConnection) -> bool {
        major(admin) >= 18 && self.0.load(Ordering::Relaxed) != Self::WORKS_NOT
    }

    fn failed(&self) {
        self.0.store(Self::WORKS_NOT, Ordering::Relaxed);
    }
}

/// The name under which the stock's keeper creates databases. There is one keeper at a time, so what an earlier one left is its to drop.
pub(super) fn provisional(settings: &Settings) -> DatabaseName {
    DatabaseName::existing(format!("{}{}", Kind::Template.prefix(settings.instance), settings.instance.simple()))
}

/// Copies the parent into a template.
pub(super) async fn template(
    hold: &mut Claim,
    settings: &Settings,
    wanted: &Wanted,
    (used_at, unused_rebuilds): (i64, u32),
) -> Result<StockMark, BuildError> {
    let parent = Likeness::read(hold.admin(), &wanted.parent).await?;
    let origin = Origin::now(hold.admin(), settings, (&wanted.parent, wanted.is_main), wanted.mode).await?;
    let origin = origin.ok_or_else(|| refused("parent_missing", format!("the parent's database '{}' is gone", wanted.parent)))?;
    let begun = StockMark::begun(settings.instance, Kind::Template, Uuid::from_u128(rand::random()), origin, shelf::now(hold.admin()).await?);
    let mut mark = StockMark { used_at, unused_rebuilds, ..begun };
    reserved::name(hold.admin(), settings, &mark.database()).await?;
    let made = fill(hold, settings, &parent, &mut mark).await;
    if made.is_err() {
        // What cannot be dropped now is the next keeper's to drop: its mark says that it is good for nothing.
        let _ = drop_marked(hold.admin(), settings, &mark).await;
    }
    made.map(|()| mark)
}

/// Makes a database of the stock, and fills it from the parent.
pub(super) async fn from_parent(
    hold: &mut Claim,
    settings: &Settings,
    parent: &Likeness,
    mark: &StockMark,
    birth: &Birth<'_>,
    progress: &dyn BuildProgress,
) -> Result<Built, BuildError> {
    let request = BuildRequest {
        target: mark.tag(),
        parent: mark.origin.database.clone(),
        parent_is_main: mark.origin.is_main,
        clone_mode: mark.origin.mode,
        max_age: None,
        users: Vec::new(),
    };
    hold.end_earlier_builds(settings, Some(&request)).await?;
    let name = hold.build_name();
    let build = Build { settings, request: &request, name: &name, progress };
    // Nobody waits, and whoever holds the stock must not be silent for long.
    make(hold.admin(), settings, birth, parent.create_statement(birth.provisional)).await?;
    let filled = async {
        let captured = build.capture(async { Ok(()) }).await?;
        build.fill(captured).await
    };
    hold.while_held(Box::pin(filled)).await
}

async fn fill(hold: &mut Claim, settings: &Settings, parent: &Likeness, mark: &mut StockMark) -> Result<(), BuildError> {
    let (database, provisional) = (mark.database(), provisional(settings));
    let birth = Birth { provisional: provisional.as_str(), database: &database, comment: mark.comment() };
    let copied = from_parent(hold, settings, parent, mark, &birth, &Silent).await?;
    let mut inside = settings.builder_in(&database).await?;
    mark.own_token = change_token(&mut inside).await?;
    let _ = inside.close().await;
    // The parent as the copy's snapshot saw it, which may be later than the look before.
    mark.origin.token = copied.token;
    mark.contents = Contents::from(&copied.report);
    finish(hold.admin(), settings, mark).await
}

/// Copies a template into a spare.
pub(super) async fn spare(hold: &mut Claim, settings: &Settings, template: &StockMark, probe: &CloneProbe) -> Result<StockMark, BuildError> {
    let mut mark = StockMark {
        kind: Kind::Spare,
        id: Uuid::from_u128(rand::random()),
        verified: false,
        made_at: shelf::now(hold.admin()).await?,
        ..template.clone()
    };
    reserved::name(hold.admin(), settings, &mark.database()).await?;
    let made = copy(hold.admin(), settings, template, &mut mark, probe).await;
    if made.is_err() {
        let _ = drop_marked(hold.admin(), settings, &mark).await;
    }
    made.map(|()| mark)
}

async fn copy(
    admin: &mut PgConnection,
    settings: &Settings,
    template: &StockMark,
    mark: &mut StockMark,
    probe: &CloneProbe,
) -> Result<(), BuildError> {
    let (database, provisional) = (mark.database(), provisional(settings));
    let birth = Birth { provisional: provisional.as_str(), database: &database, comment: mark.comment() };
    if template.bytes < LOGGED_BELOW {
        make(&mut *admin, settings, &birth, copy_statement(birth.provisional, template, "wal_log")).await?;
    } else {
        copy_files(&mut *admin, settings, template, &birth, probe).await?;
    }
    verify(settings, template, &birth).await?;
    finish(admin, settings, mark).await
}

/// Forces checkpoints of the whole server, so only here, where nobody waits.
async fn copy_files(
    admin: &mut PgConnection,
    settings: &Settings,
    template: &StockMark,
    birth: &Birth<'_>,
    probe: &CloneProbe,
) -> Result<(), BuildError> {
    let statement = || copy_statement(birth.provisional, template, "file_copy");
    if probe.is_worth_trying(admin) && run(&mut *admin, "set file_copy_method = 'clone'").await.is_ok() {
        let cloned = make(&mut *admin, settings, birth, statement()).await;
        let _ = run(&mut *admin, "reset file_copy_method").await;
        match cloned {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::info!(%error, "the file system does not share copies of files; they are copied");
                probe.failed();
                drop_by_name(&mut *admin, settings, &DatabaseName::existing(birth.provisional)).await?;
            }
        }
    }
    make(admin, settings, birth, statement()).await
}

async fn finish(admin: &mut PgConnection, settings: &Settings, mark: &mut StockMark) -> Result<(), BuildError> {
    mark.bytes = shelf::size(&mut *admin, &mark.database()).await?;
    let proved = StockMark { verified: true, ..mark.clone() };
    close(admin, settings, &proved).await?;
    *mark = proved;
    Ok(())
}

/// Nobody watches.
struct Silent;

#[async_trait]
impl BuildProgress for Silent {
    async fn step(&self, _: StepName) -> Result<(), BuildError> {
        Ok(())
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        Ok(())
    }
}
