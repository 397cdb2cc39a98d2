//! Tables for people.

use super::output::colours;
use comfy_table::{Attribute, Cell, Color, Table, presets::NOTHING};
use domain::branch::Status;

/// A list: a line each, under a heading.
pub(super) fn list<const N: usize>(heading: [&str; N], rows: impl IntoIterator<Item = [Cell; N]>) -> String {
    let mut table = plain();
    table.set_header(heading.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    table.add_rows(rows);
    text(&mut table)
}

/// One thing: a line for each of its properties that it has.
pub(super) fn properties<'a>(rows: impl IntoIterator<Item = (&'a str, Option<Cell>)>) -> String {
    let mut table = plain();
    table.add_rows(rows.into_iter().filter_map(|(name, value)| Some([Cell::new(name).add_attribute(Attribute::Bold), value?])));
    text(&mut table)
}

/// A status in its colour.
pub(super) fn status(status: Status) -> Cell {
    let colour = match status {
        Status::Ready => Color::Green,
        Status::Creating | Status::Migrating | Status::Deleting => Color::Yellow,
        Status::Error => Color::Red,
        Status::Deleted => Color::DarkGrey,
    };
    Cell::new(status).fg(colour)
}

/// Whether something is so.
pub(super) fn yes_or_no(is_so: bool) -> Cell {
    Cell::new(if is_so { "yes" } else { "no" })
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).force_no_tty();
    if colours() {
        table.enforce_styling();
    }
    table
}

fn text(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::{list, properties};
    use comfy_table::Cell;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let text = list(["NAME", "N"], [[Cell::new("a"), Cell::new(1)], [Cell::new("longer"), Cell::new(22)]]);
        assert_eq!(text, "NAME    N\na       1\nlonger  22");
    }

    #[test]
    fn what_is_not_there_has_no_line() {
        assert_eq!(properties([("Name", Some(Cell::new("x"))), ("Error", None), ("Type", Some(Cell::new("y")))]), "Name  x\nType  y");
    }
}
