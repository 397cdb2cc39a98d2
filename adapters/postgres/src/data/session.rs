//! One request's hold on a branch's data.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    Failure,
    access::Role,
    catalogue::Catalogue,
    table::{CountMode, Delete, Insert, Returning, Select, Update},
};
use ports::driven::{BranchSession, Rows, Written};
use serde::Deserialize;

use super::{
    catalogue::KnownCatalogue,
    database::Database,
    document::StreamedDocument,
    exchange::{Effects, Runner},
    json_rows::JsonRows,
    one_row::one_row,
    sql::{Doubt, Grounds, Refusal, WritePlan, broken_guard, plan_delete, plan_estimate, plan_insert, plan_select, plan_update},
    written,
};
use crate::wire::WireError;

/// Up to here an estimated count is an exact one.
const COUNTED_EXACTLY: u64 = 1000;

/// One request's hold on a branch's data.
pub(super) struct PgBranchSession {
    database: Arc<Database>,
    runner: Runner,
}

/// A write of any kind.
#[derive(Clone, Copy)]
enum Write<'a> {
    Insert(&'a Insert),
    Update(&'a Update),
    Delete(&'a Delete),
}

impl PgBranchSession {
    pub(super) fn new(database: Arc<Database>, runner: Runner) -> Self {
        Self { database, runner }
    }

    async fn current(&self) -> Result<Arc<KnownCatalogue>, Failure> {
        self.database.catalogue.current(&self.runner.pool).await
    }

    /// A newer catalogue than that which a request failed with, if a name was unknown.
    async fn newer(&self, seen: &Arc<KnownCatalogue>, refusal: &Refusal) -> Result<Option<Arc<KnownCatalogue>>, Failure> {
        let (catalogue, pool) = (&self.database.catalogue, &self.runner.pool);
        match refusal.doubt {
            Doubt::None => Ok(None),
            Doubt::TypeMistaken if catalogue.was_just_checked() => Ok(None), // not worth waiting for
            Doubt::TypeMistaken | Doubt::NameUnknown => catalogue.newer_than(seen, pool).await,
        }
    }

    fn grounds<'a>(&'a self, known: &'a KnownCatalogue) -> Grounds<'a> {
        let principal = &self.runner.principal;
        Grounds { catalogue: &known.catalogue, token: &known.token, tables: principal.restrictions.tables.as_deref(), role: principal.role }
    }

    async fn read(&self, catalogue: &KnownCatalogue, select: &Select) -> Result<Rows, Refusal> {
        let grounds = self.grounds(catalogue);
        let count = match select.count {
            // The planner knows everybody's rows: what it expects would tell of those that policies hide.
            Some(_) if self.runner.principal.role != Role::Service && grounds.may_hide_rows(select)? => Some(CountMode::Exact),
            count => count,
        };
        let estimate = match count {
            Some(CountMode::Planned | CountMode::Estimated) => Some(self.estimate(grounds, select).await?),
            Some(CountMode::Exact) | None => None,
        };
        let counted = match count {
            Some(CountMode::Exact) => true,
            Some(CountMode::Estimated) => estimate.is_some_and(|rows| rows <= COUNTED_EXACTLY),
            Some(CountMode::Planned) | None => false,
        };
        let plan = plan_select(grounds, select, counted)?;
        let deadline = self.runner.deadline();
        let stream = self.runner.run(&plan.statement, Effects::Kept).await.map_err(|error| deadline.refusal(error))?;
        let (rows, header) = if plan.counted || plan.singular {
            JsonRows::with_header(stream).await.map_err(|error| deadline.refusal(error))?
        } else {
            (JsonRows::plain(stream), None)
        };
        let numbers = numbers(header.as_deref())?;
        if plan.singular {
            let found = numbers.last().copied().unwrap_or(0);
            if found != 1 {
                return Err(Failure::NotSingular { rows: found }.into());
            }
        }
        let total = if plan.counted { numbers.first().copied() } else { estimate };
        let document = StreamedDocument::new(rows, self.runner.lender(), select.shape, select.max_bytes, deadline);
        Ok(Rows { total, estimated: !plan.counted && total.is_some(), document: Box::new(document) })
    }

    async fn estimate(&self, grounds: Grounds<'_>, select: &Select) -> Result<u64, Refusal> {
        let statement = plan_estimate(grounds, select)?;
        let deadline = self.runner.deadline();
        let stream = self.runner.run(&statement, Effects::Kept).await.map_err(|error| deadline.refusal(error))?;
        let columns = one_row(stream).await.map_err(|error| deadline.refusal(error))?;
        expected_rows(columns.first().map_or(&[][..], Vec::as_slice)).map_err(|error| Failure::internal(error).into())
    }

    async fn write(&self, write: Write<'_>) -> Result<Written, Failure> {
        let catalogue = self.current().await?;
        let refusal = match self.write_by(&catalogue, write).await {
            Ok(written) => return Ok(written),
            Err(refusal) => refusal,
        };
        // What a failed statement did is undone, so it may be done again.
        match self.newer(&catalogue, &refusal).await? {
            Some(newer) => self.write_by(&newer, write).await.map_err(|refusal| refusal.failure),
            None => Err(refusal.failure),
        }
    }

    async fn write_by(&self, catalogue: &KnownCatalogue, write: Write<'_>) -> Result<Written, Refusal> {
        let plan = write.plan(self.grounds(catalogue))?;
        let Some(statement) = &plan.statement else { return Ok(written::nothing(plan.returns)?) };
        let deadline = self.runner.deadline();
        let done = async { written::read(self.runner.run(statement, write.effects()).await?, plan.inserted, plan.returns, write.max_bytes()).await };
        done.await.map_err(|error: WireError| match error.sql().and_then(|sql| broken_guard(&sql.message)) {
            Some((broken, number)) => broken.failure(number, write.max_affected()).into(),
            None => deadline.refusal(error),
        })
    }
}

impl<'a> Write<'a> {
    fn plan(self, grounds: Grounds<'a>) -> Result<WritePlan<'a>, Refusal> {
        match self {
            Self::Insert(insert) => plan_insert(grounds, insert),
            Self::Update(update) => plan_update(grounds, update),
            Self::Delete(delete) => plan_delete(grounds, delete),
        }
    }

    fn max_affected(self) -> Option<u64> {
        match self {
            Self::Insert(_) => None,
            Self::Update(update) => update.max_affected,
            Self::Delete(delete) => delete.max_affected,
        }
    }

    fn max_bytes(self) -> Option<u64> {
        let (Self::Insert(Insert { returning, .. }) | Self::Update(Update { returning, .. }) | Self::Delete(Delete { returning, .. })) = self;
        match returning {
            Returning::Rows { max_bytes, .. } => *max_bytes,
            Returning::Count | Returning::Key => None,
        }
    }

    fn effects(self) -> Effects {
        match self {
            Self::Update(Update { dry_run: true, .. }) | Self::Delete(Delete { dry_run: true, .. }) => Effects::TakenBack,
            Self::Insert(_) | Self::Update(_) | Self::Delete(_) => Effects::Kept,
        }
    }
}

fn is_denied(failure: &Failure) -> bool {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    matches!(failure, Failure::Database(refused) if refused.sqlstate == INSUFFICIENT_PRIVILEGE)
}

#[async_trait]
impl BranchSession for PgBranchSession {
    async fn catalogue(&mut self) -> Result<Arc<Catalogue>, Failure> {
        Ok(self.current().await?.catalogue.clone())
    }

    async fn select(&mut self, select: &Select) -> Result<Rows, Failure> {
        let catalogue = self.current().await?;
        let refusal = match self.read(&catalogue, select).await {
            Ok(rows) => return Ok(rows),
            Err(refusal) => refusal,
        };
        if select.tie_break && is_denied(&refusal.failure) {
            // The primary key was added to the order, and this role may have no right to one of its columns. So it is asked again without: if the refusal was
            // about what the caller asked for, that is refused once more.
            let as_asked = Select { tie_break: false, ..select.clone() };
            return self.read(&catalogue, &as_asked).await.map_err(|refusal| refusal.failure);
        }
        match self.newer(&catalogue, &refusal).await? {
            Some(newer) => self.read(&newer, select).await.map_err(|refusal| refusal.failure),
            None => Err(refusal.failure),
        }
    }

    async fn insert(&mut self, insert: &Insert) -> Result<Written, Failure> {
        self.write(Write::Insert(insert)).await
    }

    async fn update(&mut self, update: &Update) -> Result<Written, Failure> {
        self.write(Write::Update(update)).await
    }

    async fn delete(&mut self, delete: &Delete) -> Result<Written, Failure> {
        self.write(Write::Delete(delete)).await
    }
}

fn numbers(header: Option<&str>) -> Result<Vec<u64>, Failure> {
    header.unwrap_or_default().split_ascii_whitespace().map(|number| number.parse().map_err(Failure::internal)).collect()
}

/// The rows that `explain (format json)` expects.
fn expected_rows(json: &[u8]) -> Result<u64, serde_json::Error> {
    #[derive(Deserialize)]
    struct Explained {
        #[serde(rename = "Plan")]
        plan: Plan,
    }
    #[derive(Deserialize)]
    struct Plan {
        #[serde(rename = "Plan Rows")]
        rows: u64,
    }
    let [explained] = serde_json::from_slice::<[Explained; 1]>(json)?;
    Ok(explained.plan.rows)
}
