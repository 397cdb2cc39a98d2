//! How many branches there may be.

use crate::Failure;

/// The configured limits. Main does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Live branches of one user at most.
    pub max_branches_per_user: u32,
    /// Live branches at most.
    pub max_total_branches: u32,
}

impl Quota {
    /// Whether one more branch fits, given how many live ones there are in all and of its maker (`None`: a service key, counted in the total only).
    ///
    /// The counts must have been read under the lock that the insert holds; else two requests may both pass.
    pub fn admit(&self, total: u64, of_user: Option<u64>) -> Result<(), Failure> {
        let reached = |limit, max: u32| Failure::LimitReached { code: "quota_exceeded", limit, max: u64::from(max) };
        if total >= u64::from(self.max_total_branches) {
            return Err(reached("branching.max_total_branches", self.max_total_branches));
        }
        if of_user.is_some_and(|count| count >= u64::from(self.max_branches_per_user)) {
            return Err(reached("branching.max_branches_per_user", self.max_branches_per_user));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Quota;

    #[test]
    fn the_last_place_is_given_and_no_more() {
        let quota = Quota { max_branches_per_user: 2, max_total_branches: 3 };
        assert!(quota.admit(2, Some(1)).is_ok());
        assert!(quota.admit(2, Some(2)).is_err());
        assert!(quota.admit(3, Some(0)).is_err());
        assert!(quota.admit(2, None).is_ok());
    }
}
