//! The stock's keeper: drops what is stale, too much or too old, and makes what branches will be cut from next.

use super::{
    demand::{Demand, Wanted},
    disk,
    fresh::{self, CloneProbe},
    log_disk,
    mark::{Kind, StockMark},
    origin::Origin,
    policy::{self, Clearance, clear, next_spare},
    reserved,
    room::take_spare_room,
    shelf::{Shelf, drop_marked, remark},
};
use crate::{claim::Claim, database::drop::drop_by_name, kept_connections::Kept, settings::Settings};
use domain::DataCloneMode;
use ports::driven::BuildError;
use std::collections::HashMap;

/// The lock of which there is one for all replicas.
const KEEPER: &str = "stock";

/// Puts the stock in order, and tells whether a spare lies ready then. Does nothing where another replica is at it. Connections for the next branch lie ready
/// then, too.
pub(crate) async fn tend(settings: &Settings, kept: &Kept, demand: &Demand, probe: &CloneProbe) -> Result<bool, BuildError> {
    let Some(hold) = Claim::try_take_from_silent(settings, KEEPER).await? else { return Ok(false) };
    let mut keeper = Keeper { settings, demand, probe, hold };
    let outcome = keeper.put_in_order().await;
    match outcome {
        Ok(_) => keeper.hold.release_to(kept).await,
        Err(_) => keeper.hold.release().await,
    }
    let spare = outcome?;
    kept.complete(settings).await?;
    Ok(spare)
}

struct Keeper<'a> {
    settings: &'a Settings,
    demand: &'a Demand,
    probe: &'a CloneProbe,
    hold: Claim,
}

/// What is to be copied from a parent: with the time of its last use, and how often it was made anew since.
type Order = (Wanted, i64, u32);

impl Keeper<'_> {
    async fn put_in_order(&mut self) -> Result<bool, BuildError> {
        let settings = self.settings;
        drop_by_name(self.hold.admin(), settings, &fresh::provisional(settings)).await?;
        let mut stored = Shelf::read(self.hold.admin(), settings, &[Kind::Template, Kind::Spare]).await?;
        let waste = std::mem::take(&mut stored.waste);
        self.drop_all(&waste).await;
        if settings.stock.max_templates == 0 {
            self.drop_all(&stored.items).await;
            return Ok(false);
        }
        let orders = self.note_uses(&mut stored.items).await?;
        let Clearance { goes, again, mut stays } = self.clear(stored).await?;
        self.drop_all(&goes).await;

        let mut orders: Vec<Order> = again.into_iter().chain(orders).collect();
        // Small ones do not wait for big ones.
        orders.sort_by_key(|(wanted, used_at, _)| (wanted.mode == DataCloneMode::FullClone, std::cmp::Reverse(*used_at)));
        self.make_spares(&mut stays).await;
        for order in orders {
            if is_there(&stays, &order.0) {
                continue;
            }
            if self.demand.is_waited_for() {
                // Tended again as soon as that branch is there.
                self.demand.note(order.0, order.1);
                continue;
            }
            if let Err(error) = self.make_template(order, &mut stays).await {
                tracing::warn!(%error, "a template could not be made; the next branch is copied from its parent");
            }
            self.make_spares(&mut stays).await;
        }
        Ok(stays.iter().any(|mark| mark.kind == Kind::Spare))
    }

    /// Writes uses into the marks; gives those for which there is no template.
    async fn note_uses(&mut self, items: &mut [StockMark]) -> Result<Vec<Order>, BuildError> {
        let mut orders = Vec::new();
        for (wanted, at) in self.demand.take() {
            let templates = items.iter_mut().filter(|mark| mark.kind == Kind::Template && Wanted::from(&mark.origin) == wanted);
            let mut known = false;
            for template in templates {
                known = true;
                if template.used_at < at {
                    template.used_at = at;
                    template.unused_rebuilds = 0;
                    remark(self.hold.admin(), template).await?;
                }
            }
            if !known {
                orders.push((wanted, at, 0));
            }
        }
        Ok(orders)
    }

    async fn clear(&mut self, stored: Shelf) -> Result<Clearance, BuildError> {
        let settings = self.settings;
        let mut parents: HashMap<Wanted, Option<Origin>> = HashMap::new();
        for mark in stored.of_kind(Kind::Template) {
            let wanted = Wanted::from(&mark.origin);
            if parents.contains_key(&wanted) {
                continue;
            }
            let now = match Origin::now(self.hold.admin(), settings, (&wanted.parent, wanted.is_main), wanted.mode).await {
                Ok(now) => now,
                Err(error) => {
                    // It may be closed for a while; whoever takes from the stock compares again.
                    tracing::debug!(%error, parent = %wanted.parent, "a template's parent could not be looked at");
                    Some(mark.origin.clone())
                }
            };
            parents.insert(wanted, now);
        }
        let is_fresh = |mark: &StockMark| parents.get(&Wanted::from(&mark.origin)).is_some_and(|now| now.as_ref() == Some(&mark.origin));
        let now = stored.now();
        let mut clearance = clear(stored.items, &is_fresh, &settings.stock, now);
        clearance.again.retain(|(wanted, ..)| parents.get(wanted).is_some_and(Option::is_some));
        Ok(clearance)
    }

    async fn make_spares(&mut self, stays: &mut Vec<StockMark>) {
        let mut tried = 0;
        while let Some(template) = next_spare(stays, &self.settings.stock).cloned().filter(|_| !self.demand.is_waited_for()) {
            tried += 1;
            let outcome = match self.has_room(stays, template.bytes).await {
                Ok(true) => {
                    let made = fresh::spare(&mut self.hold, self.settings, &template, self.probe).await;
                    reserved::settle(self.hold.admin(), self.settings).await.and(made)
                }
                Ok(false) => return tracing::debug!("no room for further spares"),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(spare) => stays.push(spare),
                Err(error) => return tracing::warn!(%error, tried, "a spare could not be made"),
            }
        }
    }

    async fn make_template(&mut self, (wanted, used_at, unused): Order, stays: &mut Vec<StockMark>) -> Result<(), BuildError> {
        let needed = disk::needed(self.hold.admin(), &wanted.parent, wanted.mode).await?;
        if needed > self.settings.stock.max_bytes {
            tracing::info!(parent = %wanted.parent, bytes = needed, "no template: it alone would be bigger than branching.max_template_bytes");
            return Ok(());
        }
        // Nothing that lies ready takes room there.
        if let Err(error) = log_disk::check(self.hold.admin(), self.settings, needed).await {
            tracing::info!(parent = %wanted.parent, %error, "no template");
            return Ok(());
        }
        while stays.iter().filter(|mark| mark.kind == Kind::Template).count() >= self.settings.stock.max_templates as usize {
            self.drop_longest_unused(stays).await;
        }
        while !self.has_room(stays, needed).await? {
            let Some(goes) = policy::make_room(stays, 1).filter(|goes| !goes.is_empty()) else {
                tracing::info!(parent = %wanted.parent, "no template: there is no room for it");
                return Ok(());
            };
            self.let_go(stays, &goes).await;
        }
        let made = fresh::template(&mut self.hold, self.settings, &wanted, (used_at, unused)).await;
        let template = reserved::settle(self.hold.admin(), self.settings).await.and(made)?;
        tracing::info!(parent = %wanted.parent, mode = wanted.mode.name(), bytes = template.bytes, "a template was made");
        stays.push(template);
        Ok(())
    }

    async fn drop_longest_unused(&mut self, stays: &mut Vec<StockMark>) {
        let oldest = stays.iter().filter(|mark| mark.kind == Kind::Template).min_by_key(|mark| mark.used_at).cloned();
        let Some(oldest) = oldest else { return };
        let goes: Vec<_> = stays.iter().filter(|mark| mark.origin.same_parent(&oldest.origin)).cloned().collect();
        self.let_go(stays, &goes).await;
    }

    /// Takes it, too, where it is there; what is made of it is settled afterwards.
    async fn has_room(&mut self, stays: &[StockMark], needed: u64) -> Result<bool, BuildError> {
        let held: u64 = stays.iter().map(|mark| mark.bytes).sum();
        if held.saturating_add(needed) > self.settings.stock.max_bytes || log_disk::check(self.hold.admin(), self.settings, needed).await.is_err() {
            return Ok(false);
        }
        take_spare_room(self.hold.admin(), self.settings, needed).await
    }

    async fn let_go(&mut self, stays: &mut Vec<StockMark>, goes: &[StockMark]) {
        stays.retain(|mark| goes.iter().all(|gone| gone.id != mark.id));
        self.drop_all(goes).await;
    }

    /// What cannot be dropped is tried again the next time.
    async fn drop_all(&mut self, marks: &[StockMark]) {
        for mark in marks {
            if let Err(error) = drop_marked(self.hold.admin(), self.settings, mark).await {
                tracing::warn!(%error, database = %mark.database(), "a database of the stock could not be dropped");
            }
        }
    }
}

fn is_there(stays: &[StockMark], wanted: &Wanted) -> bool {
    stays.iter().any(|mark| mark.kind == Kind::Template && Wanted::from(&mark.origin) == *wanted)
}
