//! Columns and the JSON paths into them, as expressions.

use domain::{
    catalogue::Column,
    table::{FieldPath, JsonStep},
};

use super::{
    planner::{Place, Planner},
    refusal::Refusal,
    relationship::Scope,
    statement::push_number,
};

/// What an expression that was written is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expression<'a> {
    Column(&'a Column),
    /// What `->` gives.
    Json,
    /// What `->>` gives.
    JsonText,
}

impl<'a> Planner<'a> {
    /// Writes a field to be shown.
    pub(super) fn push_field(&mut self, out: &mut String, scope: &Scope<'_, 'a>, path: &'a FieldPath) -> Result<(), Refusal> {
        let column = self.column(scope.relation, &path.column, Place::Select, scope.path)?;
        self.push_path(out, scope, column, path, Place::Select)
    }

    /// Writes a field to be compared or sorted: JSON as jsonb, since json has neither equality nor order.
    pub(super) fn push_comparable(
        &mut self,
        out: &mut String,
        scope: &Scope<'_, 'a>,
        path: &'a FieldPath,
        place: Place,
    ) -> Result<Expression<'a>, Refusal> {
        let column = self.column(scope.relation, &path.column, place, scope.path)?;
        let kind = match path.steps.last() {
            None => Expression::Column(column),
            Some(JsonStep::Key(_) | JsonStep::Index(_)) => Expression::Json,
            Some(JsonStep::KeyText(_) | JsonStep::IndexText(_)) => Expression::JsonText,
        };
        let is_json = matches!(kind, Expression::Json) && column.base_type == "json";
        self.push_path(out, scope, column, path, place)?;
        if is_json {
            out.push_str("::pg_catalog.jsonb");
        }
        Ok(kind)
    }

    fn push_path(&mut self, out: &mut String, scope: &Scope<'_, 'a>, column: &Column, path: &'a FieldPath, place: Place) -> Result<(), Refusal> {
        if path.steps.is_empty() {
            self.push_column(out, scope.relation, scope.alias, &column.name);
            return Ok(());
        }
        out.push('(');
        match way_into(column) {
            Way::Straight => self.push_column(out, scope.relation, scope.alias, &column.name),
            Way::ByJsonb => {
                out.push_str("pg_catalog.to_jsonb(");
                self.push_column(out, scope.relation, scope.alias, &column.name);
                out.push(')');
            }
            Way::None => {
                let message = format!("'{}' is {}, not JSON: '->' leads nowhere", column.name, column.type_name);
                return Err(Refusal::fault(place.pointer(scope.path, &column.name), message));
            }
        }
        for step in &path.steps {
            self.push_step(out, step);
        }
        out.push(')');
        Ok(())
    }

    fn push_step(&mut self, out: &mut String, step: &'a JsonStep) {
        match step {
            JsonStep::Key(_) | JsonStep::Index(_) => out.push_str(" -> "),
            JsonStep::KeyText(_) | JsonStep::IndexText(_) => out.push_str(" ->> "),
        }
        match step {
            JsonStep::Key(key) | JsonStep::KeyText(key) => {
                self.params.bind(out, key.as_str());
                out.push_str("::pg_catalog.text");
            }
            JsonStep::Index(index) | JsonStep::IndexText(index) => {
                out.push('(');
                push_number(out, index);
                out.push(')');
            }
        }
    }
}

enum Way {
    Straight,
    /// Arrays and composite types.
    ByJsonb,
    None,
}

fn way_into(column: &Column) -> Way {
    match column.base_type.as_str() {
        "json" | "jsonb" => Way::Straight,
        // Types outside of pg_catalog are qualified: composite ones, domains, hstore.
        other if other.ends_with("[]") || other.contains('.') => Way::ByJsonb,
        _ => Way::None,
    }
}
