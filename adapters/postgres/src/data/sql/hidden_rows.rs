//! Whether policies may hide rows of what a read is about.

use domain::{catalogue::Relation, table::Select};

use super::{planner::Grounds, refusal::Refusal, relationship::Embedded};

impl<'a> Grounds<'a> {
    /// Whether policies may hide rows of the table that a read is about, or of those it embeds. For views it is the tables that they read.
    pub(in crate::data) fn may_hide_rows(&self, select: &'a Select) -> Result<bool, Refusal> {
        let relation = self.relation(&select.table)?;
        let embeds = self.embeds(relation, &select.columns, "")?;
        Ok(self.is_filtered(relation) || self.are_filtered(&embeds))
    }

    fn are_filtered(&self, embeds: &[Embedded<'a>]) -> bool {
        embeds.iter().any(|embedded| {
            let junction = embedded.link.junction().and_then(|junction| self.catalogue.get(junction));
            self.is_filtered(embedded.relation) || junction.is_some_and(|junction| self.is_filtered(junction)) || self.are_filtered(&embedded.embeds)
        })
    }

    /// What lies outside of the exposed schemas is not known.
    fn is_filtered(&self, relation: &Relation) -> bool {
        relation.row_security || relation.reads.iter().any(|name| self.catalogue.get(name).is_none_or(|read| read.row_security))
    }
}
