//! Room and turns of copies that are made at the same time, by whichever replica.

use super::{Admin, House, Quiet, refusal};
use async_trait::async_trait;
use domain::{DataCloneMode, StepName};
use ports::driven::{BranchBuilder, BuildError, BuildProgress};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, Semaphore, watch};

const SQL: &str = "create table t (id int, filler text);
    alter table t alter column filler set storage external; insert into t select n, repeat('x', 1000) from generate_series(1, 20000) n";

/// Stays at the beginning of a step until it is let go on.
struct Held {
    at: StepName,
    reached: Notify,
    goes_on: Semaphore,
}

impl Held {
    fn at(at: StepName) -> Arc<Self> {
        Arc::new(Self { at, reached: Notify::new(), goes_on: Semaphore::new(0) })
    }
}

#[async_trait]
impl BuildProgress for Held {
    async fn step(&self, step: StepName) -> Result<(), BuildError> {
        if step == self.at {
            self.reached.notify_one();
            self.goes_on.acquire().await.unwrap().forget();
        }
        Ok(())
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        Ok(())
    }
}

/// Tells whether it waits for its turn.
struct Waits(watch::Sender<bool>);

#[async_trait]
impl BuildProgress for Waits {
    async fn step(&self, _: StepName) -> Result<(), BuildError> {
        Ok(())
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        Ok(())
    }

    fn waits_for_turn(&self, waits: bool) {
        self.0.send_replace(waits);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_counts_as_big_as_it_will_be_from_its_beginning() {
    let mut house = House::new(Admin::Plain, SQL).await;
    house.settings.stock.max_templates = 0;
    let size: i64 = house.value(&house.main, "select pg_database_size(current_database())").await;
    house.settings.stock.disk_budget = u64::try_from(size * 3 / 2).unwrap();
    let (first, second) = (house.builder(), house.builder());
    for step in [StepName::CopyDefinitions, StepName::CopyRows] {
        let held = Held::at(step);
        let request = house.request("first", DataCloneMode::FullClone);
        let copying = first.build(&request, Arc::clone(&held) as Arc<dyn BuildProgress>);
        let meanwhile = async {
            held.reached.notified().await;
            let refused = refusal(second.build(&house.request("second", DataCloneMode::FullClone), Arc::new(Quiet)).await);
            held.goes_on.add_permits(1);
            refused
        };
        let (built, (code, message)) = tokio::join!(copying, meanwhile);
        assert_eq!((built.unwrap().rows, code), (20000, "no_room"), "{message}");
        // It takes what it takes, and no more is kept for it.
        house.builder().drop_database(&request.target, Arc::new(Quiet)).await.unwrap();
    }
    second.build(&house.request("second", DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_read_of_a_parent_in_a_second_is_one_copys_at_a_time() {
    let mut house = House::new(Admin::Superuser, "create table t (id int); insert into t select generate_series(1, 100)").await;
    house.settings.clone_rate = 1024 * 1024;
    let held = Held::at(StepName::CopyRows);
    let (first, second) = (house.builder(), house.builder());
    let (one, other) = (house.request("one", DataCloneMode::FullClone), house.request("other", DataCloneMode::FullClone));
    let (says, mut waits) = watch::channel(false);
    let meanwhile = async {
        held.reached.notified().await;
        let let_go = async {
            tokio::time::timeout(Duration::from_secs(20), waits.wait_for(|waits| *waits)).await.expect("it waits for its turn").unwrap();
            held.goes_on.add_permits(1);
        };
        tokio::join!(second.build(&other, Arc::new(Waits(says))), let_go).0
    };
    let (one, other) = tokio::join!(first.build(&one, Arc::clone(&held) as Arc<dyn BuildProgress>), meanwhile);
    assert_eq!((one.unwrap().rows, other.unwrap().rows), (100, 100));
}
