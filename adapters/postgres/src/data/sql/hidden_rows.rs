//! Whether policies may hide rows of what a read is about.

use domain::table::Select;

use super::{planner::Grounds, refusal::Refusal, relationship::Embedded};

impl<'a> Grounds<'a> {
    /// Whether policies may hide rows of the table that a read is about, or of those it embeds. For views it is the tables that they read.
    pub(in crate::data) fn may_hide_rows(&self, select: &'a Select) -> Result<bool, Refusal> {
        let relation = self.relation(&select.table)?;
        let embeds = self.embeds(relation, &select.columns, "")?;
        Ok(self.catalogue.may_hide_rows(relation) || self.are_filtered(&embeds))
    }

    fn are_filtered(&self, embeds: &[Embedded<'a>]) -> bool {
        embeds.iter().any(|embedded| {
            let junction = embedded.link.junction().and_then(|junction| self.catalogue.get(junction));
            let hides = self.catalogue.may_hide_rows(embedded.relation) || junction.is_some_and(|junction| self.catalogue.may_hide_rows(junction));
            hides || self.are_filtered(&embedded.embeds)
        })
    }
}
