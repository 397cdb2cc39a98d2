//! A build from the empty database to the verified copy.

mod capture;
mod finish;
mod verify;

use crate::{
    copy::{
        copy_turn::Turn,
        give_way::while_nobody_waits,
        large_objects,
        leader::{Leader, Table},
        of_extensions::Passage,
        rows, sequences,
        server_load::Load,
        streams::{self, Streams},
        users, withholding,
    },
    definitions::{
        default_grants::{self, DefaultGrant},
        empty, labels, materialized,
    },
    logins::past_policies::PastPolicies,
    masking::{self, Masks},
    meter::Meter,
    settings::{LEDGER_SCHEMA, SEED_LOG, Settings},
};
use capture::{Parent, capture};
use domain::{DataCloneMode, StepName, branch::Withheld, table::QualifiedName};
use finish::Finish;
use ports::driven::{BuildError, BuildProgress, BuildReport, BuildRequest, BuildSource};
use sqlx::Connection;
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// One build under way.
pub(crate) struct Build<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) request: &'a BuildRequest,
    /// What its sessions in the parent are known by: whoever has the hold after this one ends them.
    pub(crate) name: &'a str,
    pub(crate) progress: &'a dyn BuildProgress,
}

/// What the leader's snapshot says besides rows.
struct Plan {
    withheld: Vec<Withheld>,
    masks: Masks,
    positions: Vec<sequences::Position>,
    default_grants: Vec<DefaultGrant>,
    filled_views: BTreeSet<(String, String)>,
    /// Those that stay empty on purpose.
    unfilled: Vec<Withheld>,
    /// When the snapshot was taken.
    at: OffsetDateTime,
}

/// A parent that holds still.
pub(crate) struct Captured {
    parent: Parent,
    leader: Leader,
    /// The turn to copy its rows, until they are copied.
    turn: Option<Turn>,
}

/// What came of it.
pub(crate) struct Built {
    pub(crate) report: BuildReport,
    /// The parent's change token, as the copy's snapshot saw it.
    pub(crate) token: String,
}

/// What was copied while the parent held still.
struct Rows {
    plan: Plan,
    /// Each table, and how many of its rows came.
    copied: Vec<(Table, u64)>,
    /// How many streams there were; what follows goes by as many.
    streams: usize,
}

impl Build<'_> {
    /// Holds the parent still, while the database to fill is `made`.
    pub(crate) async fn capture(&self, made: impl Future<Output = Result<(), BuildError>> + Send) -> Result<Captured, BuildError> {
        let waiting = Meter::new(0, "objects");
        let turn = match self.request.clone_mode {
            DataCloneMode::FullClone => Some(waiting.watch(self.progress, Turn::take(self.settings, &self.request.parent, self.progress)).await?),
            DataCloneMode::SchemaOnly | DataCloneMode::SeedData => None,
        };
        let (parent, leader) = waiting.watch(self.progress, capture(self.settings, (self.request, self.name), made)).await?;
        Ok(Captured { parent, leader, turn })
    }

    /// Fills the empty database.
    pub(crate) async fn fill(self, Captured { parent, leader, turn }: Captured) -> Result<Built, BuildError> {
        self.progress.step(StepName::CopyDefinitions).await?;
        // Few rows are there before anybody feels it.
        let load = if streams::are_many_rows(&leader.tables) { Load::watch(self.settings, &self.request.target.database) } else { Load::unknown() };
        let Rows { plan, copied, streams } = while_nobody_waits(self.settings, leader.backend, Box::pin(self.copy(&parent, leader, &load))).await?;
        drop(turn);

        self.progress.step(StepName::AddConstraints).await?;
        let mut branch = self.settings.builder_in(&self.request.target.database).await?;
        let meter = Meter::new(parent.definitions.contents.entries, "objects");
        let finish = Finish {
            settings: self.settings,
            request: self.request,
            parent: &parent,
            copied: &copied,
            withheld: &plan.withheld,
            streams,
            meter: &meter,
            load: &load,
        };
        let unfilled = meter.watch(self.progress, finish.add_constraints(&mut branch, plan.filled_views)).await?;

        self.progress.step(StepName::Verify).await?;
        let meter = Meter::new(parent.inventory.count(), "objects");
        let verified = async {
            let mut other = self.settings.builder_in(&self.request.target.database).await?;
            verify::objects(&mut branch, &mut other, &parent.inventory).await?;
            let _ = other.close().await;
            meter.add(parent.inventory.count());
            Ok(())
        };
        meter.watch(self.progress, verified).await?;
        // Last of what the owner does: from now on they hold for every new object.
        default_grants::carry_over(&mut branch, &plan.default_grants).await?;
        let mut withheld = plan.withheld;
        withheld.extend(parent.withheld);
        withheld.extend(plan.unfilled);
        withheld.extend(unfilled);
        withheld.extend(labels::carry_over(&mut branch, &parent.labels).await?);
        let _ = branch.close().await;
        withheld.extend(parent.by_admin.add(self.settings, &self.request.target.database).await?);
        let report = BuildReport {
            withheld,
            rows: copied.iter().map(|(_, rows)| rows).sum(),
            objects: parent.inventory.count(),
            data_as_of: (self.request.clone_mode == DataCloneMode::FullClone).then_some(plan.at),
            source: BuildSource::Parent,
        };
        Ok(Built { report, token: parent.token })
    }

    /// Everything for which the parent has to hold still: its locks are let go at the end.
    async fn copy(&self, parent: &Parent, mut leader: Leader, load: &Load) -> Result<Rows, BuildError> {
        let meter = Meter::new(parent.definitions.contents.entries, "objects");
        let restored = async {
            let shared: Vec<&str> = parent.by_admin.shared_schemas.iter().map(|(schema, _)| schema.as_str()).collect();
            empty::prepare(self.settings, self.request, (&parent.extensions, &shared), parent.inventory.has_schema("public")).await?;
            parent.definitions.restore_before_rows(self.settings, self.request, &meter).await
        };
        let (mut plan, ()) = tokio::try_join!(self.plan(parent, &mut leader), meter.watch(self.progress, restored))?;

        self.progress.step(StepName::CopyRows).await?;
        let mut branch = self.settings.writer_in(&self.request.target.database).await?;
        let Leader { mut connection, tables, of_extensions, .. } = leader;
        let mut passage = Passage { settings: self.settings, database: &self.request.target.database, leader: &mut connection, branch: &mut branch };
        let sequences = passage.let_refer(&parent.excluded).await?;
        if self.request.clone_mode == DataCloneMode::FullClone {
            plan.withheld.extend(passage.copy((&of_extensions, sequences), &plan.withheld, &plan.masks).await?);
        }
        let tables: Vec<Table> = tables.into_iter().filter(|table| self.copies_rows_of(&table.schema) && !self.leaves_out_log(table)).collect();
        let meter = Meter::new(tables.iter().map(|table| table.bytes).sum(), "bytes");
        let streams = streams::count(&mut connection, &tables, load).await?;
        let Plan { withheld, masks, .. } = &plan;
        let to_copy =
            Streams { settings: self.settings, request: self.request, name: self.name, tables: &tables, withheld, masks, meter: &meter, load };
        let past_policies = if to_copy.read_past_policies() { Some(PastPolicies::begin(self.settings, &self.request.parent).await?) } else { None };
        let copied = async {
            let counts = to_copy.copy(&mut connection, &mut branch, streams).await?;
            if self.request.clone_mode == DataCloneMode::FullClone {
                large_objects::copy(&mut connection, &mut branch, &plan.masks.hidden_objects, &meter).await?;
            } else {
                users::write(&mut branch, &self.request.users).await?;
            }
            sequences::write(&mut branch, &plan.positions).await?;
            Ok(counts)
        };
        let counts = meter.watch(self.progress, copied).await;
        let ended = match past_policies {
            Some(past_policies) => past_policies.end().await,
            None => Ok(()),
        };
        let counts = counts?;
        ended?;
        let _ = connection.close().await;
        load.readers_are_gone();
        let _ = branch.close().await;
        Ok(Rows { plan, copied: tables.into_iter().zip(counts).collect(), streams })
    }

    async fn plan(&self, parent: &Parent, leader: &mut Leader) -> Result<Plan, BuildError> {
        let mut masks = Masks::default();
        let mut withheld = Vec::new();
        if self.request.clone_mode == DataCloneMode::FullClone {
            let (rules, is_main) = (&self.settings.masking, self.request.parent_is_main);
            withheld = withholding::plan(&mut leader.connection, &parent.excluded, &self.settings.excluded_tables, is_main).await?;
            masks = masking::plan(&mut leader.connection, &parent.excluded, rules, is_main, &mut withheld).await?;
            // A branch's builder gets to read past policies only when it begins.
            if is_main {
                let is_read = |table: &&Table| {
                    let own = withheld.iter().find(|entry| entry.table == table.qualified());
                    !table.partitioned && self.copies_rows_of(&table.schema) && withholding::source(table, own, &masks).is_some()
                };
                rows::check_reach(&mut leader.connection, leader.tables.iter().filter(is_read)).await?;
            }
        }
        let mut positions = sequences::read(&mut leader.connection, &parent.excluded, |schema| self.copies_rows_of(schema)).await?;
        positions.retain(|position| !parent.left.has_relation(&position.name));
        let mut filled_views = materialized::filled(&mut leader.connection, &parent.excluded).await?;
        filled_views.retain(|(schema, name)| !parent.left.has_relation(&QualifiedName::new(schema, name)));
        let unfilled = materialized::leave_out_askers(&mut leader.connection, &mut filled_views).await?;
        Ok(Plan {
            withheld,
            masks,
            positions,
            default_grants: DefaultGrant::read(&mut leader.connection, &parent.excluded).await?,
            filled_views,
            unfilled,
            at: leader.at,
        })
    }

    /// The ledger of our own migrations comes along whatever is asked for: without it a branch would be migrated again.
    fn copies_rows_of(&self, schema: &str) -> bool {
        self.request.clone_mode == DataCloneMode::FullClone || schema == LEDGER_SCHEMA
    }

    /// Which seed files ran tells of rows, and comes along with them only: in a branch without rows each is to run again.
    fn leaves_out_log(&self, table: &Table) -> bool {
        self.request.clone_mode != DataCloneMode::FullClone && table.schema == LEDGER_SCHEMA && table.name == SEED_LOG
    }
}
