//! Branches.

use crate::{
    control_plane::MemoryUnitOfWork,
    paging::{newest_first, page},
    state::State,
};
use async_trait::async_trait;
use domain::{
    Branch, BranchId, BranchState, Generation, Slug, UserId,
    branch::Grant,
    page::{Page, PageRequest},
};
use ports::driven::{BranchRepository, StoreError};
use time::{Duration, OffsetDateTime};

impl State {
    pub(crate) fn live_branches(&self) -> impl Iterator<Item = &Branch> {
        self.branches.values().filter(|branch| !matches!(branch.state, BranchState::Deleted { .. }))
    }
}

fn list_key(branch: &Branch) -> String {
    let rank = if branch.is_main() { 'a' } else { 'b' };
    format!("{rank}{}", newest_first(branch.created_at, branch.id.as_uuid().as_u128()))
}

#[async_trait]
impl BranchRepository for MemoryUnitOfWork {
    async fn lock_admission(&mut self, _at_most: std::time::Duration) -> Result<(), StoreError> {
        self.write().await;
        Ok(())
    }

    async fn find(&mut self, id: BranchId, lock: bool) -> Result<Option<Branch>, StoreError> {
        if lock {
            self.write().await;
        }
        Ok(self.read(|state| state.branches.get(&id).cloned()))
    }

    async fn find_free(&mut self, id: BranchId) -> Result<Option<Branch>, StoreError> {
        // Writers take turns: in one's own turn nobody else has a row locked.
        self.find(id, true).await
    }

    async fn find_by_slug(&mut self, slug: &Slug) -> Result<Option<Branch>, StoreError> {
        Ok(self.read(|state| state.live_branches().find(|branch| branch.slug == *slug).cloned()))
    }

    async fn list(&mut self, of: Option<UserId>, request: &PageRequest) -> Result<Page<Branch>, StoreError> {
        let granted = |branch: &Branch| branch.grants.iter().any(|grant| Some(grant.user_id) == of);
        let shown = |branch: &&Branch| of.is_none() || branch.is_main() || branch.created_by == of || granted(branch);
        let branches = self.read(|state| state.live_branches().filter(shown).cloned().collect());
        page("branches", request, branches, list_key)
    }

    async fn count_live(&mut self, of: Option<UserId>) -> Result<u64, StoreError> {
        let counts = |branch: &&Branch| !branch.is_main() && (of.is_none() || branch.created_by == of);
        Ok(self.read(|state| state.live_branches().filter(counts).count() as u64))
    }

    async fn children(&mut self, id: BranchId) -> Result<Vec<Branch>, StoreError> {
        let mut children: Vec<Branch> = self.read(|state| state.live_branches().filter(|branch| branch.parent_id == Some(id)).cloned().collect());
        children.sort_by_key(|branch| (branch.created_at, branch.id));
        Ok(children)
    }

    async fn live(&mut self) -> Result<Vec<Branch>, StoreError> {
        Ok(self.read(|state| state.live_branches().cloned().collect()))
    }

    async fn with_previous(&mut self) -> Result<Vec<Branch>, StoreError> {
        Ok(self.read(|state| state.live_branches().filter(|branch| branch.previous.is_some()).cloned().collect()))
    }

    async fn unwarned(&mut self, within: Duration) -> Result<Vec<Branch>, StoreError> {
        let latest = self.now() + within;
        Ok(self.read(|state| {
            let news =
                |branch: &&Branch| !branch.protected && branch.expires_at.is_some_and(|at| at <= latest && state.warned.get(&branch.id) != Some(&at));
            state.live_branches().filter(news).cloned().collect()
        }))
    }

    async fn warned(&mut self, id: BranchId, of: OffsetDateTime) -> Result<(), StoreError> {
        self.write().await.warned.insert(id, of);
        Ok(())
    }

    async fn expired(&mut self) -> Result<Vec<Branch>, StoreError> {
        let now = self.now();
        // One that is being built cannot go: its turn comes when that is over.
        let due = |branch: &&Branch| {
            !branch.protected
                && branch.expires_at.is_some_and(|at| at <= now)
                && matches!(branch.state, BranchState::Ready { .. } | BranchState::Error { .. })
        };
        let mut expired: Vec<Branch> = self.read(|state| state.branches.values().filter(due).cloned().collect());
        expired.sort_by_key(|branch| (branch.expires_at, branch.id));
        Ok(expired)
    }

    async fn next_generation(&mut self, slug: &Slug) -> Result<Generation, StoreError> {
        let last = self.write().await.generations.entry(slug.clone()).or_default();
        *last += 1;
        Ok(Generation::new(*last).expect("it counts from 1"))
    }

    async fn insert(&mut self, branch: &Branch) -> Result<(), StoreError> {
        let state = self.write().await;
        if state.live_branches().any(|other| other.slug == branch.slug) {
            return Err(StoreError::Taken { what: "branch slug" });
        }
        if state.branches.keys().any(|id| id.short() == branch.id.short()) {
            return Err(StoreError::Taken { what: "branch id" });
        }
        state.branches.insert(branch.id, branch.clone());
        Ok(())
    }

    async fn update(&mut self, branch: &Branch) -> Result<(), StoreError> {
        let state = self.write().await;
        let Some(stored) = state.branches.get_mut(&branch.id) else {
            return Err(StoreError::Unexpected(format!("branch {} is not there to be written back", branch.id).into()));
        };
        // What a branch is, where it comes from and since when do not change.
        *stored = Branch {
            slug: stored.slug.clone(),
            clone_mode: stored.clone_mode,
            parent_id: stored.parent_id,
            created_by: stored.created_by,
            created_at: stored.created_at,
            grants: stored.grants.clone(),
            ..branch.clone()
        };
        Ok(())
    }

    async fn grant(&mut self, branch: BranchId, grant: &Grant) -> Result<(), StoreError> {
        let state = self.write().await;
        let Some(stored) = state.branches.get_mut(&branch) else {
            return Err(StoreError::Unexpected(format!("branch {branch} is not there to be shared").into()));
        };
        stored.grants.retain(|known| known.user_id != grant.user_id);
        stored.grants.push(grant.clone());
        stored.grants.sort_by_key(|known| (known.granted_at, known.user_id));
        Ok(())
    }

    async fn revoke_grant(&mut self, branch: BranchId, user: UserId) -> Result<bool, StoreError> {
        let Some(stored) = self.write().await.branches.get_mut(&branch) else { return Ok(false) };
        let before = stored.grants.len();
        stored.grants.retain(|known| known.user_id != user);
        Ok(stored.grants.len() < before)
    }
}
